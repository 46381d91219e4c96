"""Byte-banked scratchpad: unaligned writes, and reads that gather a vector from two runs."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..family.ram import Ram
from ..parts.delay import delays

__all__ = ["Scratchpad", "rotate_left", "rotate_right"]


def rotate_right(value: Value, amount: Value, *, bits: int) -> Value:
    """Rotate: result i is word (i + amount) modulo their number; `bits` per word."""
    for bit in range(len(amount)):
        value = Mux(amount[bit], value.rotate_right(bits << bit), value)
    return value


def rotate_left(value: Value, amount: Value, *, bits: int) -> Value:
    """Rotate: word i becomes word (i + amount) modulo their number; `bits` per word."""
    for bit in range(len(amount)):
        value = Mux(amount[bit], value.rotate_left(bits << bit), value)
    return value


class Scratchpad(wiring.Component):
    """On-chip memory of `size` bytes in `banks` byte-wide banks: address a is in bank a % banks.

    Writes put byte i at `write_address` + i. Reads take byte i from `a` + i below `split` and
    from `b` + i otherwise; `a` and `b` must be congruent modulo `banks`. Throughput is one write
    and one read per cycle. Read latency is `LATENCY` cycles. A write is visible to reads issued
    two or more cycles later; an earlier read of that address returns undefined data.

    Parameters
    ----------
    banks, size : int
        Powers of two.
    write_lanes, read_lanes : int
        Bytes per write and per read, at most `banks`.
    family : str
        Selects the block RAMs, see `Ram`.
    """

    LATENCY = Ram.LATENCY + 4

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
        low = self.write_address[: self.bank_bits]
        high = self.write_address[self.bank_bits :]
        half = self.bank_bits // 2
        any_enable, asked = self.write_enable.any(), Signal()
        m.d.sync += asked.eq(any_enable)
        # Cycles 1 and 2: rotate bytes to their banks, by the amount's high bits first
        lanes, enables = Signal(8 * self.banks), Signal(self.banks)
        m.d.comb += [lanes.eq(self.write_data), enables.eq(self.write_enable)]
        turned, placed = (Signal.like(lanes, name=n, reset_less=True) for n in ("turned", "placed"))
        turned_enables, placed_enables = (
            Signal.like(enables, name=f"{n}_enables") for n in ("turned", "placed")
        )
        rest = Signal(self.bank_bits, reset_less=True)
        row, next_row = Signal.like(high, reset_less=True), Signal.like(high, reset_less=True)
        m.d.sync += [
            turned_enables.eq(rotate_left(enables, low[half:], bits=1 << half)),
            placed_enables.eq(rotate_left(turned_enables, rest[:half], bits=1)),
        ]
        with m.If(any_enable):
            m.d.sync += [
                turned.eq(rotate_left(lanes, low[half:], bits=8 << half)),
                rest.eq(low),
                row.eq(high),
                next_row.eq(high + 1),
            ]
        with m.If(asked):
            m.d.sync += placed.eq(rotate_left(turned, rest[:half], bits=8))
        # Cycle 3: write
        for index, bank in enumerate(banks):
            address = Signal.like(high, reset_less=True, name=f"write_row{index}")
            with m.If(asked):
                m.d.sync += address.eq(Mux(index < rest, next_row, row))
            m.d.comb += [
                bank.write_enable.eq(placed_enables[index]),
                bank.write_address.eq(address),
                bank.write_data.eq(placed.word_select(index, 8)),
            ]

    def _read(self, m: Module, banks: list[Ram]) -> None:
        low = Signal(self.bank_bits)
        m.d.comb += low.eq(self.a)
        valid = delays(m, "valid", self.read_enable, self.LATENCY - 1, reset_less=False)
        # Cycle 1: candidate rows: those of a and b, and the ones after them
        rows = [
            Signal(len(self.a) - self.bank_bits, name=f"row{k}", reset_less=True) for k in range(4)
        ]
        with m.If(self.read_enable):
            for k, address in enumerate((self.a, self.b)):
                high = address[self.bank_bits :]
                m.d.sync += [rows[2 * k].eq(high), rows[2 * k + 1].eq(high + 1)]
        for index, bank in enumerate(banks):
            lane = Signal(self.bank_bits, name=f"lane{index}")
            from_b, behind = Signal(name=f"from_b{index}"), Signal(name=f"behind{index}")
            m.d.comb += lane.eq(index - low)
            with m.If(self.read_enable):
                m.d.sync += [from_b.eq(lane >= self.split), behind.eq(index < low)]
            # Cycle 2: select a row for each bank; cycles 3 and 4: read
            row = Signal.like(rows[0], name=f"read_row{index}", reset_less=True)
            with m.If(valid[1]):
                m.d.sync += row.eq(
                    Mux(from_b, Mux(behind, rows[3], rows[2]), Mux(behind, rows[1], rows[0]))
                )
            m.d.comb += [bank.read_address.eq(row), bank.read_enable.eq(valid[2])]
        words = Cat(bank.read_data for bank in banks)
        # Cycles 5 and 6: rotate banks back to bytes, by the amount's high bits first
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
