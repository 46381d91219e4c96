"""Checks instructions and dispatches each to the queue of its unit."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ...spec.isa import UNIT_OF, Opcode, Unit, implemented
from ...spec.parameters import Parameters
from ...spec.registers import ErrorCode
from ..layouts import ROW_KINDS, command_layout, compute_layout, store_layout, weight_layout
from .fetch import fetched_layout
from .rules import Rules

__all__ = ["Dispatch"]


class Dispatch(wiring.Component):
    """Dispatches instructions in order; stops at END, at a rejected one and at a read fault.

    Throughput is one instruction per `PERIOD` cycles, latency `LATENCY` cycles if the queue has
    room.

    An instruction is rejected if the hardware does not have its opcode or if it breaks a rule of
    `maccord.spec.isa.TABLE`; these rules include addresses beyond a scratchpad.

    Members
    -------
    i : fetched instructions
    halt : dispatches no further instruction, except one whose `valid` is already asserted
    load, weight, compute, store : commands for the units
    ended : END has been reached
    illegal : stopped at an illegal instruction
    beyond : stopped at an address beyond a scratchpad
    fault : stopped at a read fault
    handed : number of instructions dispatched
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
        layout = compute_layout(parameters)
        super().__init__(
            {
                "i": In(stream.Signature(fetched_layout())),
                "halt": In(1),
                "load": Out(stream.Signature(command_layout(Opcode.LOAD, fill=1))),
                "weight": Out(stream.Signature(weight_layout(parameters))),
                "compute": Out(stream.Signature(layout)),
                "store": Out(stream.Signature(store_layout(parameters))),
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
        # Cycles 1 and 2: test the fields for every opcode; cycle 3: combine. A rejected
        # instruction stays in the register.
        seen, known, busy, judged = Signal(), Signal(), Signal(), Signal()
        within, inside = Signal(), Signal()
        kinds = [kind for kind in UNIT_OF if implemented(kind, self._parameters)]
        meets = {kind: Signal(name=f"meets_{kind.name.lower()}") for kind in kinds}
        legal = {kind: Signal(name=f"legal_{kind.name.lower()}") for kind in kinds}
        take = Signal(len(Unit))
        rules = Rules(m, body, self._parameters)
        legality, range_ = ErrorCode.ILLEGAL_INSTRUCTION, ErrorCode.SCRATCHPAD_RANGE
        reaches = [(opcode != kind) | rules.keeps(kind, range_) for kind in kinds]
        m.d.sync += within.eq(Cat(reaches).all())
        m.d.sync += [meets[kind].eq(rules.keeps(kind, legality)) for kind in meets]
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
        # Cycle 5: dispatch; cycle 6: release the register.
        for unit, port in ports.items():
            own = Cat(legal[kind] for kind in kinds if UNIT_OF[kind] == unit).any()
            show = judged & own & inside & ~self.i.payload.fault & ~self.halt
            m.d.comb += take[unit].eq(port.valid & port.ready)
            m.d.sync += port.valid.eq(show | (port.valid & ~port.ready))
        m.d.sync += self.i.ready.eq(take.any())
        with m.If(self.i.ready):
            m.d.sync += [seen.eq(0), known.eq(0), busy.eq(0), self.handed.eq(self.handed + 1)]
        return m

    def _fill(self, m: Module, port: stream.Interface) -> None:
        """Drive a unit's queue with the instruction."""
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
            adds = opcode == Opcode.SETUP_ADD
            if "mul" in members:
                adds |= opcode == Opcode.SETUP_MUL
                m.d.comb += command.mul.eq(opcode == Opcode.SETUP_MUL)
            m.d.comb += [
                command.add.eq(adds),
                command.setup.eq((opcode == Opcode.SETUP) | command.add),
            ]
            if self._parameters.lookup:
                m.d.comb += [
                    command.add.eq(adds | (opcode == Opcode.TABLE)),
                    command.setup.eq(adds | (opcode == Opcode.SETUP)),
                ]
        if "gather" in members:
            m.d.comb += command.gather.eq(opcode == Opcode.GATHER)
        if "record" in members:
            m.d.comb += command.record.eq(opcode == Opcode.RECORD)
        if "row" in members:
            with m.Switch(opcode):
                for kind, number in ROW_KINDS.items():
                    with m.Case(kind):
                        m.d.comb += command.row.eq(number)
