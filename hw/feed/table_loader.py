"""Executes TABLE: reads a table from the activation scratchpad, one entry a cycle."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.data import View
from amaranth.lib.wiring import In, Out

from ...spec.isa import TABLE_BYTES, Opcode, Unit
from ...spec.parameters import Parameters
from ...spec.registers import UnitState
from ..layouts import compute_layout, fields_layout, unit_port

__all__ = ["TableLoader"]


class TableLoader(wiring.Component):
    """Takes TABLE out of the compute unit's commands, and forwards the others.

    TABLE starts when its tokens are held and all earlier results have been written. It reads
    `TABLE_BYTES` bytes in as many cycles and gives its tokens with the last read. The next command
    is forwarded when the last entry has been written, `read_latency` + 2 cycles later.

    Parameters
    ----------
    parameters : Parameters
    read_latency : int
        Cycles from a read to its data.

    Members
    -------
    i, o : commands; TABLE is marked by `add` without `setup`
    halt : starts no further command
    held, take, give : tokens, masks of units; tokens of the weight unit are taken earlier
    quiet : no earlier command is active and nothing is in flight
    read_enable, read_address : activation scratchpad read port
    write_enable, write_address : table write port, with the data read
    active : the table applies: from its last entry to the next setup of any kind
    busy : a table is being loaded
    missing : units whose tokens TABLE waits for
    state : state of the unit
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, parameters: Parameters, *, read_latency: int) -> None:
        self._latency = read_latency
        layout = compute_layout(parameters)
        super().__init__(
            unit_port(layout)
            | {
                "o": Out(stream.Signature(layout)),
                "quiet": In(1),
                "read_enable": Out(1),
                "read_address": Out(range(parameters.activation_bytes)),
                "write_enable": Out(1),
                "write_address": Out(range(TABLE_BYTES)),
                "active": Out(1),
                "busy": Out(1),
                "missing": Out(len(Unit)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        command = self.i.payload
        layout = fields_layout(Opcode.TABLE)
        fields = View(layout, command.fields.as_value()[: layout.size])
        table, wait = Signal(), command.wait & ~(1 << Unit.WEIGHT)
        begin, end, there = Signal(), Signal(), Signal()
        left = Signal(range(-1, TABLE_BYTES - 1), init=-1)  # reads left but one; -1: none
        last = Signal()
        m.d.comb += [
            table.eq(self.i.valid & command.add & ~command.setup),
            self.o.valid.eq(self.i.valid & ~(command.add & ~command.setup)),
            self.o.payload.eq(command),
            self.i.ready.eq(Mux(table, end, self.o.ready)),
            begin.eq(there & ~self.busy & self.quiet),
            self.take.eq(Mux(begin, wait, 0)),
            self.give.eq(Mux(last, command.signal, 0)),
            last.eq(self.read_enable & left[-1]),
        ]
        waiting = table & ~self.busy & ~end
        m.d.sync += [
            self.missing.eq(Mux(waiting & self.quiet, wait & ~self.held, 0)),
            there.eq(waiting & ((wait & ~self.held) == 0) & ~self.halt & ~begin),
            self.busy.eq(begin | (self.busy & ~end)),
            self.read_enable.eq(begin | (self.read_enable & ~last)),
        ]
        with m.If(begin):
            m.d.sync += [self.read_address.eq(fields.activation), left.eq(TABLE_BYTES - 2)]
        with m.Elif(self.read_enable):
            m.d.sync += [self.read_address.eq(self.read_address + 1), left.eq(left - 1)]
        self._write(m, begin, end)
        with m.If(self.busy):
            m.d.comb += self.state.eq(UnitState.RUNNING)
        with m.Elif(table):
            m.d.comb += self.state.eq(UnitState.WAITING)
        with m.If(end):
            m.d.sync += self.active.eq(1)
        with m.Elif(self.o.valid & self.o.ready & command.setup):
            m.d.sync += self.active.eq(0)
        return m

    def _write(self, m: Module, begin: Signal, end: Signal) -> None:
        """Write the entries as they come from the scratchpad."""
        flight = Signal(self._latency)
        m.d.comb += self.write_enable.eq(flight[-1])
        m.d.sync += [
            flight.eq(flight << 1 | self.read_enable),
            end.eq(self.write_enable & (self.write_address == TABLE_BYTES - 1)),
        ]
        with m.If(begin):
            m.d.sync += self.write_address.eq(0)
        with m.Elif(self.write_enable):
            m.d.sync += self.write_address.eq(self.write_address + 1)
