"""Checks instructions and hands each to the queue of its unit."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.data import View
from amaranth.lib.wiring import In, Out

from ..golden.isa import RECORD_BYTES, UNIT_OF, Mode, Opcode, Unit, limits
from ..golden.parameters import Parameters
from .add import SMALLEST_SHIFT
from .fetch import fetched_layout
from .layouts import command_layout, compute_layout, fields_layout

__all__ = ["Dispatch"]


class Dispatch(wiring.Component):
    """Takes instructions in order; stops at END, at one it refuses and at a read fault.

    Illegal are unknown opcodes, sizes of 0, more columns than the array has, and a WEIGHT that
    has several rows or is not aligned to the bus; a SETUP of a mode that the array does not have,
    or with a window of no cells or of no stride; a SETUP_ADD whose operands do not lie in the same
    banks, or with a smaller shift than the adder has; a RECORD of another size than the counters,
    or not aligned to the bus. Refused, too, are addresses beyond a scratchpad.

    Members
    -------
    i : fetched instructions
    halt : takes no more
    load, weight, compute, store : commands for the units
    ended : END has come
    illegal, beyond, fault : what stopped it
    handed : instructions handed out
    """

    i: stream.Interface
    load: stream.Interface
    weight: stream.Interface
    compute: stream.Interface
    store: stream.Interface

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        super().__init__(
            {
                "i": In(stream.Signature(fetched_layout())),
                "halt": In(1),
                "load": Out(stream.Signature(command_layout(Opcode.LOAD, fill=1))),
                "weight": Out(stream.Signature(command_layout(Opcode.WEIGHT, fill=1))),
                "compute": Out(stream.Signature(compute_layout())),
                "store": Out(stream.Signature(command_layout(Opcode.STORE, record=1))),
                "ended": Out(1),
                "illegal": Out(1),
                "beyond": Out(1),
                "fault": Out(1),
                "handed": Out(32),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        instruction = self.i.payload.instruction
        opcode = instruction.opcode
        legal, inside = Signal(), Signal()
        m.d.comb += [
            legal.eq(self._legal(opcode, instruction.body)),
            inside.eq(self._inside(opcode, instruction.body)),
        ]
        take, open_, stopped = Signal(), Signal(), Signal()
        m.d.comb += [
            stopped.eq(self.ended | self.illegal | self.beyond | self.fault),
            open_.eq(self.i.valid & ~self.halt & ~stopped),
            self.i.ready.eq(take),
        ]
        for unit in Unit:
            port = getattr(self, unit.name.lower())
            members = port.payload.shape().members
            m.d.comb += [
                port.payload.wait.eq(instruction.wait),
                port.payload.signal.eq(instruction.signal),
                port.payload.fields.as_value().eq(instruction.body),
            ]
            if "fill" in members:
                m.d.comb += port.payload.fill.eq(opcode == Opcode.FILL)
            if "setup" in members:
                m.d.comb += [
                    port.payload.add.eq(opcode == Opcode.SETUP_ADD),
                    port.payload.setup.eq((opcode == Opcode.SETUP) | port.payload.add),
                ]
            if "record" in members:
                m.d.comb += port.payload.record.eq(opcode == Opcode.RECORD)
        with m.If(open_):
            with m.If(self.i.payload.fault):
                m.d.sync += self.fault.eq(1)
            with m.Elif(~legal):
                m.d.sync += self.illegal.eq(1)
            with m.Elif(~inside):
                m.d.sync += self.beyond.eq(1)
            with m.Elif(opcode == Opcode.END):
                m.d.sync += self.ended.eq(1)
            with m.Else():
                self._route(m, opcode, take)
        with m.If(take):
            m.d.sync += self.handed.eq(self.handed + 1)
        return m

    def _route(self, m: Module, opcode: Value, take: Signal) -> None:
        with m.Switch(opcode):
            for unit in Unit:
                port = getattr(self, unit.name.lower())
                with m.Case(*(kind for kind, owner in UNIT_OF.items() if owner == unit)):
                    m.d.comb += [port.valid.eq(1), take.eq(port.ready)]

    def _inside(self, opcode: Value, body: Value) -> Value:
        inside = Const(1)
        for kind in (Opcode.WEIGHT, Opcode.COMPUTE):
            fields = View(fields_layout(kind), body[: fields_layout(kind).size])
            for name, limit in limits(kind, self._parameters).items():
                high = fields[name] >> (limit - 1).bit_length()
                inside &= (opcode != kind) | (high == 0)
        return inside

    def _legal(self, opcode: Value, body: Value) -> Value:
        def fields(kind: Opcode) -> View:
            return View(fields_layout(kind), body[: fields_layout(kind).size])

        low = self._parameters.axi_bytes - 1
        transfer, compute = fields(Opcode.LOAD), fields(Opcode.COMPUTE)
        moves = (transfer.rows != 0) & (transfer.row_bytes != 0)
        aligned = ((transfer.memory | transfer.buffer | transfer.row_bytes) & low) == 0
        records = (
            (transfer.rows == 1)
            & (transfer.row_bytes == RECORD_BYTES)
            & (transfer.buffer == 0)
            & ((transfer.memory & low) == 0)
        )
        tiled = (
            (compute.passes != 0)
            & (compute.width != 0)
            & (compute.height != 0)
            & (compute.columns != 0)
            & (compute.columns <= self._parameters.cols)
        )
        legal = opcode == Opcode.END
        for kinds, condition in (
            ((Opcode.LOAD, Opcode.FILL, Opcode.STORE), moves),
            ((Opcode.WEIGHT,), moves & aligned & (transfer.rows == 1)),
            ((Opcode.SETUP,), self._shaped(fields(Opcode.SETUP))),
            ((Opcode.SETUP_ADD,), self._addable(fields(Opcode.SETUP_ADD))),
            ((Opcode.COMPUTE,), tiled),
            ((Opcode.RECORD,), records),
        ):
            for kind in kinds:
                legal = Mux(opcode == kind, condition, legal)
        return legal

    def _shaped(self, setup: View) -> Value:
        modes = [Mode.DEPTHWISE, Mode.MAX] if self._parameters.depthwise else [Mode.MAX]
        window = [setup[name] for name in ("window_height", "window_width")]
        window += [setup[name] for name in ("stride_y", "stride_x")]
        windowed = Cat(setup.mode == mode for mode in modes).any()
        for value in window:
            windowed &= value != 0
        walked = (setup.run != 0) & (setup.taps != 0) & (setup.lines != 0)
        return walked & ((setup.mode == Mode.DENSE) | windowed)

    def _addable(self, setup: View) -> Value:
        misaligned = setup.operand_pitch & (self._parameters.activation_banks - 1)
        return (misaligned == 0) & (setup.shift >= SMALLEST_SHIFT)
