"""Byte-banked scratchpad: unaligned writes, and reads of a vector gathered from two runs."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Scratchpad", "rotate_left", "rotate_right"]


def rotate_right(value: Value, amount: Value, *, bits: int) -> Value:
    """Lane i of the result is lane (i + amount) modulo the lanes, a power of two of `bits`."""
    for bit in range(len(amount)):
        value = Mux(amount[bit], value.rotate_right(bits << bit), value)
    return value


def rotate_left(value: Value, amount: Value, *, bits: int) -> Value:
    """Lane (i + amount) modulo the lanes, a power of two of `bits`, of the result is lane i."""
    for bit in range(len(amount)):
        value = Mux(amount[bit], value.rotate_left(bits << bit), value)
    return value


class Scratchpad(wiring.Component):
    """On-chip memory of `size` bytes in `banks` byte-wide banks, byte address a in bank a % banks.

    Writes put lane i at `write_address` + i. Reads take lane i from `a` + i below `split` and
    from `b` + i otherwise; `a` and `b` must be congruent modulo `banks`. Both move one vector a
    cycle. A read's data come `LATENCY` cycles after its address; a write is seen by reads two
    cycles later.

    Parameters
    ----------
    banks, size : int
        Powers of two.
    write_lanes, read_lanes : int
        At most `banks`.
    """

    LATENCY = 3

    def __init__(self, *, banks: int, size: int, write_lanes: int, read_lanes: int) -> None:
        if banks & (banks - 1) or size & (size - 1) or size < 2 * banks:
            raise ValueError(
                f"banks and size must be powers of two with size >= 2 * banks, "
                f"got {banks} and {size}"
            )
        for name, lanes in (("write_lanes", write_lanes), ("read_lanes", read_lanes)):
            if not 1 <= lanes <= banks:
                raise ValueError(f"{name} must be between 1 and {banks}, got {lanes}")
        self.banks = banks
        self.size = size
        self.bank_bits = (banks - 1).bit_length()
        self.address_bits = (size - 1).bit_length()
        super().__init__(
            {
                "write_enable": In(write_lanes),
                "write_address": In(self.address_bits),
                "write_data": In(8 * write_lanes),
                "read_enable": In(1),
                "a": In(self.address_bits),
                "b": In(self.address_bits),
                "split": In(range(read_lanes + 1)),
                "read_data": Out(8 * read_lanes),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        depth = self.size // self.banks
        banks = [memory.Memory(shape=8, depth=depth, init=[]) for _ in range(self.banks)]
        for index, bank in enumerate(banks):
            m.submodules[f"bank{index}"] = bank
        self._write(m, [bank.write_port() for bank in banks])
        self._read(m, [bank.read_port() for bank in banks])
        return m

    def _write(self, m: Module, ports: list[memory.WritePort]) -> None:
        # Cycle 1: rotate lanes to their banks; cycle 2: write.
        low = self.write_address[: self.bank_bits]
        high = self.write_address[self.bank_bits :]
        lanes = Signal(8 * self.banks)
        enables = Signal(self.banks)
        m.d.comb += [lanes.eq(self.write_data), enables.eq(self.write_enable)]
        any_enable = Signal()
        m.d.comb += any_enable.eq(self.write_enable.any())
        data_rotated = Signal(8 * self.banks, reset_less=True)
        enable_rotated = Signal(self.banks)
        row = Signal(len(high), reset_less=True)
        wrapped = Signal(self.bank_bits, reset_less=True)
        active = Signal()
        m.d.sync += active.eq(any_enable)
        with m.If(any_enable):
            m.d.sync += [
                data_rotated.eq(rotate_left(lanes, low, bits=8)),
                enable_rotated.eq(rotate_left(enables, low, bits=1)),
                row.eq(high),
                wrapped.eq(low),
            ]
        for index, port in enumerate(ports):
            m.d.comb += [
                port.en.eq(active & enable_rotated[index]),
                port.addr.eq(row + (index < wrapped)),
                port.data.eq(data_rotated.word_select(index, 8)),
            ]

    def _read(self, m: Module, ports: list[memory.ReadPort]) -> None:
        low = Signal(self.bank_bits)
        row_a = Signal(len(self.a) - self.bank_bits)
        row_b = Signal.like(row_a)
        m.d.comb += [
            low.eq(self.a),
            row_a.eq(self.a[self.bank_bits :]),
            row_b.eq(self.b[self.bank_bits :]),
        ]
        amount = [Signal(self.bank_bits, reset_less=True, name=f"amount{i}") for i in range(2)]
        valid = [Signal(name=f"valid{i}") for i in range(2)]
        words = Signal(data.ArrayLayout(8, self.banks))
        m.d.sync += [valid[0].eq(self.read_enable), valid[1].eq(valid[0])]
        # Cycle 1: a row for each bank.
        with m.If(self.read_enable):
            m.d.sync += amount[0].eq(low)
        for index, port in enumerate(ports):
            lane = Signal(self.bank_bits, name=f"lane{index}")
            row = Signal(len(row_a), reset_less=True, name=f"row{index}")
            m.d.comb += lane.eq(index - low)
            with m.If(self.read_enable):
                m.d.sync += row.eq(Mux(lane < self.split, row_a, row_b) + (index < low))
            # Cycle 2: read.
            m.d.comb += [port.addr.eq(row), port.en.eq(valid[0]), words[index].eq(port.data)]
        with m.If(valid[0]):
            m.d.sync += amount[1].eq(amount[0])
        # Cycle 3: rotate banks back to lanes.
        out = Signal(len(self.read_data), reset_less=True)
        with m.If(valid[1]):
            m.d.sync += out.eq(rotate_right(words.as_value(), amount[1], bits=8))
        m.d.comb += self.read_data.eq(out)
