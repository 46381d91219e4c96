"""The exact integer network through torch: byte-equal to the golden model."""

from dataclasses import replace

import numpy as np
import pytest
from random_networks import OPERATIONS, random_network, random_operation

from maccord.golden.graph import Network, Node, Tensor
from maccord.golden.network import execute, logits
from maccord.nets.integer import IntegerNetwork

KINDS = (None, "float32")  # None is int8 where the machine has exact products of bytes


def check(graph: Network, kind: str | None, seed: int, batch: int = 3) -> None:
    """Compare every tensor of some random images, and the logits."""
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
        operation = replace(operation, **({"inputs": sources[:1] * 2} if what == "sum" else {}))
        image = Tensor("net.input", shapes[0], operation.inputs[0])
        node = Node(operation, ("net.input",) * len(shapes))
        check(Network("net", image, (node,), node.name), None, seed, shapes[0][0])
