"""Drives a block that never stalls with one table row per cycle and records its outputs."""

from __future__ import annotations

from typing import Any

import numpy as np
from amaranth.hdl import Value
from amaranth.lib import wiring
from amaranth.sim import Simulator


def run(
    block: wiring.Component,
    inputs: dict[str, np.ndarray],
    outputs: list[str],
    extra_cycles: int = 0,
) -> dict[str, np.ndarray]:
    """Simulate a block open-loop.

    Parameters
    ----------
    block : wiring.Component
        What is simulated, in domain `sync`.
    inputs : dict of ndarray of shape (cycles,) or (cycles, members)
        Values per cycle; a dot in a name goes into a struct, two dimensions are a member array,
        of several dimensions in C order.
    outputs : list of str
        What is recorded.
    extra_cycles : int
        Cycles after the inputs' last, in which these hold.

    Returns
    -------
    dict of ndarray of shape (cycles + extra_cycles,) or (cycles + extra_cycles, members)
        The outputs' values in each cycle, int64.
    """
    ports, columns = [], []
    for name, table in inputs.items():
        signals = _signals(block, name)
        ports += signals
        columns.append(np.asarray(table, np.int64).reshape(len(table), len(signals)))
    rows = np.concatenate(columns, axis=1).tolist()
    widths = [len(_signals(block, name)) for name in outputs]
    observed = [signal for name in outputs for signal in _signals(block, name)]
    samples: list[tuple[int, ...]] = []

    async def testbench(ctx) -> None:
        previous: list[int | None] = [None] * len(ports)
        for row in rows + rows[-1:] * extra_cycles:
            for port, value, old in zip(ports, row, previous, strict=True):
                if value != old:
                    ctx.set(port, value)
            previous = row
            samples.append((await ctx.tick().sample(*observed))[2:])

    simulator = Simulator(block)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()
    table = np.array(samples, np.int64)
    parts = np.split(table, np.cumsum(widths)[:-1], axis=1)
    return {
        name: part if isinstance(getattr(block, name), list) else part[:, 0]
        for name, part in zip(outputs, parts, strict=True)
    }


def _signals(block: wiring.Component, name: str) -> list[Value]:
    first, *fields = name.split(".")
    member = getattr(block, first)
    for field in fields:
        member = getattr(member, field)
    return _flat(member)


def _flat(member: Any) -> list[Value]:
    """Signals of a member, which may be an array of arrays."""
    if isinstance(member, list):
        return [signal for part in member for signal in _flat(part)]
    return [Value.cast(member)]
