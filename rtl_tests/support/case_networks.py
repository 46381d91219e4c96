"""Small networks whose calls quantization tends to misread: in place, by keyword, called twice.

`ACCEPTED` have to equal PyTorch's own INT8 module and to come near to their floats; `REFUSED` have
to be refused, with the sentence that stands there.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional

__all__ = ["ACCEPTED", "REFUSED", "Body", "make"]

Body = Callable[[nn.ModuleDict, torch.Tensor], torch.Tensor]


class _Net(nn.Module):
    """Modules by name, and a function that calls them; then a mean and a linear layer."""

    def __init__(self, parts: dict[str, nn.Module], body: Body, features: int) -> None:
        super().__init__()
        self.parts = nn.ModuleDict(parts)
        self.body = body
        self.head = nn.Linear(features, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.body(self.parts, x)
        return self.head(x.mean((2, 3))) if self.head.in_features > 1 else x


def _conv(inputs: int = 8, outputs: int = 8, kernel: int = 3, **options) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, **{"padding": kernel // 2} | options)


def _net(body: Body, features: int = 8, **parts: nn.Module) -> Callable[[], nn.Module]:
    return lambda: _Net({"a": _conv(3), "b": _conv(), **parts}, body, features)


def _inplace_other_reader(m: nn.ModuleDict, x: torch.Tensor) -> torch.Tensor:
    y = m["pool"](m["a"](x))
    z = m["act"](y)
    return m["b"](y) + z


def _inplace_statement(m: nn.ModuleDict, x: torch.Tensor) -> torch.Tensor:
    y = m["a"](x)
    y.relu_()
    return y


def _inplace_sum(m: nn.ModuleDict, x: torch.Tensor) -> torch.Tensor:
    x = m["a"](x)
    y = m["b"](x)
    y += x
    z = y
    y.add_(x, alpha=1)  # z is y
    return functional.relu(y) + z


def _inplace_dropout(m: nn.ModuleDict, x: torch.Tensor) -> torch.Tensor:
    """In evaluation mode, what dropout returns is what it was given."""
    x = m["a"](x)
    y = m["drop"](x)
    functional.relu(x, inplace=True)
    return m["b"](y)


def _inplace_image(m: nn.ModuleDict, x: torch.Tensor) -> torch.Tensor:
    m["act"](x)
    return m["b"](functional.relu(m["a"](x)))


def _inplace_clamps(m: nn.ModuleDict, x: torch.Tensor) -> torch.Tensor:
    x = m["a"](x)
    x.clamp_(-0.5, 0.75)
    y = m["b"](x)
    functional.relu6(y, inplace=True)
    z = m["c"](y)
    functional.hardtanh(z, -0.25, 0.5, True)
    return y + z


def _view_before(m: nn.ModuleDict, x: torch.Tensor) -> torch.Tensor:
    x = m["a"](x)
    flat = torch.flatten(x, 1)
    functional.relu(x, inplace=True)
    return m["b"](x) + flat.mean()


def _shared(m: nn.ModuleDict, x: torch.Tensor) -> torch.Tensor:
    x = functional.relu(m["a"](x))
    return functional.relu(m["b"](functional.relu(m["b"](x))))


def _relus(m: nn.ModuleDict, x: torch.Tensor) -> torch.Tensor:
    x = functional.relu(m["a"](x))
    x = torch.relu(m["b"](x))
    x = m["c"](x).relu()
    x = functional.relu(m["d"](x), inplace=True)
    x = m["e"](x).relu_()
    return torch.clamp(m["f"](x), 0.0, 1.0)


def _keywords(m: nn.ModuleDict, x: torch.Tensor) -> torch.Tensor:
    x = functional.relu(input=m["a"](input=x))
    y = functional.max_pool2d(input=m["b"](x), kernel_size=3, stride=1, padding=1)
    y = torch.add(input=y, other=x)
    x = torch.cat(tensors=[x, y], dim=1)
    return torch.mean(input=x, dim=(2, 3), keepdim=True)


def _image_read_often(m: nn.ModuleDict, x: torch.Tensor) -> torch.Tensor:
    pooled = m["pool"](x)
    added = x + m["narrow"](x)
    return torch.cat([x, pooled, functional.relu(m["a"](x)), added], 1)


def _named_like_methods(m: nn.ModuleDict, x: torch.Tensor) -> torch.Tensor:
    """Modules may have methods' names."""
    return m["clamp_"](m["relu"](m["a"](x)))


def _pyramid(m: nn.ModuleDict, x: torch.Tensor) -> torch.Tensor:
    x = functional.relu(m["a"](x))
    y = m["pool"](x)
    return torch.cat([x, y, m["pool"](y)], 1)


def _dead(m: nn.ModuleDict, x: torch.Tensor) -> torch.Tensor:
    return functional.relu(m["a"](x)) + functional.relu(m["zero"](x))


def _multiplied(m: nn.ModuleDict, x: torch.Tensor) -> torch.Tensor:
    """In every spelling."""
    x = m["a"](x)
    y = m["b"](x)
    y *= x
    z = y
    y.mul_(x)  # z is y
    y = y * z
    y = torch.mul(input=y, other=x) * 0.5
    return functional.relu(torch.multiply(y, m["c"](x)).mul(3)) * m["c"](y)


def _gated(m: nn.ModuleDict, x: torch.Tensor) -> torch.Tensor:
    """Squeeze-and-excitation, the gate on either side, and one behind a linear layer's rows."""
    x = functional.relu(m["a"](x))
    gate = m["excite"](functional.relu(m["squeeze"](x.mean((2, 3), keepdim=True))))
    y = torch.clamp(gate, 0.0, 1.0) * x
    return y * functional.relu6(functional.adaptive_avg_pool2d(m["b"](y), 1))


def _multiplied_rows(m: nn.ModuleDict, x: torch.Tensor) -> torch.Tensor:
    """Flattened images, whose elements are in no order of PyTorch's."""
    x = m["a"](x)
    x = torch.flatten(x, 1) * torch.flatten(m["b"](x), 1) * 0.25
    return m["rows"](functional.relu(x))


def _constant(module: nn.Conv2d, bias: float, channel: int | None = None) -> nn.Conv2d:
    """A convolution with a constant output, or one constant channel."""
    assert module.bias is not None
    with torch.no_grad():
        where = slice(None) if channel is None else channel
        module.weight[where] = 0.0
        module.bias[where] = bias
    return module


def _pool3() -> nn.Module:
    return nn.MaxPool2d(3, stride=1, padding=1)


def _padded(m: nn.ModuleDict, x: torch.Tensor) -> torch.Tensor:
    """Two pads in a row with two readers, one of which has padding of its own."""
    x = functional.pad(m["pad"](functional.relu(m["a"](x))), (0, 1, 0, 3))
    return m["far"](x).mean((2, 3), keepdim=True) + m["b"](x).mean((2, 3), keepdim=True)


ACCEPTED: dict[str, Callable[[], nn.Module]] = {
    "multiplied": _net(_multiplied, c=_conv()),
    "gated": _net(_gated, squeeze=_conv(8, 3, 1), excite=_conv(3, 8, 1)),
    "multiplied_rows": _net(_multiplied_rows, 1, rows=nn.Linear(8 * 144, 10)),
    "same_even": _net(
        lambda m, x: m["even"](m["a"](x)), even=_conv(kernel=4, padding="same", dilation=3)
    ),
    "padded": _net(_padded, pad=nn.ZeroPad2d((2, 0, 1, 0)), far=_conv(stride=2, padding=0)),
    "padded_image": _net(lambda m, x: m["a"](functional.pad(x, (0, 1, 0, 2)))),
    "zero_weights": _net(lambda m, x: m["zero"](x), zero=_constant(_conv(3), 300.0, 1)),
    "constant": _net(lambda m, x: m["zero"](m["a"](x)), zero=_constant(_conv(), -300.0)),
    "dead": _net(_dead, zero=_constant(_conv(3), -100.0, 0)),
    "inplace_other_reader": _net(_inplace_other_reader, act=nn.ReLU(inplace=True), pool=_pool3()),
    "inplace_statement": _net(_inplace_statement),
    "inplace_sum": _net(_inplace_sum),
    "inplace_dropout": _net(_inplace_dropout, drop=nn.Dropout()),
    "inplace_image": _net(_inplace_image, act=nn.ReLU(inplace=True)),
    "inplace_clamps": _net(_inplace_clamps, c=_conv()),
    "shared": _net(_shared),
    "relus": _net(_relus, c=_conv(), d=_conv(), e=_conv(), f=_conv()),
    "keywords": lambda: _Keywords(),
    "image_read_often": _net(_image_read_often, 17, pool=_pool3(), narrow=_conv(3, 3, 1)),
    "named_like_methods": _net(_named_like_methods, relu=_conv(), clamp_=_conv()),
    "same": _net(lambda m, x: m["odd"](m["a"](x)), odd=_conv(kernel=5, padding="same")),
    "border": _net(lambda m, x: m["avg"](m["a"](x)), avg=nn.AvgPool2d(3, 2, 1)),
    "no_border": _net(
        lambda m, x: m["avg"](m["a"](x)), avg=nn.AvgPool2d(2, count_include_pad=False)
    ),
    "pyramid": _net(_pyramid, 24, pool=nn.MaxPool2d(5, stride=1, padding=2)),
    "negated": _net(lambda m, x: m["b"](m["a"](x) * -1.0)),
}


class _Keywords(_Net):
    """A mean and a flatten that are called by keyword, too."""

    def __init__(self) -> None:
        super().__init__({"a": _conv(3), "b": _conv()}, _keywords, 16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.flatten(input=self.body(self.parts, x), start_dim=1))


def _written(m: nn.ModuleDict, x: torch.Tensor) -> torch.Tensor:
    x = m["a"](x)
    torch.add(x, m["b"](x), out=x)
    return x


def _assigned(m: nn.ModuleDict, x: torch.Tensor) -> torch.Tensor:
    x = m["a"](x)
    x[:, 0] = 0.0
    return x


def _random(m: nn.ModuleDict, x: torch.Tensor) -> torch.Tensor:
    return functional.dropout(m["a"](x), 0.5, True)


def _unseen_sum(m: nn.ModuleDict, x: torch.Tensor) -> torch.Tensor:
    """Traced, += makes a new tensor; run, it changes the one that has two names."""
    x = m["a"](x)
    y = x
    x += m["b"](x)
    return functional.relu(x) + y


_OTHERS = (
    "net: network must compute the same floats when torch.fx has traced it, got others: it has "
    r"a statement that tracing does not see, as x \+= y where x has another name, too, or "
    r"with torch\.autocast"
)

REFUSED: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "alpha": (
        _net(lambda m, x: torch.add(m["a"](x), m["b"](m["a"](x)), alpha=3)),
        "net.add: alpha of add must be 1, got 3: PyTorch's INT8 sum ignores it",
    ),
    "alpha_in_place": (
        _net(lambda m, x: m["a"](x).add_(m["a"](x), alpha=-1)),
        "net.add: alpha of add must be 1, got -1: PyTorch's INT8 sum ignores it",
    ),
    "border": (
        _net(
            lambda m, x: m["avg"](m["a"](x)),
            avg=nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False),
        ),
        (
            "net.parts.avg: count_include_pad of avg_pool2d must be True where there is padding, "
            "got False: PyTorch's INT8 kernel always counts it"
        ),
    ),
    "border_function": (
        _net(lambda m, x: functional.avg_pool2d(m["a"](x), 3, 1, (0, 1), False, False)),
        (
            "net.avg_pool2d: count_include_pad of avg_pool2d must be True where there is padding, "
            "got False: PyTorch's INT8 kernel always counts it"
        ),
    ),
    "view": (
        _net(_view_before),
        (
            "net.relu: relu must not work in place on a tensor of which flatten is a view that "
            "mean reads later; write it without in-place"
        ),
    ),
    "out": (
        _net(_written),
        "net.add: call must return its result, got one that writes into a tensor",
    ),
    "item": (
        _net(_assigned),
        (
            "_Net must be a network of one image that torch.fx can trace, got: 'Proxy' object does "
            "not support item assignment"
        ),
    ),
    "random": (
        _net(_random),
        "net.dropout: results must be the same each time, got others: it is random",
    ),
    "unseen_sum": (_net(_unseen_sum), _OTHERS),
    "spread": (
        _net(lambda m, x: m["a"](x) * m["one"](x), one=_conv(3, 1)),
        (
            r"net.mul: inputs must have one shape, or the second one value per channel, got "
            r"\(1, 12, 12, 8\) and \(1, 12, 12, 1\)"
        ),
    ),
    "padded_pool": (
        _net(lambda m, x: m["pool"](functional.pad(m["a"](x), (1, 1, 1, 1))), pool=_pool3()),
        (
            "net.parts.pool: input must be a tensor without padding of its own, got one that pad "
            "made: only convolutions read such a one"
        ),
    ),
    "padded_ones": (
        _net(lambda m, x: m["b"](functional.pad(m["a"](x), (1, 1), value=1.0))),
        (
            r"net.pad: pad must put zeros around an image of four dimensions, got widths \(1, 1\), "
            "mode constant and value 1.0"
        ),
    ),
    "reflected": (
        _net(lambda m, x: m["b"](functional.pad(m["a"](x), (1, 1, 1, 1), "reflect"))),
        (
            r"net.pad: pad must put zeros around an image of four dimensions, got widths "
            r"\(1, 1, 1, 1\), mode reflect and value 0.0"
        ),
    ),
    "cropped": (
        _net(lambda m, x: m["b"](functional.pad(m["a"](x), (-1, 0)))),
        (
            r"net.pad: pad must put zeros around an image of four dimensions, got widths "
            r"\(-1, 0\), mode constant and value 0.0"
        ),
    ),
}


def make(factory: Callable[[], nn.Module], seed: int = 7) -> nn.Module:
    """A network in evaluation mode, its weights from a seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return factory().eval()
