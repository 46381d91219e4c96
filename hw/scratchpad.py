"""Byte-banked scratchpad: unaligned writes, and reads of a vector gathered from two runs."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .delay import delays
from .ram import Ram

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
    cycles later, and until then as anything.

    Parameters
    ----------
    banks, size : int
        Powers of two.
    write_lanes, read_lanes : int
        At most `banks`.
    family : str
        Of the block RAMs, as `Ram` takes it.
    """

    LATENCY = Ram.LATENCY + 3

    def __init__(
        self,
        *,
        banks: int,
        size: int,
        write_lanes: int,
        read_lanes: int,
        family: str = "generic",
    ) -> None:
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
        self._family = family
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
        banks = [Ram(width=8, depth=depth, family=self._family) for _ in range(self.banks)]
        for index, bank in enumerate(banks):
            m.submodules[f"bank{index}"] = bank
        self._write(m, banks)
        self._read(m, banks)
        return m

    def _write(self, m: Module, banks: list[Ram]) -> None:
        # Cycle 1: rotate lanes to their banks; cycle 2: write.
        low = self.write_address[: self.bank_bits]
        high = self.write_address[self.bank_bits :]
        lanes = Signal(8 * self.banks)
        enables = Signal(self.banks)
        m.d.comb += [lanes.eq(self.write_data), enables.eq(self.write_enable)]
        data_rotated = Signal(8 * self.banks, reset_less=True)
        enable_rotated = Signal(self.banks)
        m.d.sync += enable_rotated.eq(rotate_left(enables, low, bits=1))
        with m.If(self.write_enable.any()):
            m.d.sync += data_rotated.eq(rotate_left(lanes, low, bits=8))
        for index, bank in enumerate(banks):
            row = Signal(len(high), reset_less=True, name=f"write_row{index}")
            with m.If(self.write_enable.any()):
                m.d.sync += row.eq(high + (index < low))
            m.d.comb += [
                bank.write_enable.eq(enable_rotated[index]),
                bank.write_address.eq(row),
                bank.write_data.eq(data_rotated.word_select(index, 8)),
            ]

    def _read(self, m: Module, banks: list[Ram]) -> None:
        low = Signal(self.bank_bits)
        row_a = Signal(len(self.a) - self.bank_bits)
        row_b = Signal.like(row_a)
        m.d.comb += [
            low.eq(self.a),
            row_a.eq(self.a[self.bank_bits :]),
            row_b.eq(self.b[self.bank_bits :]),
        ]
        valid = delays(m, "valid", self.read_enable, self.LATENCY - 1, reset_less=False)
        # Cycle 1: a row for each bank
        for index, bank in enumerate(banks):
            lane = Signal(self.bank_bits, name=f"lane{index}")
            row = Signal(len(row_a), reset_less=True, name=f"row{index}")
            m.d.comb += lane.eq(index - low)
            with m.If(self.read_enable):
                m.d.sync += row.eq(Mux(lane < self.split, row_a, row_b) + (index < low))
            # Cycles 2 and 3: read
            m.d.comb += [bank.read_address.eq(row), bank.read_enable.eq(valid[1])]
        words = Cat(bank.read_data for bank in banks)
        # Cycles 4 and 5: rotate banks back to lanes, first by the higher bits of the way
        amounts = delays(m, "amount", low, self.LATENCY - 1)
        half = self.bank_bits // 2
        turned = Signal(8 * self.banks, reset_less=True)
        out = Signal(len(self.read_data), reset_less=True)
        higher = amounts[self.LATENCY - 2][half:]
        with m.If(valid[self.LATENCY - 2]):
            m.d.sync += turned.eq(rotate_right(words, higher, bits=8 << half))
        with m.If(valid[self.LATENCY - 1]):
            m.d.sync += out.eq(rotate_right(turned, amounts[-1][:half], bits=8))
        m.d.comb += self.read_data.eq(out)
