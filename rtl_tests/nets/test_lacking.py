"""Hardware that was left out: the host computes it, equal to PyTorch in every tensor."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from lookup_networks import PARAMETERS, Activations, Concatenated, images, network
from torch import nn

from maccord.compiler.network import compile_network
from maccord.golden.graph import Host, Mul
from maccord.golden.network import execute
from maccord.nets.lacking import without_lacking
from maccord.nets.library import quantized
from maccord.spec.parameters import Parameters

NEITHER = replace(PARAMETERS, product=False, lookup=False)


class Gate(nn.Module):
    """A product with one value per channel, and a square."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.gate = nn.Conv2d(3, 5, 3), nn.Conv2d(5, 5, 1)
        self.last = nn.Conv2d(5, 4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        x = x * self.gate(nn.functional.adaptive_avg_pool2d(x, 1))
        return self.last(x * x)


@pytest.mark.parametrize("factory", [Activations, Concatenated, Gate])
@pytest.mark.parametrize("parameters", [NEITHER, replace(NEITHER, lookup=True)])
def test_the_host_computes_what_lacks(factory: type[nn.Module], parameters: Parameters) -> None:
    net = network(factory)
    graph = without_lacking(net.graph, parameters)
    expected = net.tensors(images())
    found = execute(graph, expected[graph.input.name])
    for name, codes in expected.items():
        np.testing.assert_array_equal(found[name], codes, name)
    hosts = [node.operation.calls for node in graph.nodes if isinstance(node.operation, Host)]
    if factory is Gate:
        assert hosts == [("mul",)] * 2
    else:
        assert bool(hosts) is not parameters.lookup
    assert compile_network(graph, parameters).stages


def test_nothing_changes_where_nothing_lacks() -> None:
    graph = network(Activations).graph
    assert without_lacking(graph, PARAMETERS) is graph


def test_a_wrong_kernel_is_seen() -> None:
    net = quantized(Gate().eval(), "net", "seeded", [image[None] for image in images()])
    graph = without_lacking(net.graph, NEITHER)
    expected = net.tensors(images())
    host = next(n for n in graph.nodes if isinstance(n.operation, Host))
    assert isinstance(host.operation, Host)
    operation = next(n.operation for n in net.graph.nodes if n.name == host.name)
    assert isinstance(operation, Mul)
    wrong = replace(host.operation.function, operation=replace(operation, relu=True))  # type: ignore
    nodes = tuple(
        replace(n, operation=replace(host.operation, function=wrong)) if n is host else n
        for n in graph.nodes
    )
    found = execute(replace(graph, nodes=nodes), expected[graph.input.name])
    assert not np.array_equal(found[host.name], expected[host.name])
