"""Sends rows of codes through a row unit and collects its results."""

from __future__ import annotations

from typing import Any

import numpy as np
from amaranth.sim import Simulator

__all__ = ["run_rows"]


def run_rows(
    unit: Any,
    x_q: np.ndarray,
    lanes: int,
    settings: dict[str, int],
    tables: dict[str, np.ndarray],
    *,
    pauses: float = 0.0,
    seed: int = 0,
) -> tuple[np.ndarray, list[int]]:
    """Simulate a unit.

    Parameters
    ----------
    unit : component
        With streams `i` and `o`, and write ports that begin with the names of tables, and `_`.
    x_q : ndarray of shape (rows, elements), uint8
    lanes : int
    settings : dict
        Values of ports that are constant.
    tables : dict of ndarray
        What is written first, by the ports' prefix.
    pauses : float
        Probability that no vector is offered in a cycle.
    seed : int
        Of the pauses, and of what stands behind a row's last element.

    Returns
    -------
    y_q : ndarray of x_q's shape, uint8
    starts : list of int
        Cycles in which the rows' first vectors were taken.
    """
    rng = np.random.default_rng(seed)
    rows, elements = x_q.shape
    vectors = -(-elements // lanes)
    padded = rng.integers(0, 256, (rows, vectors * lanes), np.uint8)
    padded[:, :elements] = x_q
    given = [
        int.from_bytes(vector.tobytes(), "little") for vector in (padded ^ 0x80).reshape(-1, lanes)
    ]
    taken: list[int] = []
    found: list[int] = []

    async def bench(ctx: Any) -> None:
        for name, value in settings.items():
            ctx.set(getattr(unit, name), value)
        for prefix, table in tables.items():
            ctx.set(getattr(unit, f"{prefix}_enable"), 1)
            for place, entry in enumerate(table.tolist()):
                ctx.set(getattr(unit, f"{prefix}_address"), place)
                ctx.set(getattr(unit, f"{prefix}_data"), entry)
                await ctx.tick()
            ctx.set(getattr(unit, f"{prefix}_enable"), 0)
        await ctx.tick().repeat(2)
        cycle = offered = idle = 0
        while len(found) < len(given):
            offer = offered < len(given) and rng.random() >= pauses
            ctx.set(unit.i.valid, offer)
            if offer:
                ctx.set(unit.i.payload, given[offered])
            _, _, ready, valid, payload = await ctx.tick().sample(
                unit.i.ready, unit.o.valid, unit.o.payload
            )
            if offer and ready:
                taken.append(cycle)
                offered += 1
            if valid:
                found.append(payload)
            idle = 0 if valid or (offer and ready) else idle + 1
            assert idle < 2000, f"nothing moves after {len(found)} of {len(given)} vectors"
            cycle += 1

    simulator = Simulator(unit)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    y = np.array([list(vector.to_bytes(lanes, "little")) for vector in found], np.uint8) ^ 0x80
    return y.reshape(rows, -1)[:, :elements], taken[::vectors]
