"""Fusion of tables: fewer nodes, the same codes, and what must stay apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from maccord.golden import fuse_lookups as fusion
from maccord.golden.fuse_lookups import fuse_lookups, rescale_concats
from maccord.golden.fuse_pairs import fuse_pairs
from maccord.golden.graph import Concat, Lookup, Network, Node, Quantization
from maccord.golden.network import execute
from maccord.golden.verify import verify
from maccord.verify.regress.networks import NetworkBuilder, random_network

CODES = np.arange(256, dtype=np.uint8)


def builder() -> NetworkBuilder:
    return NetworkBuilder(np.random.default_rng(0), (1, 5, 6, 4))


def ops(network: Network) -> list[str]:
    """Operations in order, those with a table marked."""
    return [
        node.operation.op.removesuffix("_relu") + "+" * (node.table is not None)
        for node in network.nodes
    ]


def differing(network: Network, fused: Network) -> list[str]:
    """Tensors of both networks whose codes differ; the output is one."""
    assert network.output == fused.output
    x_q = np.random.default_rng(9).integers(0, 256, network.input.shape, dtype=np.uint8)
    plain, found = execute(network, x_q), execute(fused, x_q)
    return [name for name in plain if name in found and (plain[name] != found[name]).any()]


@pytest.mark.parametrize("seed", range(12))
def test_fused_networks_compute_the_same(seed: int) -> None:
    network = random_network(np.random.default_rng(seed), 4, tables=0.5)
    fused = fuse_lookups(network)
    assert len(fused.nodes) < len(network.nodes)
    assert differing(network, fused) == []


def test_a_table_forgotten_in_the_fusion_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def forget(maker: Node, table: Lookup, name: str) -> Node:
        return Node(maker.operation, maker.inputs, name)

    monkeypatch.setattr(fusion, "_joined", forget)
    monkeypatch.setattr(fusion, "verify", lambda network: None)
    network = random_network(np.random.default_rng(0), 4, tables=0.5)
    assert differing(network, fuse_lookups(network)) != []


def test_every_operation_of_one_pass_takes_a_table() -> None:
    net = builder()
    x = net.lookup(net.conv("net.input", 6))
    x = net.lookup(net.max_pool(x, 3, 1))
    x = net.lookup(net.avg_pool(x, 2))
    x = net.lookup(net.add(x, x))
    x = net.lookup(net.clamp(x, 10, 200))
    x = net.lookup(net.lookup(net.linear(net.flatten(x), 5)))  # two become one
    fused = fuse_lookups(net.network(x))
    assert ops(fused) == [
        *("conv2d+", "max_pool2d+", "avg_pool2d+", "add+", "clamp+", "flatten", "linear+")
    ]
    assert differing(net.network(x), fused) == []


@pytest.mark.parametrize("case", ["image", "read", "alias", "flat", "joined", "passes", "same"])
def test_what_stays_apart(case: str) -> None:
    net = builder()
    x = "net.input" if case in ("image", "alias") else net.conv("net.input", 4)
    if case == "image":
        x = net.lookup(x)
    elif case == "read":  # by others, too
        x = net.add(net.lookup(x), x)
    elif case == "alias":
        x = net.lookup(net.avg_pool(x, 1))
    elif case == "flat":
        x = net.lookup(net.flatten(x))
    elif case == "joined":
        x = net.lookup(net.concat(x, x))
    elif case == "passes":
        x = net.lookup(net.max_pool(x, 5, 1))
    else:
        x = net.lookup(x, CODES)
    network = net.network(x)
    fused = fuse_lookups(network)
    assert [node.name for node in fused.nodes] == [node.name for node in network.nodes]
    assert not any(op.endswith("+") for op in ops(fused))


def test_a_concatenation_gets_one_scale() -> None:
    net = builder()
    a, b, c = (net.conv("net.input", n) for n in (3, 2, 4))
    net.append(Concat("", (net.like(a), net.like(b), net.like(a)), net.like(a)), a, b, a)
    y = net.append(Concat("", (net.like(c), net.like(b)), net.like(c)), c, b)
    z = net.append(Concat("", (net.like("net.3"), net.like(y)), net.like("net.3")), "net.3", y)
    network = net.network(z)
    rescaled = rescale_concats(network)
    lookups = [node.name for node in rescaled.nodes if isinstance(node.operation, Lookup)]
    assert lookups == ["net.3[1]", "net.4[1]", "net.5[1]"]
    for node in rescaled.nodes:
        if isinstance(node.operation, Concat):
            assert set(node.operation.inputs) == {node.operation.output}
    assert differing(network, rescaled) == []


def test_a_fused_table_must_read_what_is_made() -> None:
    net = builder()
    x = net.conv("net.input", 4)
    network = net.network(x)
    (node,) = network.nodes
    table = Lookup("net.t", Quantization(2.0, 3), Quantization(1.0, 0), CODES)
    wrong = Network("net", net.input, (Node(node.operation, node.inputs, x, table),), x)
    with pytest.raises(ValueError, match=r"table must read scale .*, got 2.0 and 3"):
        verify(wrong)


def test_every_output_is_kept() -> None:
    """An output that a lookup reads, too, exists; so does one that a fused pair left unread."""
    net = builder()
    x = net.conv("net.input", 4)
    y = net.lookup(x)
    z = net.add(x, y, relu=False)
    network = replace(net.network(z), other_outputs=(x, y))
    for fuse in (fuse_lookups, fuse_pairs):
        fused = fuse(network)
        assert fused.outputs == (z, x, y)
        assert differing(network, fused) == []
        assert {x, y, z} <= {node.name for node in fused.nodes}
