"""Token counters between the units."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...spec.isa import MAX_TOKENS, Unit

__all__ = ["Tokens"]


class Tokens(wiring.Component):
    """A counter for each ordered pair of units: given by one, taken by the other.

    For each unit: `give_<unit>` is a mask of units that it gives a token to in this cycle,
    `take_<unit>` a mask of units whose token it takes, `held_<unit>` the units whose tokens it
    holds. Taking a token that is not held is the caller's mistake.
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
                count = Signal(range(MAX_TOKENS + 1), name=f"{source.name}_{sink.name}".lower())
                give = getattr(self, f"give_{source.name.lower()}")[sink]
                take = getattr(self, f"take_{sink.name.lower()}")[source]
                m.d.sync += count.eq(count + give - take)
                m.d.comb += getattr(self, f"held_{sink.name.lower()}")[source].eq(count != 0)
        return m
