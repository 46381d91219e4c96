"""The fake-quantized twin: PyTorch's own fake quantization, bit for bit, at given parameters."""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from maccord.golden.fuse import fuse_clamps
from maccord.golden.graph import Clamp, Concat, Network, Node, Quantization, Tensor
from maccord.golden.kernels.quantize import dequantize, quantize_per_tensor
from maccord.nets.fake_quant import FakeQuantNetwork
from maccord.nets.framework import fake_quantizers, prepare_live, qnnpack
from maccord.nets.importer import import_network
from maccord.nets.lower import lower
from maccord.verify.regress.networks import NetworkBuilder

SIZE = 16


class Branches(nn.Module):
    """A sum with ReLU, pools, a concatenation, a clamp, groups, a global mean, a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 5, stride=1, padding=2)
        self.relu = nn.ReLU()
        self.max = nn.MaxPool2d(3, 2, 1)
        self.conv = nn.Conv2d(8, 8, 3, padding=1, groups=2)
        self.deep = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.relu6 = nn.ReLU6()
        self.one = nn.Conv2d(8, 5, 1)
        self.two = nn.Conv2d(8, 7, 3, padding=1)
        self.avg = nn.AvgPool2d(3, 1, 1)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(12, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.max(self.relu(self.stem(x)))
        x = torch.relu(self.conv(x) + x)
        x = self.relu6(self.deep(x))
        x = self.avg(torch.cat([self.one(x), self.two(x)], 1))
        return self.fc(torch.flatten(self.pool(x), 1))


class Flattened(nn.Module):
    """A linear layer behind an image of 4 x 4, whose elements have another order here."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3, stride=2, padding=1)
        self.pool = nn.AvgPool2d(2)
        self.first = nn.Linear(96, 20)
        self.relu = nn.ReLU()
        self.last = nn.Linear(20, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.pool(self.conv(x))
        return self.last(self.relu(self.first(torch.flatten(x, 1))))


class Mean(nn.Module):
    """A mean in place of a pool."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 10, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x).mean([2, 3])


def images(seed: int, count: int) -> np.ndarray:
    draw = np.random.default_rng(seed).normal(0, 1.2, (count, 3, SIZE, SIZE))
    return draw.astype(np.float32)


def pytorch(kind: type[nn.Module], seed: int) -> tuple[nn.Module, Network]:
    """PyTorch's fake-quantized network, its observers off, and the graph it converts to."""
    from torch.ao.quantization import disable_observer
    from torch.ao.quantization.quantize_fx import convert_fx

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = kind().eval()
    prepared = prepare_live(model, torch.from_numpy(images(0, 1)), "all")
    with qnnpack():
        prepared(torch.from_numpy(images(100 + seed, 8)))
        prepared.apply(disable_observer)
        # of a copy, since conversion changes what it is given
        steps, layers = import_network(convert_fx(deepcopy(prepared)), "net")
    return prepared, lower(steps, layers, "net", [(1, 3, SIZE, SIZE)])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", [Branches, Flattened, Mean])
def test_equals_pytorchs_fake_quantization(kind: type[nn.Module], seed: int) -> None:
    prepared, graph = pytorch(kind, seed)
    x = images(seed, 20)
    seen: list[np.ndarray] = []
    for path, module in fake_quantizers(prepared).items():
        if path.startswith("activation") and not hasattr(module, "seen"):
            module.seen = True
            module.register_forward_hook(lambda _, __, y: seen.append(y.numpy()))
    with qnnpack():
        expected = prepared(torch.from_numpy(x)).numpy()
    network = FakeQuantNetwork(graph)
    logits = network.logits(x)
    assert logits.dtype == np.float32
    np.testing.assert_array_equal(logits, expected)

    # one fake quantization behind the input and each operator of the model, shared or not
    tensors = network.tensors(x)
    assert list(tensors) == list(graph.tensors)
    assert len(tensors) == len(seen) + (kind is Mean)  # whose graph flattens the image of 1 x 1
    for (name, codes), real in zip(tensors.items(), seen, strict=kind is not Mean):
        quantization = graph.tensors[name].quantization
        assert codes.dtype == np.uint8 and codes.shape[1:] == graph.tensors[name].shape[1:]
        steps = np.rint(real / quantization.scale) + quantization.zero_point
        if real.ndim == 4:
            steps = steps.transpose(0, 2, 3, 1)
        elif kind is Flattened and name == "net.flatten":
            steps = steps.reshape(-1, 6, 4, 4).transpose(0, 2, 3, 1)
        np.testing.assert_array_equal(codes, steps.reshape(codes.shape), err_msg=name)


@pytest.mark.parametrize("seed", range(4))
def test_fused_clamps_change_nothing(seed: int) -> None:
    """A clamp within a layer clamps the same codes as one behind it."""
    rng = np.random.default_rng(seed)
    net = NetworkBuilder(rng, (1, 6, 5, 3))
    low, high = sorted(int(code) for code in rng.integers(0, 256, 2))
    x = net.clamp(net.conv("net.input", 8, 3), low, high)
    x = net.clamp(net.linear(net.flatten(x), 9), 90, 160)
    graph = net.network(x)
    draw = rng.normal(0, 5, (20, 3, 6, 5)).astype(np.float32)
    apart, joined = (FakeQuantNetwork(g).tensors(draw) for g in (graph, fuse_clamps(graph)))
    assert len(joined) == len(apart) - 2
    for name, codes in joined.items():
        np.testing.assert_array_equal(codes, apart[name], err_msg=f"{name}, seed {seed}")


def test_concatenation_of_unequal_parameters() -> None:
    """Codes of other parameters are rounded once more, by the rule of fake quantization."""
    source, target = Quantization(0.03, 20), Quantization(0.05, 91)
    cat = Concat("net.cat", (source, source), target)
    image = Tensor("net.input", (1, 16, 16, 3), source)
    graph = Network("net", image, (Node(cat, ("net.input",) * 2),), "net.cat")
    codes = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16).repeat(3, 1)
    real = dequantize(codes, source)
    found = FakeQuantNetwork(graph).tensors(real)
    np.testing.assert_array_equal(found["net.input"], codes.transpose(0, 2, 3, 1))
    steps = np.rint(real * (np.float32(1) / np.float32(target.scale))) + target.zero_point
    expected = np.clip(steps, 0, 255).astype(np.uint8).transpose(0, 2, 3, 1)
    expected = np.concatenate([expected] * 2, -1)
    np.testing.assert_array_equal(found["net.cat"], expected)
    values = FakeQuantNetwork(graph).logits(real).transpose(0, 2, 3, 1)
    np.testing.assert_array_equal(values, dequantize(expected, target))


@pytest.mark.parametrize("seed", range(2))
def test_relu_is_a_clamp_at_the_zero_point(seed: int) -> None:
    """Also where the zero point is not 0, as behind an observer that saw more than the ReLU."""
    rng = np.random.default_rng(seed)
    net = NetworkBuilder(rng, (1, 6, 5, 3))
    x = net.conv("net.input", 3, 3)
    graph = net.network(net.add(x, "net.input"))
    draw = rng.normal(0, 1, (4, 3, 6, 5)).astype(np.float32)
    cut, plain = (
        FakeQuantNetwork(replace(graph, nodes=tuple(_relu(node, on) for node in graph.nodes)))
        for on in (True, False)
    )
    for name in (x, graph.output):
        zero = graph.tensors[name].quantization.zero_point
        codes, whole = cut.tensors(draw)[name], plain.tensors(draw)[name]
        assert zero > 0 and whole.min() < zero
        if name == x:  # behind it the two differ
            np.testing.assert_array_equal(codes, np.maximum(whole, zero))
        assert codes.min() == zero


def _relu(node: Node, on: bool) -> Node:
    return replace(node, operation=replace(node.operation, relu=on))


def test_ties_part_from_the_integer_network() -> None:
    """Half a step above an even code, with an odd zero point: the one rounds up, the other down."""
    codes = Quantization(1.0, 101)
    image = Tensor("net.input", (1, 1, 1, 3), codes)
    graph = Network("net", image, (Node(Clamp("net.c", codes), ("net.input",)),), "net.c")
    x = np.full((1, 3, 1, 1), 2.5, np.float32)
    assert FakeQuantNetwork(graph).tensors(x)["net.input"].ravel().tolist() == [103] * 3
    assert quantize_per_tensor(x, codes).ravel().tolist() == [104] * 3


def test_refusals() -> None:
    network = FakeQuantNetwork(pytorch(Mean, 0)[1])
    with pytest.raises(ValueError, match=r"images must be float32 of shape \(N, 3, 16, 16\) for"):
        network.logits(images(0, 2)[:, :, 1:])
    with pytest.raises(ValueError, match=r"images must be float32 of shape .* got float64"):
        network.tensors(images(0, 2).astype(np.float64))
