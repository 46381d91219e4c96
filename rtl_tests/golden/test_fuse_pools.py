"""Max pools side by side that are computed one from the other."""

from __future__ import annotations

import numpy as np
import pytest

from maccord.golden.fuse_pools import chain_max_pools
from maccord.golden.graph import MaxPool2d
from maccord.golden.network import execute
from maccord.verify.regress.networks import NetworkBuilder


@pytest.mark.parametrize("seed", range(60))
def test_results_are_those_of_separate_pools(seed: int) -> None:
    """Windows, paddings and orders at random; the order of the parts of a concatenation stays."""
    rng = np.random.default_rng(seed)
    net = NetworkBuilder(rng, (1, 11, 14, 3))
    pools = []
    for kernel in rng.permutation([2, 3, 5, 6, 9]).tolist():
        padding = int(rng.integers(kernel // 2 + 1))
        stride, ceil_mode = int(rng.choice([1, 1, 2, 3])), bool(rng.random() < 0.5)
        size, step, around = (kernel, kernel), (stride, 1), (padding, kernel // 2)
        pool = MaxPool2d("", net.like("net.input"), size, step, around, ceil_mode=ceil_mode)
        pools.append(net.append(pool, "net.input"))
    rows = [
        net.append(MaxPool2d("", net.like(x), net.tensors[x].shape[1:3], (1, 1)), x) for x in pools
    ]
    network = net.network(net.concat(*rows))
    result = chain_max_pools(network)
    x_q = rng.integers(0, 256, network.input.shape).astype(np.uint8)
    before, after = execute(network, x_q), execute(result, x_q)
    assert sorted(before) == sorted(after)
    for name, codes in before.items():
        np.testing.assert_array_equal(codes, after[name], name)


def test_a_pyramid_is_a_chain() -> None:
    """Each pool of 5, 9 and 13 is one of 5 x 5 behind the smaller one, in whatever order."""
    net = NetworkBuilder(np.random.default_rng(1), (1, 20, 20, 3))
    pools = [net.max_pool("net.input", kernel, 1) for kernel in (13, 5, 9)]
    nodes = chain_max_pools(net.network(net.concat("net.input", *pools))).nodes
    assert [(node.name, node.inputs) for node in nodes[:3]] == [
        *((pools[1], ("net.input",)), (pools[2], (pools[1],)), (pools[0], (pools[2],))),
    ]
    assert {node.operation.kernel for node in nodes[:3]} == {(5, 5)}  # type: ignore[union-attr]
