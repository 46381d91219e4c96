"""Token counters between the units."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...spec.isa import TOKEN_BITS, Unit

__all__ = ["Tokens"]


class Tokens(wiring.Component):
    """One counter for each ordered pair of units: one unit increments it, the other decrements it.

    Each unit has three masks of units. `give_<unit>`: the units it gives a token to in this cycle.
    `take_<unit>`: the units whose token it takes in this cycle. `held_<unit>`: the units whose
    tokens it holds. The caller must not take a token that is not held.
    """

    def __init__(self) -> None:
        count = len(Unit)
        super().__init__(
            {f"give_{u.name.lower()}": In(count) for u in Unit}
            | {f"take_{u.name.lower()}": In(count) for u in Unit}
            | {f"held_{u.name.lower()}": Out(count) for u in Unit}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for source in Unit:
            for sink in Unit:
                count = Signal(TOKEN_BITS, name=f"{source.name}_{sink.name}".lower())
                give = getattr(self, f"give_{source.name.lower()}")[sink]
                take = getattr(self, f"take_{sink.name.lower()}")[source]
                m.d.sync += count.eq(count + give - take)
                m.d.comb += getattr(self, f"held_{sink.name.lower()}")[source].eq(count != 0)
        return m
