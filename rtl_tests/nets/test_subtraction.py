"""Differences of two tensors: in hardware where each pair's code is PyTorch's, else on the host."""

from __future__ import annotations

from collections.abc import Callable
from unittest.mock import patch

import numpy as np
import pytest
import torch
from torch import nn

from maccord.golden.graph import Add, Host, Lookup
from maccord.golden.network import execute
from maccord.nets import subtraction
from maccord.nets.library import QuantizedNetwork, quantized

WAYS: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "operator": lambda a, b: a - b,
    "reversed": lambda a, b: torch.sub(b, a),
    "method, relu": lambda a, b: torch.relu(b.sub(a)),
    "of a table": lambda a, b: torch.subtract(a, torch.sigmoid(b)),
}


class Difference(nn.Module):
    """Two convolutions, their difference and one more."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Conv2d(3, 5, 3), nn.Conv2d(3, 5, 3), nn.Conv2d(5, 4, 1)
        self.way = WAYS[way]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.c(self.way(torch.relu(self.a(x)), self.b(x)))


def images() -> np.ndarray:
    """Four inputs."""
    return np.random.default_rng(1).standard_normal((4, 3, 9, 9)).astype(np.float32)


def network(way: str, seed: int = 1, *, strict: bool = True) -> QuantizedNetwork:
    """A quantized network with seeded weights."""
    torch.manual_seed(seed)
    inputs = [image[None] for image in images()]
    return quantized(Difference(way).eval(), "net", "seeded", inputs, strict=strict)


def unequal(net: QuantizedNetwork) -> list[str]:
    """Tensors of the golden model that are not PyTorch's."""
    expected = net.tensors(images())
    found = execute(net.graph, expected[net.graph.input.name])
    return [name for name, codes in expected.items() if not np.array_equal(found[name], codes)]


@pytest.mark.parametrize("way", WAYS)
def test_a_difference_runs_in_hardware(way: str) -> None:
    net = network(way)
    kinds = [type(node.operation) for node in net.graph.nodes]
    assert Host not in kinds
    assert Add in kinds
    assert Lookup in kinds
    assert unequal(net) == []
    assert "net.sub" in " ".join(net.tensors(images()))
    assert not any(name.endswith(".negated") for name in net.tensors(images()))


def test_one_that_no_setting_gives_stays_on_the_host() -> None:
    """And a wrong setting would be seen."""
    with patch.object(subtraction, "fixed_sum", lambda found, ends: None):
        net = network("operator", strict=False)
        with pytest.raises(
            ValueError, match=r"net\.sub: .* got sub \(.*test_subtraction\.py, line"
        ):
            network("operator")
    assert any(isinstance(node.operation, Host) for node in net.graph.nodes)
    assert unequal(net) == []


def test_the_order_matters() -> None:
    with patch.object(subtraction, "_operands", lambda nodes, reads: (1, 0)):
        assert network("operator", strict=False).steps[3].op == "host"
