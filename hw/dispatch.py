"""Checks instructions and hands each to the queue of its unit."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.data import View
from amaranth.lib.wiring import In, Out

from ..golden.isa import RECORD_BYTES, SMALLEST_SHIFT, UNIT_OF, Mode, Opcode, Unit, limits
from ..golden.parameters import Parameters
from .fetch import fetched_layout
from .layouts import command_layout, compute_layout, fields_layout

__all__ = ["Dispatch"]


class Dispatch(wiring.Component):
    """Takes instructions in order; stops at END, at one it refuses and at a read fault.

    One in `PERIOD` cycles, handed out `LATENCY` cycles after it is there, to a queue with room.

    Illegal are unknown opcodes, sizes of 0, more columns than the array has, and a WEIGHT that
    has several rows or is not aligned to the bus; a SETUP of a mode that the array does not have,
    or with a window of no cells or of no stride; a SETUP_ADD whose operands do not lie in the same
    banks, or with a smaller shift than the adder has; a RECORD of another size than the counters,
    or not aligned to the bus. Refused, too, are addresses beyond a scratchpad.

    Members
    -------
    i : fetched instructions
    halt : hands out no more, but for what is shown already
    load, weight, compute, store : commands for the units
    ended : END has come
    illegal, beyond, fault : what stopped it
    handed : instructions handed out
    """

    LATENCY = 4
    PERIOD = 6
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
        opcode, body = instruction.opcode, instruction.body
        ports = {unit: getattr(self, unit.name.lower()) for unit in Unit}
        for port in ports.values():
            self._fill(m, port)
        # Cycles 1 and 2: look at the fields of every opcode; cycle 3: judge. It stays in hand when
        # it is not handed out.
        seen, known, busy, judged = Signal(), Signal(), Signal(), Signal()
        within, inside = Signal(), Signal()
        meets = {kind: Signal(name=f"meets_{kind.name.lower()}") for kind in UNIT_OF}
        legal = {kind: Signal(name=f"legal_{kind.name.lower()}") for kind in UNIT_OF}
        take = Signal(len(Unit))
        conditions = self._legal(m, body)
        m.d.sync += within.eq(self._inside(m, opcode, body))
        m.d.sync += [meets[kind].eq(conditions[kind]) for kind in meets]
        with m.If(~busy):
            m.d.sync += [
                seen.eq(self.i.valid),
                known.eq(seen),
                busy.eq(known & ~self.halt),
                judged.eq(known & ~self.halt),
                inside.eq(within),
                *(legal[kind].eq((opcode == kind) & meets[kind]) for kind in legal),
            ]
        # Cycle 4: decide.
        with m.If(judged):
            m.d.sync += judged.eq(0)
            with m.If(self.i.payload.fault):
                m.d.sync += self.fault.eq(1)
            with m.Elif(opcode == Opcode.END):
                m.d.sync += self.ended.eq(1)
            with m.Elif(~Cat(legal.values()).any()):
                m.d.sync += self.illegal.eq(1)
            with m.Elif(~inside):
                m.d.sync += self.beyond.eq(1)
        # Cycle 5: hand out; cycle 6: let go of it.
        for unit, port in ports.items():
            own = Cat(legal[kind] for kind, owner in UNIT_OF.items() if owner == unit).any()
            show = judged & own & inside & ~self.i.payload.fault & ~self.halt
            m.d.comb += take[unit].eq(port.valid & port.ready)
            m.d.sync += port.valid.eq(show | (port.valid & ~port.ready))
        m.d.sync += self.i.ready.eq(take.any())
        with m.If(self.i.ready):
            m.d.sync += [seen.eq(0), known.eq(0), busy.eq(0), self.handed.eq(self.handed + 1)]
        return m

    def _fill(self, m: Module, port: stream.Interface) -> None:
        """Show the instruction at a unit's queue."""
        instruction = self.i.payload.instruction
        opcode, command = instruction.opcode, port.payload
        members = command.shape().members
        m.d.comb += [
            command.wait.eq(instruction.wait),
            command.signal.eq(instruction.signal),
            command.fields.as_value().eq(instruction.body),
        ]
        if "fill" in members:
            m.d.comb += command.fill.eq(opcode == Opcode.FILL)
        if "setup" in members:
            m.d.comb += [
                command.add.eq(opcode == Opcode.SETUP_ADD),
                command.setup.eq((opcode == Opcode.SETUP) | command.add),
            ]
        if "record" in members:
            m.d.comb += command.record.eq(opcode == Opcode.RECORD)

    def _inside(self, m: Module, opcode: Value, body: Value) -> Value:
        """Whether addresses are within the scratchpads, a cycle later."""
        inside = Const(1)
        for kind in (Opcode.WEIGHT, Opcode.COMPUTE):
            fields = View(fields_layout(kind), body[: fields_layout(kind).size])
            for name, limit in limits(kind, self._parameters).items():
                high = fields[name] >> (limit - 1).bit_length()
                inside &= (opcode != kind) | _test(m, high == 0)
        return inside

    def _legal(self, m: Module, body: Value) -> dict[Opcode, Value]:
        """Whether the fields are legal, for each opcode with fields, a cycle later."""

        def fields(kind: Opcode) -> View:
            return View(fields_layout(kind), body[: fields_layout(kind).size])

        low = self._parameters.axi_bytes - 1
        transfer, compute = fields(Opcode.LOAD), fields(Opcode.COMPUTE)
        moves = _test(m, transfer.rows != 0) & _test(m, transfer.row_bytes != 0)
        single = _test(m, transfer.rows == 1)
        aligned = _test(m, ((transfer.memory | transfer.buffer | transfer.row_bytes) & low) == 0)
        records = (
            single
            & _test(m, transfer.row_bytes == RECORD_BYTES)
            & _test(m, transfer.buffer == 0)
            & _test(m, (transfer.memory & low) == 0)
        )
        sizes = [compute[name] != 0 for name in ("passes", "width", "height", "columns")]
        tiled = Cat(_test(m, size) for size in sizes).all()
        return {
            Opcode.LOAD: moves,
            Opcode.FILL: moves,
            Opcode.STORE: moves,
            Opcode.WEIGHT: moves & aligned & single,
            Opcode.SETUP: self._shaped(m, fields(Opcode.SETUP)),
            Opcode.SETUP_ADD: self._addable(m, fields(Opcode.SETUP_ADD)),
            Opcode.COMPUTE: tiled & _test(m, compute.columns <= self._parameters.cols),
            Opcode.RECORD: records,
        }

    def _shaped(self, m: Module, setup: View) -> Value:
        modes = [Mode.DEPTHWISE, Mode.MAX] if self._parameters.depthwise else [Mode.MAX]
        window = [setup[name] for name in ("window_height", "window_width")]
        window += [setup[name] for name in ("stride_y", "stride_x")]
        moded = Cat(setup.mode == mode for mode in modes).any()
        windowed = _test(m, moded & Cat(value != 0 for value in window).all())
        walked = Cat(_test(m, setup[name] != 0) for name in ("run", "taps", "lines")).all()
        return walked & (_test(m, setup.mode == Mode.DENSE) | windowed)

    def _addable(self, m: Module, setup: View) -> Value:
        misaligned = setup.operand_pitch & (self._parameters.activation_banks - 1)
        return _test(m, misaligned == 0) & _test(m, setup.shift >= SMALLEST_SHIFT)


def _test(m: Module, condition: Value) -> Signal:
    """A condition, a cycle later."""
    tested = Signal()
    m.d.sync += tested.eq(condition)
    return tested
