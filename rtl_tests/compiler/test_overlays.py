"""Concatenations that are written over a dead half, and those that must not be."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from maccord.compiler.network import compile_network
from maccord.golden.graph import Concat, Slice
from maccord.golden.machine.machine import Machine
from maccord.golden.network import execute
from maccord.spec.parameters import Parameters
from maccord.verify.regress.networks import NetworkBuilder

Build = Callable[[NetworkBuilder, str], str]


def half(net: NetworkBuilder, x: str, first: int) -> str:
    """Six channels of twelve."""
    return net.append(Slice("", net.like(x), (None, None, (first, 6, 1))), x)


def unit(net: NetworkBuilder, x: str, *, kept: int = 0) -> str:
    """One half as it is, and what two layers make of the other."""
    keeps, works = half(net, x, kept), half(net, x, 6 - kept)
    y = net.conv(net.conv(works, 9, 3), 6, output=net.like(x))
    return net.concat(keeps, y) if kept == 0 else net.concat(y, keeps)


def chain(net: NetworkBuilder, x: str) -> str:
    """Units that work on one half, then on the other."""
    return unit(net, unit(net, unit(net, x), kept=6))


def read_by_the_maker(net: NetworkBuilder, x: str) -> str:
    """The layer that writes the new half reads the old one, or its border."""
    return net.concat(half(net, x, 0), net.conv(half(net, x, 6), 6, 3, output=net.like(x)))


def read_later(net: NetworkBuilder, x: str) -> str:
    """A sum behind the concatenation reads what would be overwritten."""
    return net.add(unit(net, x), x)


def other_place(net: NetworkBuilder, x: str) -> str:
    """The half would have to move."""
    works = half(net, x, 6)
    return net.concat(net.conv(net.conv(works, 9), 6, output=net.like(x)), half(net, x, 0))


CASES: dict[str, tuple[Build, int]] = {
    "one": (unit, 0),
    "chain": (chain, 0),
    "read by the maker": (read_by_the_maker, 1),
    "read later": (read_later, 1),
    "other place": (other_place, 1),
}


@pytest.mark.parametrize("case", CASES)
def test_parts_stay_where_they_are(case: str) -> None:
    """Copies are made only where the half lives on; the bytes are the golden network's."""
    build, copies = CASES[case]
    net = NetworkBuilder(np.random.default_rng(1), (1, 7, 6, 4))
    network = net.network(net.conv(build(net, net.conv("net.input", 12)), 5))
    compiled = compile_network(network, Parameters(), batch=2)
    assert sum(stage.op == Concat.op for stage in compiled.stages) == copies
    x_q = np.random.default_rng(2).integers(0, 256, compiled.network.input.shape).astype(np.uint8)
    memory = compiled.image(x_q)
    Machine(compiled.parameters, memory).run(compiled.program_offset)
    found = compiled.areas[-1].view(memory).reshape(compiled.stages[-1].output_shape)
    golden = execute(compiled.network, x_q)
    np.testing.assert_array_equal(found ^ np.uint8(0x80), golden[network.output])


def test_the_image_is_not_written_over() -> None:
    net = NetworkBuilder(np.random.default_rng(3), (1, 5, 5, 12))
    compiled = compile_network(net.network(unit(net, "net.input")), Parameters())
    assert sum(stage.op == Concat.op for stage in compiled.stages) == 1
