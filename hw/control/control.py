"""The AXI4-Lite control port: identification, start, status, interrupt, counters."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...spec.isa import Unit
from ...spec.isa_features import features
from ...spec.parameters import Parameters
from ...spec.registers import (
    COUNTERS,
    IDENTIFICATION,
    RECORDED,
    VERSION,
    WRITABLE,
    Command,
    ErrorCode,
    Register,
)
from .counter import WideCounter

__all__ = ["ADDRESS_BITS", "Control", "control_port"]

ADDRESS_BITS = 12


def control_port() -> dict[str, wiring.Member]:
    """Members of an AXI4-Lite slave port of 32 bits, named as AXI names them."""
    return {
        "s_axi_awaddr": In(ADDRESS_BITS),
        "s_axi_awprot": In(3),
        "s_axi_awvalid": In(1),
        "s_axi_awready": Out(1),
        "s_axi_wdata": In(32),
        "s_axi_wstrb": In(4),
        "s_axi_wvalid": In(1),
        "s_axi_wready": Out(1),
        "s_axi_bresp": Out(2),
        "s_axi_bvalid": Out(1),
        "s_axi_bready": In(1),
        "s_axi_araddr": In(ADDRESS_BITS),
        "s_axi_arprot": In(3),
        "s_axi_arvalid": In(1),
        "s_axi_arready": Out(1),
        "s_axi_rdata": Out(32),
        "s_axi_rresp": Out(2),
        "s_axi_rvalid": Out(1),
        "s_axi_rready": In(1),
    }


class Control(wiring.Component):
    """Registers of `maccord.spec.registers` behind AXI4-Lite.

    A write takes effect `ANSWER` cycles before its response. Read data are `READ` cycles old.

    Writes to read-only or absent registers are ignored; absent registers read as 0.

    Members
    -------
    s_axi_* : AXI4-Lite slave
    interrupt : level-sensitive, high while done, error or recorded is set and interrupts are
        enabled
    start : one-cycle pulse when software starts a program and none is running
    abort : high from the cycle after software requests an abort until the program has ended
    program : byte offset of the program
    base : base address of all offsets
    finish : one-cycle pulse when the program has ended
    error : why the program ended early
    recorded : one-cycle pulse, a RECORD requests the interrupt
    cause : the counter that counts this cycle, one-hot
    work : multiplications
    counters : all counters, 64 bits each, in the order of `RECORDED`; the low half is updated
        `COUNT` cycles after the event, the high half one cycle later
    units : state of each unit
    instructions : number of instructions dispatched
    """

    ANSWER = 2
    COUNT = 2
    READ = 2

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        super().__init__(
            control_port()
            | {
                "interrupt": Out(1),
                "start": Out(1),
                "abort": Out(1),
                "busy": Out(1),
                "program": Out(32),
                "base": Out(64),
                "finish": In(1),
                "error": In(8),
                "recorded": In(1),
                "cause": In(len(COUNTERS)),
                "work": In(range(parameters.rows * parameters.cols + 1)),
                "counters": Out(64 * len(RECORDED)),
                "units": In(4 * (len(Unit) + 1)),
                "instructions": In(32),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        write = Signal()
        address, value, strobe = Signal(ADDRESS_BITS), Signal(32), Signal(4)
        self._write_channels(m, write, address, value, strobe)
        done, recorded, error, failed = Signal(), Signal(), Signal(8), Signal()
        enable = Signal()
        writable: dict[Register, Value] = {
            Register.IRQ_ENABLE: enable,
            Register.PROGRAM: self.program,
            Register.BASE_LOW: self.base[:32],
            Register.BASE_HIGH: self.base[32:],
        }
        # Decoded ahead of the write: the address is valid earlier.
        chosen = {
            register: Signal(name=f"chosen_{register.name.lower()}")
            for register in (*writable, Register.CONTROL, Register.STATUS)
        }
        m.d.sync += [hit.eq(address == register) for register, hit in chosen.items()]
        m.d.comb += [
            failed.eq(error != ErrorCode.NONE),
            self.interrupt.eq(enable & (done | recorded | failed)),
        ]
        command = write & chosen[Register.CONTROL] & strobe[0]
        free = ~self.busy & ~self.start
        m.d.sync += [
            self.start.eq(command & (value & Command.START).any() & free),
            self.abort.eq(
                (self.abort | (command & (value & Command.ABORT).any() & ~free)) & ~self.finish
            ),
        ]
        for register, target in writable.items():
            masked = value & WRITABLE[register]
            self._store(m, target, masked, write & chosen[register], strobe, register)
        with m.If(write & chosen[Register.STATUS] & strobe[0]):
            m.d.sync += [
                done.eq(done & ~value[1]),
                error.eq(Mux(value[2], ErrorCode.NONE, error)),
                recorded.eq(recorded & ~value[3]),
            ]
        with m.If(self.recorded):
            m.d.sync += recorded.eq(1)
        with m.If(self.start):
            m.d.sync += [
                *(self.busy.eq(1), done.eq(0), recorded.eq(0)),
                error.eq(ErrorCode.NONE),
            ]
        with m.Elif(self.finish):
            m.d.sync += [self.busy.eq(0), done.eq(1), error.eq(self.error)]
        status = Cat(self.busy, done, failed, recorded, Const(0, 4), error)
        readable = {int(register): source for register, source in writable.items()}
        readable[int(Register.STATUS)] = status
        self._read_channels(m, readable | self._constants() | self._counters(m))
        return m

    def _store(
        self, m: Module, target: Value, value: Value, write: Value, strobe: Signal, name: Register
    ) -> None:
        """Write a register's bytes; PROGRAM and BASE only while no program runs."""
        free = Const(1) if name == Register.IRQ_ENABLE else ~self.busy & ~self.start
        for byte in range((len(target) + 7) // 8):
            part = target[8 * byte : 8 * byte + 8]
            with m.If(write & strobe[byte] & free):
                m.d.sync += part.eq(value[8 * byte : 8 * byte + 8])

    def _write_channels(
        self, m: Module, write: Signal, address: Signal, value: Signal, strobe: Signal
    ) -> None:
        """Accept address and data in any order; write when both are valid."""
        has_address, has_data = Signal(), Signal()
        m.d.comb += [self.s_axi_awready.eq(~has_address), self.s_axi_wready.eq(~has_data)]
        m.d.sync += write.eq(has_address & has_data & ~self.s_axi_bvalid & ~write)
        with m.If(self.s_axi_awvalid & self.s_axi_awready):
            m.d.sync += [has_address.eq(1), address.eq(self.s_axi_awaddr & ~3)]
        with m.If(self.s_axi_wvalid & self.s_axi_wready):
            m.d.sync += [has_data.eq(1), value.eq(self.s_axi_wdata), strobe.eq(self.s_axi_wstrb)]
        with m.If(write):
            m.d.sync += [has_address.eq(0), has_data.eq(0)]
        acted = Signal()
        m.d.sync += acted.eq(write)
        with m.If(acted):
            m.d.sync += self.s_axi_bvalid.eq(1)
        with m.Elif(self.s_axi_bready):
            m.d.sync += self.s_axi_bvalid.eq(0)

    def _read_channels(self, m: Module, readable: dict[int, Value]) -> None:
        """Select the word in two stages, within each group of four and between groups."""
        address = Signal(ADDRESS_BITS)
        phases = Signal(self.READ)  # cycles since an address was accepted
        taken = self.s_axi_arvalid & self.s_axi_arready
        m.d.comb += self.s_axi_arready.eq(~phases.any() & ~self.s_axi_rvalid)
        m.d.sync += phases.eq(Cat(taken, phases))
        with m.If(taken):
            m.d.sync += address.eq(self.s_axi_araddr)
        low, high, beyond = address[2:4], address[4:8], address[8:]
        fours = []
        for first in range(0, 1 << 8, 16):
            sources = [readable.get(first + 4 * index, Const(0)) for index in range(4)]
            four = Signal(32, name=f"words_{first:02x}")
            fours.append(four if any(first + 4 * index in readable for index in range(4)) else 0)
            with m.If(phases[0]):
                words = Cat(Cat(source, Const(0, 32))[:32] for source in sources)
                m.d.sync += four.eq(words.word_select(low, 32))
        # Cycle 2: select the group.
        with m.If(phases[-1]):
            word = Cat(Cat(four, Const(0, 32))[:32] for four in fours).word_select(high, 32)
            m.d.sync += [self.s_axi_rvalid.eq(1), self.s_axi_rdata.eq(Mux(beyond.any(), 0, word))]
        with m.Elif(self.s_axi_rready):
            m.d.sync += self.s_axi_rvalid.eq(0)

    def _constants(self) -> dict[int, Value]:
        p = self._parameters
        constants = {
            Register.ID: IDENTIFICATION,
            Register.VERSION: VERSION,
            Register.ROWS: p.rows,
            Register.COLS: p.cols,
            Register.LANES: p.lanes,
            Register.AXI_BYTES: p.axi_bytes,
            Register.ACTIVATION_BYTES: p.activation_bytes,
            Register.WEIGHT_BYTES: p.weight_bytes,
            Register.OUTPUT_BYTES: p.output_bytes,
            Register.ACCUMULATORS: p.accumulators,
            Register.LINE_CELLS: p.line_cells,
            Register.FEATURES: int(features(p)),
        }
        return {int(register): Value.cast(value) for register, value in constants.items()} | {
            int(Register.UNITS): self.units,
            int(Register.INSTRUCTION): self.instructions,
        }

    def _counters(self, m: Module) -> dict[int, Value]:
        """Count a program's cycles, in total and by cause, and its work, from 0 at each start."""
        words: list[Value] = []
        amounts = (Const(1), *self.cause, self.work)
        # Amounts are one cycle late, too
        clear = Signal(init=1)
        m.d.sync += clear.eq(self.start)
        for name, amount in zip(RECORDED, amounts, strict=True):
            m.submodules[f"counter_{name}"] = counter = WideCounter(half=32, amount=len(amount))
            m.d.comb += counter.clear.eq(clear)
            m.d.sync += counter.amount.eq(Mux(self.busy, amount, 0))
            words += [counter.low, counter.high]
        m.d.comb += self.counters.eq(Cat(words))
        return {Register.CYCLES + 4 * index: word for index, word in enumerate(words)}
