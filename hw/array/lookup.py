"""A table of 256 bytes behind each column, which replaces results."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...spec.isa import TABLE_BYTES
from ...spec.parameters import Parameters
from ..family.ram import Ram

__all__ = ["Lookup"]


class Lookup(wiring.Component):
    """Replaces each column's result by the table's entry, or passes it unchanged.

    All columns hold the same table, each in a memory of its own, so that each column looks up a
    result a cycle. Throughput is one vector per cycle.

    Parameters
    ----------
    parameters : Parameters
        Uses `cols` and `family`.

    Members
    -------
    write_enable, write_address, write_data : write port of all tables; while entries are written,
        no result may be looked up
    active : the table applies; constant while results are in flight
    valid, y : results, 8 bits per column
    late : the results, delayed by `LATENCY` cycles
    out : the entries, or `late`, `LATENCY` cycles after `y`
    """

    #: Cycles from results to what replaces them.
    LATENCY = Ram.LATENCY

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        width = 8 * parameters.cols
        super().__init__(
            {
                "write_enable": In(1),
                "write_address": In(range(TABLE_BYTES)),
                "write_data": In(8),
                "active": In(1),
                "valid": In(1),
                "y": In(width),
                "late": In(width),
                "out": Out(width),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        p = self._parameters
        # One register near the columns: the port fans out to all of them
        enable, entry = Signal(), Signal(8, reset_less=True)
        address = Signal.like(self.write_address, reset_less=True)
        m.d.sync += [
            enable.eq(self.write_enable),
            address.eq(self.write_address),
            entry.eq(self.write_data),
        ]
        found = []
        for column in range(p.cols):
            table = Ram(width=8, depth=TABLE_BYTES, family=p.family)
            m.submodules[f"table{column}"] = table
            m.d.comb += [
                table.write_enable.eq(enable),
                table.write_address.eq(address),
                table.write_data.eq(entry),
                table.read_enable.eq(self.valid),
                table.read_address.eq(self.y.word_select(column, 8)),
            ]
            found.append(table.read_data)
        m.d.comb += self.out.eq(Mux(self.active, Cat(found), self.late))
        return m
