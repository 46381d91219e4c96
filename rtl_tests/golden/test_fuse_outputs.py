"""Fusion keeps every result of a network, not only the first."""

from __future__ import annotations

import numpy as np
import pytest

from maccord.compiler.fusion import fused
from maccord.golden.graph import Clamp, Lookup, Network, Node, Quantization, Tensor
from maccord.golden.network import execute

ONE = Quantization(1.0, 0)
FLIP = Lookup("net.flip", ONE, ONE, np.arange(255, -1, -1, dtype=np.uint8))
NODES = (Node(Clamp("net.clamp", ONE, 0, 6), ("net.input",)), Node(FLIP, ("net.clamp",)))


@pytest.mark.parametrize("outputs", [("net.clamp", "net.flip"), ("net.flip", "net.clamp")])
def test_a_tensor_that_is_a_result_is_not_fused_away(outputs: tuple[str, str]) -> None:
    first, *others = outputs
    network = Network("net", Tensor("net.input", (1, 4), ONE), NODES, first, tuple(others))
    x_q = np.array([[0, 5, 9, 200]], np.uint8)
    found = execute(fused(network), x_q)
    assert found["net.clamp"].tolist() == [[0, 5, 6, 6]]
    assert found["net.flip"].tolist() == [[255, 250, 249, 249]]
