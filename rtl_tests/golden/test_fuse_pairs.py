"""Sums and products of functions of one code: which become tables, with the same codes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from maccord.compiler.features import with_features
from maccord.golden.fuse_pairs import fuse_pairs
from maccord.golden.graph import Network, Quantization, Relabel
from maccord.golden.network import execute
from maccord.spec.parameters import Parameters
from maccord.verify.regress.networks import NetworkBuilder
from maccord.verify.regress.operations import random_product


class Builder(NetworkBuilder):
    """With products, and with numbers that change the scale."""

    def mul(self, a: str, b: str) -> str:
        return self.append(random_product(self.rng, self.like(a), self.like(b)), a, b)

    def twice(self, x: str) -> str:
        source = self.like(x)
        doubled = Quantization(source.scale * 2, source.zero_point)
        return self.append(Relabel("", source, doubled, "mul_scalar"), x)


def builder(seed: int = 0) -> Builder:
    return Builder(np.random.default_rng(seed), (2, 5, 5, 4))


def ops(network: Network) -> list[str]:
    return [node.operation.op.removesuffix("_relu") for node in network.nodes]


def check(network: Network, expected: list[str]) -> None:
    """What is left computes the same codes."""
    fused = fuse_pairs(network)
    assert ops(fused) == expected
    x_q = np.random.default_rng(9).integers(0, 256, network.input.shape, dtype=np.uint8)
    plain, found = execute(network, x_q), execute(fused, x_q)
    for name, codes in found.items():
        np.testing.assert_array_equal(codes, plain[name], name)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("swapped", [False, True])
def test_swish(seed: int, swapped: bool) -> None:
    """X * f(x), f a table, behind a convolution whose output both read."""
    net = builder(seed)
    x = net.conv("net.input", 6)
    gate = net.lookup(x)
    both = (gate, x) if swapped else (x, gate)
    check(net.network(net.conv(net.mul(*both), 3)), ["conv2d", "lookup", "conv2d"])


@pytest.mark.parametrize("seed", range(8))
def test_hardswish_in_steps(seed: int) -> None:
    """Numbers and clamps lie between, and a sum is as good as a product."""
    net = builder(seed)
    x = net.conv("net.input", 6)
    gate = net.lookup(net.clamp(net.twice(x), 30, 200))
    check(net.network(net.add(net.clamp(x, 10, 220), gate)), ["conv2d", "lookup"])


def test_a_square_in_a_network_with_tables() -> None:
    """Before the table, which lies behind it: `x * relu6(x + 3) / 6` is a table of one code."""
    net = builder()
    x = net.conv("net.input", 6)
    y = net.add(net.mul(x, net.clamp(net.twice(x), 90, 200)), x)
    check(net.network(net.lookup(y)), ["conv2d", "lookup", "lookup"])


def test_what_others_read_stays() -> None:
    net = builder()
    x = net.conv("net.input", 6)
    gate = net.lookup(x)
    y = net.mul(x, gate)
    check(net.network(net.concat(y, net.conv(gate, 2, output=net.like(y)))), [
        "conv2d", "lookup", "lookup", "conv2d", "cat",
    ])  # fmt: skip


def test_products_of_products() -> None:
    """The second product's operands are functions of x, too."""
    net = builder()
    x = net.conv("net.input", 6)
    y = net.mul(x, net.lookup(x))
    check(net.network(net.mul(net.lookup(y), x)), ["conv2d", "lookup"])


def squared(net: Builder, x: str) -> str:
    return net.mul(x, net.clamp(x, 30, 200))


def of_two(net: Builder, x: str) -> str:
    return net.mul(net.lookup(net.conv("net.input", 6)), x)


def gated(net: Builder, x: str) -> str:
    return net.mul(x, net.lookup(net.avg_pool(x, 5)))


@pytest.mark.parametrize("product", [squared, of_two, gated])
def test_what_stays_a_product(product: Callable[[Builder, str], str]) -> None:
    """Of a tensor without a table, of two tensors, and with one value per channel."""
    net = builder()
    network = net.network(product(net, net.conv("net.input", 6)))
    check(network, ops(network))
    assert with_features(Parameters(), [network]).product


def test_hardware_for_swish_needs_no_products() -> None:
    net = builder()
    x = net.conv("net.input", 6)
    found = with_features(Parameters(), [net.network(net.mul(x, net.lookup(x)))])
    assert (found.product, found.lookup) == (False, True)
