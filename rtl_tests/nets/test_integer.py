"""The exact integer network through torch: byte-equal to the golden model."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from golden_layers import random_conv2d, random_linear
from small_networks import SIZES, load

from maccord.golden.array.add import add_factors
from maccord.golden.graph import (
    Add,
    Concat,
    Conv2d,
    Layer,
    Network,
    Node,
    Operation,
    Quantization,
    Tensor,
)
from maccord.golden.network import execute, logits
from maccord.nets import integer_layers
from maccord.nets.integer import IntegerNetwork
from maccord.nets.products import Int8Products, exact_floats, products
from maccord.verify.regress.networks import random_network
from maccord.verify.regress.operations import OPERATIONS, random_operation

KINDS = (None, "float32")  # None is int8 where the machine has exact products of bytes


def check(
    graph: Network, kind: str | None, seed: int, batch: int = 3, x_q: np.ndarray | None = None
) -> None:
    """Compare every tensor of some random images, and the logits."""
    if x_q is None:
        rng = np.random.default_rng(seed)
        x_q = rng.integers(0, 256, (batch, *graph.input.shape[1:]), dtype=np.uint8)
    expected = execute(graph, x_q)
    network = IntegerNetwork(graph, products=kind)
    found = network.tensors(x_q)
    assert list(found) == list(expected)
    for name, codes in expected.items():
        assert found[name].dtype == np.uint8
        np.testing.assert_array_equal(found[name], codes, err_msg=f"{name}, seed {seed}")
    real = network.logits(x_q)
    assert real.dtype == np.float32
    np.testing.assert_array_equal(real, logits(graph, expected))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(12))
def test_random_networks(seed: int, kind: str | None) -> None:
    check(random_network(np.random.default_rng(seed), 5), kind, seed)


@pytest.mark.parametrize("what", OPERATIONS)
def test_random_operations(what: str) -> None:
    for seed in range(20):
        operation, shapes = random_operation(np.random.default_rng(seed), what)
        sources = operation.inputs
        if len(sources) == 2:
            operation = replace(operation, inputs=sources[:1] * 2)
        check(single(operation, shapes[0]), None, seed, shapes[0][0])


def single(operation: Operation, shape: tuple[int, ...]) -> Network:
    """A network of one operation, whose inputs are all the image."""
    source = operation.inputs[0]
    node = Node(operation, ("net.input",) * len(operation.inputs))
    return Network("net", Tensor("net.input", shape, source), (node,), node.name)


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=pytest.mark.nightly) if n == "vgg16" else n for n in SIZES],
)
def test_the_five_networks(name: str) -> None:
    check(load(name).graph, None, 0, batch=1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(6))
def test_geometry(seed: int, kind: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Strides, dilations, paddings and groups at random, in blocks of a few rows and images."""
    monkeypatch.setitem(integer_layers._CACHE, "cpu", 1)
    monkeypatch.setattr(integer_layers, "_ROWS", 30)
    rng = np.random.default_rng(seed)
    groups, depth = int(rng.choice([1, 2, 3])), int(rng.choice([1, 5]))
    pairs = {
        key: (int(rng.integers(low, high)), int(rng.integers(low, high)))
        for key, low, high in (("stride", 1, 4), ("padding", 0, 4), ("dilation", 1, 3))
    }
    kernel = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    layer = random_conv2d(rng, 2 * groups, depth, kernel, groups=groups, **pairs)
    check(single(layer, (1, 11, 9, groups * depth)), kind, seed, batch=7)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("depth", [64, 4608])
def test_sums_beyond_24_bits_round_twice(depth: int, kind: str | None) -> None:
    """A step beside a tie of the product: the sum's own rounding to float32 makes it the tie."""
    count = 96
    ties = (np.arange(32, 32 + count) + 0.5) * 2.0**20  # of sums, for a multiplier of 2**-20
    weight = np.full((2 * count, depth), 127, np.int8)
    weight[:, 0] = 122  # the sum of products is 5 modulo 8: a bias rounded by itself shows
    beside = np.concatenate([ties + 1, ties - 1]).astype(np.int64)
    shift = 255 * int(weight[0].sum(dtype=np.int64))
    layer: Layer = replace(
        random_linear(np.random.default_rng(0), 2 * count, depth),
        weight=weight,
        bias_q=(beside - shift).astype(np.int32),
        multiplier=np.full(2 * count, 2.0**-20, np.float32),
        input=Quantization(1.0, 0),
        output=Quantization(1.0, 0),
        relu=False,
    )
    x_q = np.full((2, depth), 255, np.uint8)
    x_q[1, 0] = 254
    graph = single(layer, (1, depth))
    exact = np.rint(beside * 2.0**-20)  # without the sum's rounding
    assert np.count_nonzero(execute(graph, x_q)[graph.output][0] != exact) == count
    check(graph, kind, 0, x_q=x_q)


def _chosen(channel: int, source: Quantization, target: Quantization) -> Conv2d:
    """A convolution that gives one of two channels' codes to a tensor of other parameters."""
    layer = random_conv2d(np.random.default_rng(0), 1, 2, (1, 1))
    weight = np.zeros((1, 2, 1, 1), np.int8)
    weight[0, channel] = 1
    return replace(
        layer,
        name=f"net.{channel}",
        weight=weight,
        bias_q=np.array([source.zero_point - target.zero_point], np.int32),
        multiplier=np.ones(1, np.float32),
        input=source,
        output=target,
        relu=False,
    )


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize(("ratio", "narrow"), [(0.0019, False), (0.2, True), (250.0, True)])
def test_all_sums(ratio: float, narrow: bool, relu: bool) -> None:
    """All pairs of codes, for shifts that int32 holds and one that it does not."""
    source = Quantization(1.0, 77)
    a, b, output = Quantization(ratio, 200), Quantization(ratio * 0.99, 13), Quantization(1.0, 50)
    factors = add_factors(a, b, output)
    assert (255 * (factors.a + factors.b) + (1 << factors.shift - 1) < 2**31) == narrow
    nodes = (
        Node(_chosen(0, source, a), ("net.input",)),
        Node(_chosen(1, source, b), ("net.input",)),
        Node(Add("net.add", (a, b), output, relu), ("net.0", "net.1")),
    )
    pairs = np.stack(np.meshgrid(*[np.arange(256)] * 2), -1).astype(np.uint8)[None]
    image = Tensor("net.input", pairs.shape, source)
    check(Network("net", image, nodes, "net.add"), None, 0, x_q=pairs)
    found = IntegerNetwork(Network("net", image, nodes, "net.add")).tensors(pairs)
    np.testing.assert_array_equal(found["net.0"][..., 0], pairs[..., 0])
    np.testing.assert_array_equal(found["net.1"][..., 0], pairs[..., 1])


def test_concatenation_of_unequal_parameters() -> None:
    source, target = Quantization(0.03, 20), Quantization(0.05, 90)
    codes = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    operation = Concat("net.cat", (source, source), target)
    check(single(operation, codes.shape), None, 0, x_q=codes)


def _saturating(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Products as ``vpmaddubsw`` adds them: pairs in 16 bits."""
    terms = (x.to(torch.int32) + 128)[:, :, None] * weight.to(torch.int32)[None]
    if terms.shape[1] % 2:
        terms = torch.nn.functional.pad(terms, (0, 0, 0, 1))
    pairs = terms.unflatten(1, (-1, 2)).sum(2).clamp(-(2**15), 2**15 - 1)
    return (pairs.sum(1) - 128 * weight.to(torch.int32).sum(0)).to(torch.int32)


@pytest.mark.parametrize("seed", range(3))
def test_products_that_saturate_are_found_out(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "_int_mm", _saturating)
    monkeypatch.setattr("maccord.nets.products._vnni", lambda: True)
    rng = np.random.default_rng(seed)
    weight = rng.integers(-128, 128, (5, 18)).astype(np.int8)
    with pytest.raises(ArithmeticError):
        Int8Products(weight)
    with pytest.raises(ValueError, match=r"products must be float32 on this machine, got int8"):
        products(weight, torch.device("cpu"), "int8")
    check(random_network(rng, 3), None, seed)


def test_floats_stay_exact_whatever_the_caller_has_set() -> None:
    settings = (torch.backends.cuda.matmul, torch.backends.mkldnn.matmul)
    before = [setting.fp32_precision for setting in settings]
    try:
        settings[0].fp32_precision, settings[1].fp32_precision = "tf32", "bf16"
        with torch.autocast("cpu"):
            check(random_network(np.random.default_rng(0), 5), "float32", 0)
            with exact_floats():
                assert [setting.fp32_precision for setting in settings] == ["ieee", "ieee"]
        assert [setting.fp32_precision for setting in settings] == ["tf32", "bf16"]
    finally:
        for setting, precision in zip(settings, before, strict=True):
            setting.fp32_precision = precision


def _rescaled_twice() -> Network:
    """Two parts whose codes a concatenation changes."""
    source = Quantization(0.03, 20)
    operation = Concat("net.cat", (source, source), Quantization(0.05, 90))
    return single(operation, (1, 4, 4, 3))


def _held(what: object) -> Iterator[torch.Tensor]:
    """Tensors that a packed layer keeps, wherever."""
    if isinstance(what, torch.Tensor):
        yield what
    elif isinstance(what, list | tuple):
        for part in what:
            yield from _held(part)
    elif type(what).__module__.startswith("maccord.nets"):
        yield from _held(list(vars(what).values()))


@pytest.mark.parametrize("seed", range(9))
def test_nothing_stays_behind_on_the_cpu(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a device without numbers: whatever mixes two devices fails there as on a GPU."""
    monkeypatch.setattr("maccord.nets.integer._codes", lambda tensor: tensor)
    graph = random_network(np.random.default_rng(seed), 5) if seed else _rescaled_twice()
    network = IntegerNetwork(graph, device="meta")
    # elementwise operators of that device would take these from another
    assert all(tensor.device.type == "meta" for tensor in _held(network._kernels))
    assert not seed or len(list(_held(network._kernels))) > 4
    found = network.tensors(np.zeros((2, *graph.input.shape[1:]), np.uint8))
    for name in list(graph.tensors)[1:]:
        tensor = found[name]
        assert isinstance(tensor, torch.Tensor) and tensor.dtype == torch.int8
        assert tensor.device.type == "meta"
        assert tensor.shape == (2, *graph.tensors[name].shape[1:])


def test_refusals() -> None:
    network = IntegerNetwork(random_network(np.random.default_rng(0), 2))
    shape = (2, *network.graph.input.shape[1:])
    with pytest.raises(ValueError, match=r"x_q must be uint8, got float32"):
        network.logits(np.zeros(shape, np.float32))
    with pytest.raises(ValueError, match=r"x_q must have shape \(N, .*\) for net, got"):
        network.tensors(np.zeros((*shape, 1), np.uint8))
    with pytest.raises(ValueError, match="products must be int8 or float32, got int4"):
        IntegerNetwork(network.graph, products="int4")
