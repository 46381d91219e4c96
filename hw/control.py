"""The AXI4-Lite control port: identification, start, status, interrupt, counters."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..golden.isa import Unit
from ..golden.parameters import Parameters
from ..golden.registers import (
    COUNTERS,
    IDENTIFICATION,
    RECORDED,
    VERSION,
    WRITABLE,
    ErrorCode,
    Register,
)

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
    """Registers of `maccord.golden.registers` behind AXI4-Lite.

    Writes to read-only or absent registers have no effect, reads of absent ones give 0.

    Members
    -------
    s_axi_* : AXI4-Lite slave
    interrupt : high while done, error or recorded is set and interrupts are enabled
    start : one cycle, when software starts a program and none runs
    program, base : byte offset of the program, base address of all offsets
    finish, error : one cycle, the program has ended; why it ended early
    recorded : one cycle, a RECORD asks for the interrupt
    cause, work : which counter counts this cycle, one bit each; multiplications in it
    counters : all of them, 64 bits each, in the order of `RECORDED`
    units, instructions : state of the units, instructions handed out
    """

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        super().__init__(
            control_port()
            | {
                "interrupt": Out(1),
                "start": Out(1),
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
        done, recorded, error = Signal(), Signal(), Signal(8)
        enable = Signal()
        m.d.comb += [
            self.interrupt.eq(enable & (done | recorded | (error != ErrorCode.NONE))),
            self.start.eq(
                write & (address == Register.CONTROL) & strobe[0] & value[0] & ~self.busy
            ),
        ]
        writable: dict[Register, Value] = {
            Register.IRQ_ENABLE: enable,
            Register.PROGRAM: self.program,
            Register.BASE_LOW: self.base[:32],
            Register.BASE_HIGH: self.base[32:],
        }
        with m.If(write):
            with m.Switch(address):
                for register, target in writable.items():
                    with m.Case(int(register)):
                        self._store(m, target, value & WRITABLE[register], strobe, register)
                with m.Case(Register.STATUS):
                    with m.If(strobe[0] & value[1]):
                        m.d.sync += done.eq(0)
                    with m.If(strobe[0] & value[2]):
                        m.d.sync += error.eq(ErrorCode.NONE)
                    with m.If(strobe[0] & value[3]):
                        m.d.sync += recorded.eq(0)
        with m.If(self.recorded):
            m.d.sync += recorded.eq(1)
        with m.If(self.start):
            m.d.sync += [
                *(self.busy.eq(1), done.eq(0), recorded.eq(0)),
                error.eq(ErrorCode.NONE),
            ]
        with m.Elif(self.finish):
            m.d.sync += [self.busy.eq(0), done.eq(1), error.eq(self.error)]
        status = Cat(self.busy, done, error != ErrorCode.NONE, recorded, Const(0, 4), error)
        readable = {int(register): source for register, source in writable.items()}
        readable[int(Register.STATUS)] = status
        self._read_channels(m, readable | self._constants() | self._counters(m))
        return m

    def _store(
        self, m: Module, target: Value, value: Value, strobe: Signal, register: Register
    ) -> None:
        """Write a register's bytes; where a program comes from only while none runs."""
        free = Const(1) if register == Register.IRQ_ENABLE else ~self.busy
        for byte in range((len(target) + 7) // 8):
            part = target[8 * byte : 8 * byte + 8]
            with m.If(strobe[byte] & free):
                m.d.sync += part.eq(value[8 * byte : 8 * byte + 8])

    def _write_channels(
        self, m: Module, write: Signal, address: Signal, value: Signal, strobe: Signal
    ) -> None:
        """Take address and data in any order; act when both are there."""
        has_address, has_data = Signal(), Signal()
        m.d.comb += [
            self.s_axi_awready.eq(~has_address),
            self.s_axi_wready.eq(~has_data),
            write.eq(has_address & has_data & ~self.s_axi_bvalid),
        ]
        with m.If(self.s_axi_awvalid & self.s_axi_awready):
            m.d.sync += [has_address.eq(1), address.eq(self.s_axi_awaddr & ~3)]
        with m.If(self.s_axi_wvalid & self.s_axi_wready):
            m.d.sync += [has_data.eq(1), value.eq(self.s_axi_wdata), strobe.eq(self.s_axi_wstrb)]
        with m.If(write):
            m.d.sync += [has_address.eq(0), has_data.eq(0), self.s_axi_bvalid.eq(1)]
        with m.Elif(self.s_axi_bready):
            m.d.sync += self.s_axi_bvalid.eq(0)

    def _read_channels(self, m: Module, readable: dict[int, Value]) -> None:
        m.d.comb += self.s_axi_arready.eq(~self.s_axi_rvalid)
        with m.If(self.s_axi_arvalid & self.s_axi_arready):
            m.d.sync += [self.s_axi_rvalid.eq(1), self.s_axi_rdata.eq(0)]
            with m.Switch(self.s_axi_araddr & ~3):
                for register, source in readable.items():
                    with m.Case(int(register)):
                        m.d.sync += self.s_axi_rdata.eq(source)
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
        }
        return {int(register): Value.cast(value) for register, value in constants.items()} | {
            int(Register.UNITS): self.units,
            int(Register.INSTRUCTION): self.instructions,
        }

    def _counters(self, m: Module) -> dict[int, Value]:
        """Count a program's cycles, all and by cause, and its work, from 0 at each start."""
        counts = Signal(data.ArrayLayout(64, len(RECORDED)))
        amounts = (Const(1), *self.cause, self.work)
        for index, amount in enumerate(amounts):
            with m.If(self.start):
                m.d.sync += counts[index].eq(0)
            with m.Elif(self.busy & amount.any()):
                m.d.sync += counts[index].eq(counts[index] + amount)
        m.d.comb += self.counters.eq(counts)
        return {
            Register.CYCLES + 8 * index + 4 * word: counts[index][32 * word : 32 * word + 32]
            for index in range(len(RECORDED))
            for word in range(2)
        }
