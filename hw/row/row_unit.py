"""Softmax and layer norm in the output scratchpad: SETUP_ROW, ROW_TABLE and ROWS."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.data import View
from amaranth.lib.wiring import In, Out

from ...spec.isa import Opcode, Unit
from ...spec.isa_row import NORM_ENTRY, SOFTMAX_ENTRY
from ...spec.parameters import Parameters
from ...spec.registers import UnitState
from ..layouts import ROW_KINDS, command_layout, fields_layout, store_layout
from ..memory.scratchpad import Scratchpad
from ..parts.delay import delay
from .layer_norm import LayerNorm
from .row_reader import RowReader
from .row_walk import walk_layout
from .row_writer import RowWriter
from .softmax import Softmax

__all__ = ["RowUnit"]

_SETUP, _TABLE, _ROWS = (ROW_KINDS[o] for o in (Opcode.SETUP_ROW, Opcode.ROW_TABLE, Opcode.ROWS))


class RowUnit(wiring.Component):
    """Takes the instructions on rows out of the store unit's commands, and forwards the others.

    The store unit has issued all reads of an instruction when it takes the next one, so that the
    scratchpad's read port is free for rows. An instruction on rows is done when all of its results
    can be read. While a row passes its function, the results of the one before it are written.

    Parameters
    ----------
    parameters : Parameters
        Uses `row_lanes`, `row_elements`, `axi_bytes`, `output_bytes` and `family`.

    Members
    -------
    i, o : commands, with instructions on rows and without
    halt : starts no further command
    held, take : tokens, masks of units
    read_enable, read_address, read_data : output scratchpad read port, any alignment, with latency
        `Scratchpad.LATENCY`
    write_* : its write port, as in `RowWriter`
    range_error : a row or a table exceeds the scratchpad
    state : state of the unit
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = p = parameters
        super().__init__(
            {
                "i": In(stream.Signature(store_layout(p))),
                "o": Out(stream.Signature(command_layout(Opcode.STORE, record=1))),
                "halt": In(1),
                "held": In(len(Unit)),
                "take": Out(len(Unit)),
                "read_enable": Out(1),
                "read_address": Out(24),
                "read_data": In(8 * p.axi_bytes),
                "write_taken": In(1),
                "write_enable": Out(p.row_lanes),
                "write_address": Out(24),
                "write_data": Out(8 * p.row_lanes),
                "range_error": Out(1),
                "state": Out(UnitState),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        p = self._parameters
        shape = {"lanes": p.row_lanes, "longest": p.row_elements, "family": p.family}
        m.submodules.softmax = softmax = Softmax(**shape)
        m.submodules.layer_norm = norm = LayerNorm(**shape)
        m.submodules.reader = reader = RowReader(
            size=p.output_bytes, widest=max(p.row_lanes, NORM_ENTRY)
        )
        m.submodules.writer = writer = RowWriter(**shape)
        self._normalizes = Signal()  # the function is layer norm
        self._table, self._elements = Signal(), Signal(range(p.row_elements + 1), reset_less=True)
        start, end, done = Signal(), Signal(), Signal()
        begin = self._commands(m, end)
        setup = begin & (self.i.payload.row == _SETUP)
        m.d.sync += [start.eq(begin & ~setup), end.eq(setup | done)]
        self._set_up(m, setup, norm)
        walk, step = self._walk(m, begin)
        m.d.comb += [
            reader.start.eq(start),
            writer.start.eq(start & ~self._table),
            reader.walk.eq(walk),
            writer.walk.eq(walk),
            reader.step.eq(step),
            self.read_enable.eq(reader.read_enable),
            self.read_address.eq(reader.read_address),
            self.range_error.eq(reader.range_error),
        ]
        arriving = Cat(reader.read_enable, reader.last)
        valid, last = delay(m, "arriving", arriving, Scratchpad.LATENCY, reset_less=False)
        self._pace(
            m, reader, writer, valid & last, Mux(self._normalizes, norm.i.ready, softmax.i.ready)
        )
        self._feed(m, (softmax, norm), start, valid)
        self._drain(m, (softmax, norm), writer)
        m.d.comb += done.eq(Mux(self._table, valid & last, writer.done))
        return m

    def _commands(self, m: Module, end: Signal) -> Value:
        """Take an instruction on rows, or forward another; return when one begins."""
        command = self.i.payload
        ours, busy, there, begin = Signal(), Signal(), Signal(), Signal()
        held = (command.wait & ~self.held) == 0
        m.d.comb += [
            ours.eq(self.i.valid & (command.row != 0)),
            self.o.valid.eq(self.i.valid & (command.row == 0)),
            self.i.ready.eq(Mux(ours, end, self.o.ready)),
            begin.eq(there & ~busy),
            self.take.eq(Mux(begin & (command.row != _SETUP), command.wait, 0)),
        ]
        for name in self.o.payload.shape().members:
            m.d.comb += self.o.payload[name].eq(command[name])
        waiting = ours & ~busy & ~end
        m.d.sync += [
            there.eq(waiting & (held | (command.row == _SETUP)) & ~self.halt & ~begin),
            busy.eq((busy | begin) & ~end),
        ]
        with m.If(busy):
            m.d.comb += self.state.eq(UnitState.RUNNING)
        with m.Elif(ours):
            m.d.comb += self.state.eq(UnitState.WAITING)
        return begin

    def _fields(self, opcode: Opcode) -> View:
        layout = fields_layout(opcode)
        return View(layout, self.i.payload.fields.as_value()[: layout.size])

    def _set_up(self, m: Module, setup: Value, norm: LayerNorm) -> None:
        """Keep the function and its parameters."""
        fields = self._fields(Opcode.SETUP_ROW)
        with m.If(setup):
            m.d.sync += self._normalizes.eq(fields.function[1])
        for name in ("zero_point", "scale", "eps", "multiplier", "output_zero_point"):
            kept = Signal.like(getattr(norm, name), name=name, reset_less=True)
            m.d.comb += getattr(norm, name).eq(kept)
            with m.If(setup):
                m.d.sync += kept.eq(fields[name])

    def _walk(self, m: Module, begin: Value) -> tuple[View, Value]:
        """Return what an instruction goes through, and the distance between vectors."""
        p = self._parameters
        rows, table = self._fields(Opcode.ROWS), self._fields(Opcode.ROW_TABLE)
        walk = Signal(walk_layout(), reset_less=True)
        step = Signal(range(max(p.row_lanes, NORM_ENTRY) + 1), reset_less=True)
        is_table, norm = self.i.payload.row == _TABLE, self._normalizes
        entries, elements = table.entries - 1, (rows.elements - 1)[:24]
        with m.If(begin):
            m.d.sync += [
                self._table.eq(is_table),
                self._elements.eq(rows.elements),
                walk.buffer.eq(rows.buffer),
                walk.pitch.eq(rows.buffer_pitch),
                walk.rows.eq(Mux(is_table, 1, rows.rows)),
                walk.more.eq(Mux(is_table, entries, elements >> (p.row_lanes - 1).bit_length())),
                walk.span.eq(Mux(is_table, _spanned(entries, norm), elements)),
                step.eq(Mux(is_table, Mux(norm, NORM_ENTRY, SOFTMAX_ENTRY), p.row_lanes)),
            ]
        return walk, step

    def _pace(
        self, m: Module, reader: RowReader, writer: RowWriter, arrived: Value, ready: Value
    ) -> None:
        """Begin a row when its function takes it, and the writer has room for its results."""
        flying = Signal()  # a row is between its first read and the function
        pending = Signal(2)  # rows that have begun and still are not written
        m.d.comb += reader.proceed.eq(self._table | (ready & ~flying & ~pending[1]))
        begun = reader.begin & ~self._table
        m.d.sync += [
            flying.eq((flying & ~arrived) | reader.begin),
            pending.eq(pending + begun - writer.row_done),
        ]

    def _feed(
        self, m: Module, functions: tuple[Softmax, LayerNorm], start: Value, valid: Value
    ) -> None:
        """Send what is read to the active function, or to its table."""
        entry = Signal(range(self._parameters.row_entries), reset_less=True)
        with m.If(start):
            m.d.sync += entry.eq(0)
        with m.Elif(valid):
            m.d.sync += entry.eq(entry + 1)
        for function, active in zip(functions, (~self._normalizes, self._normalizes), strict=True):
            m.d.comb += [
                function.elements.eq(self._elements),
                function.i.valid.eq(valid & active & ~self._table),
                function.i.payload.eq(self.read_data),
                function.write_enable.eq(valid & active & self._table),
                function.write_address.eq(entry),
                function.write_data.eq(self.read_data),
            ]

    def _drain(self, m: Module, functions: tuple[Softmax, LayerNorm], writer: RowWriter) -> None:
        """Send results to the scratchpad's write port."""
        softmax, norm = (function.o for function in functions)
        m.d.comb += [
            writer.i.valid.eq(softmax.valid | norm.valid),
            writer.i.payload.eq(Mux(self._normalizes, norm.payload, softmax.payload)),
            writer.taken.eq(self.write_taken),
            self.write_enable.eq(writer.write_enable),
            self.write_address.eq(writer.write_address),
            self.write_data.eq(writer.write_data),
        ]


def _spanned(entries: Value, norm: Value) -> Value:
    """Bytes of a table minus 1, from its entries minus 1."""
    bytes_ = {size: Cat(Const(-1, (size - 1).bit_length()), entries) for size in (4, 8)}
    return Mux(norm, bytes_[NORM_ENTRY], bytes_[SOFTMAX_ENTRY])
