"""Networks of one unusual operator each, behind a convolution; `host_operators` reports on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["CALLS", "MODULES", "Call", "make"]


class Call(nn.Module):
    """A convolution of an image, a call, and a convolution where the call returns 8 channels."""

    def __init__(self, call: Callable[[Any, Tensor], Any], parts: dict[str, nn.Module]) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3)
        self.fc = nn.Linear(8, 8)
        self.call = call
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, x: Tensor) -> Any:
        return self.call(self, self.first(x))


class Double(torch.autograd.Function):
    """A function with a gradient of its own."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return 2 * x

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # pyright: ignore
        return 2 * grad


def assigned(x: Tensor) -> Tensor:
    x[:, 0] = 0
    return x


def pooled(x: Tensor) -> Tensor:
    return x.mean((2, 3))


def sampled(x: Tensor) -> Tensor:
    grid = torch.tanh(x[:, :2].permute(0, 2, 3, 1))
    return F.grid_sample(x, grid, align_corners=False)


def unpooled(x: Tensor) -> Tensor:
    found = F.max_pool2d(x, 2, return_indices=True)
    return F.max_unpool2d(found[0], found[1], 2)


CALLS: dict[str, Callable[[Any, Tensor], Any]] = {
    "softmax": lambda m, x: m.last(torch.softmax(x, 1)),
    "log_softmax": lambda m, x: F.log_softmax(m.fc(pooled(x)), 1),
    "logsumexp": lambda m, x: torch.logsumexp(x, 1),
    "layer_norm": lambda m, x: m.last(F.layer_norm(x, (8, 12, 12))),
    "group_norm": lambda m, x: m.last(F.group_norm(x, 2)),
    "instance_norm": lambda m, x: m.last(F.instance_norm(x)),
    "local_response_norm": lambda m, x: m.last(F.local_response_norm(x, 3)),
    "normalize": lambda m, x: m.last(F.normalize(x)),
    "norm": lambda m, x: torch.norm(pooled(x), dim=1, keepdim=True),
    "std": lambda m, x: torch.std(x, (2, 3)),
    "sum": lambda m, x: torch.sum(x, (2, 3)),
    "prod": lambda m, x: torch.prod(pooled(x), 1, keepdim=True),
    "amax": lambda m, x: torch.amax(x, (2, 3)),
    "sub": lambda m, x: m.last(x - m.last(F.pad(x, (1, 1, 1, 1)))),
    "div": lambda m, x: m.last(x / (1 + x.abs())),
    "maximum": lambda m, x: m.last(torch.maximum(x, -x)),
    "add, alpha": lambda m, x: m.last(torch.add(x, torch.sigmoid(x), alpha=2)),
    "mul, mask": lambda m, x: m.last(x * (x > 0)),
    "einsum": lambda m, x: torch.einsum("nchw,ndhw->ncd", x, x),
    "matmul": lambda m, x: torch.matmul(x, x),
    "bmm": lambda m, x: torch.bmm(x.flatten(2), x.flatten(2).transpose(1, 2)),
    "scaled_dot_product_attention": lambda m, x: F.scaled_dot_product_attention(x, x, x),
    "cumsum": lambda m, x: m.last(torch.cumsum(x, 1)),
    "sort": lambda m, x: m.last(torch.sort(x, 1)[0]),
    "topk": lambda m, x: torch.topk(m.fc(pooled(x)), 3),
    "argmax": lambda m, x: torch.argmax(m.fc(pooled(x)), 1),
    "one_hot": lambda m, x: F.one_hot(torch.argmax(m.fc(pooled(x)), 1), 8),
    "where": lambda m, x: m.last(torch.where(x > 0, x, 0.1 * x)),
    "masked_fill": lambda m, x: m.last(x.masked_fill(x < 0, 0.0)),
    "gather": lambda m, x: torch.gather(pooled(x), 1, torch.argsort(pooled(x), 1)),
    "index_select": lambda m, x: m.last(torch.index_select(x, 1, torch.arange(7, -1, -1))),
    "index of a list": lambda m, x: m.last(x[:, [1, 0, 3, 2, 5, 4, 7, 6]]),
    "roll": lambda m, x: m.last(torch.roll(x, 1, 2)),
    "flip": lambda m, x: m.last(torch.flip(x, (3,))),
    "permute": lambda m, x: m.fc(x.permute(0, 2, 3, 1)),
    "transpose": lambda m, x: m.last(x.transpose(2, 3)),
    "repeat": lambda m, x: m.last(x.repeat(1, 1, 2, 2)),
    "unsqueeze": lambda m, x: x.unsqueeze(1),
    "unbind": lambda m, x: torch.stack(x.unbind(1)[:3], 1),
    "pixel_shuffle": lambda m, x: F.pixel_shuffle(x, 2),
    "pixel_unshuffle": lambda m, x: F.pixel_unshuffle(x, 2),
    "unfold": lambda m, x: F.unfold(x, 3),
    "fold": lambda m, x: F.fold(F.unfold(x, 2, stride=2), (12, 12), 2, stride=2),
    "grid_sample": lambda m, x: sampled(x),
    "interpolate, bilinear": lambda m, x: m.last(F.interpolate(x, scale_factor=2, mode="bilinear")),
    "interpolate, bicubic": lambda m, x: m.last(F.interpolate(x, scale_factor=2, mode="bicubic")),
    "interpolate, nearest, 12 to 17": lambda m, x: m.last(F.interpolate(x, size=(17, 17))),
    "pad, reflect": lambda m, x: m.last(F.pad(x, (1, 1, 1, 1), "reflect")),
    "avg_pool2d, ceil_mode": lambda m, x: F.avg_pool2d(x, 3, 2, ceil_mode=True),
    "avg_pool2d, border not counted": lambda m, x: F.avg_pool2d(x, 3, 1, 1, False, False),
    "adaptive_avg_pool2d, 12 to 5": lambda m, x: F.adaptive_avg_pool2d(x, 5),
    "adaptive_max_pool2d": lambda m, x: F.adaptive_max_pool2d(x, 4),
    "lp_pool2d": lambda m, x: F.lp_pool2d(x, 2.0, 2),
    "max_unpool2d": lambda m, x: unpooled(x),
    "embedding, input of integers": lambda m, x: m.table(x.argmax(1)),
    "fft2, complex numbers": lambda m, x: m.last(torch.fft.fft2(x).abs()),
    "half": lambda m, x: m.last(x.half().float()),
    "conv2d of computed weights": lambda m, x: F.conv2d(x, m.last.weight / m.last.weight.norm()),
    "a tensor of the network's own": lambda m, x: m.last(x + m.gain),
    "a gradient of one's own": lambda m, x: m.last(Double.apply(x)),
    "dropout in training mode": lambda m, x: m.last(F.dropout(x, 0.5, training=True)),
    "batch_norm in training mode": lambda m, x: m.last(F.batch_norm(x, None, None, training=True)),
    "control flow that depends on data": lambda m, x: m.last(x) if x.sum() > 0 else m.last(-x),
    "a loop over a tensor": lambda m, x: torch.stack([m.last(part) for part in x.split(1)]),
    "a number read from a tensor": lambda m, x: m.last(x / x.max().item()),
    "a size that depends on data": lambda m, x: torch.nonzero(x),
    "assignment to a part": lambda m, x: m.last(assigned(x)),
    "log of numbers below 0": lambda m, x: m.last(torch.log(x)),
}
MODULES: dict[str, Callable[[], nn.Module]] = {
    "Softmax in a sequence": lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.Softmax(1)),
    "GroupNorm": lambda: Call(lambda m, x: m.last(m.norm(x)), {"norm": nn.GroupNorm(2, 8)}),
    "PReLU, a slope a channel": lambda: Call(lambda m, x: m.last(m.act(x)), {"act": nn.PReLU(8)}),
    "GLU": lambda: Call(lambda m, x: m.act(x), {"act": nn.GLU(1)}),
    "Conv2d, padding_mode": lambda: Call(
        lambda m, x: m.conv(x), {"conv": nn.Conv2d(8, 8, 3, padding=1, padding_mode="circular")}
    ),
    "Conv3d": lambda: Call(lambda m, x: m.conv(x[:, None]), {"conv": nn.Conv3d(1, 2, 3)}),
    "ConvTranspose3d": lambda: Call(
        lambda m, x: m.conv(x[:, None]), {"conv": nn.ConvTranspose3d(1, 2, 3)}
    ),
    "ConvTranspose1d": lambda: Call(
        lambda m, x: m.conv(x.flatten(2)), {"conv": nn.ConvTranspose1d(8, 8, 3)}
    ),
    "LSTM": lambda: Call(
        lambda m, x: m.rnn(x.flatten(2).transpose(1, 2))[0], {"rnn": nn.LSTM(8, 8)}
    ),
    "GRU": lambda: Call(lambda m, x: m.rnn(x.flatten(2).transpose(1, 2))[0], {"rnn": nn.GRU(8, 8)}),
    "MultiheadAttention": lambda: Call(
        lambda m, x: m.heads(*[x.flatten(2).transpose(1, 2)] * 3)[0],
        {"heads": nn.MultiheadAttention(8, 2, batch_first=True)},
    ),
    "TransformerEncoderLayer": lambda: Call(
        lambda m, x: m.layer(x.flatten(2).transpose(1, 2)),
        {"layer": nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)},
    ),
    "Bilinear": lambda: Call(
        lambda m, x: m.pair(pooled(x), pooled(x)), {"pair": nn.Bilinear(8, 8, 4)}
    ),
    "weights of half precision": lambda: nn.Sequential(nn.Conv2d(3, 8, 3).half()),
    "no operator": nn.Identity,
}


def make(name: str) -> nn.Module:
    """Return a network in evaluation mode, its weights from a seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        if name in MODULES:
            return MODULES[name]().eval()
        network = Call(CALLS[name], {"table": nn.Embedding(8, 4)})
        network.gain = nn.Parameter(torch.ones(8, 1, 1))
        return network.eval()
