"""Two weight tiles on their way from memory, written by rows and read by rows or columns."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...spec.parameters import Parameters
from ..family.ram import Ram
from ..parts.delay import delays
from .scratchpad import rotate_left, rotate_right

__all__ = ["TileBuffer"]


class TileBuffer(wiring.Component):
    """Holds two squares of `side` x `side` bytes in `side` banks of bytes.

    Byte c of row r lies at address r * `ROW` + c of its square. As `ROW` is `side` + 1, the bytes
    of a row lie in different banks, and so do those of a column. Throughput is one beat and one
    row or column per cycle. A byte may be read two cycles after it was written.

    Parameters
    ----------
    parameters : Parameters
        Uses `tile_side`, `axi_bytes` and `family`.

    Members
    -------
    write_enable, write_address, write_data : a beat, one enable per byte; the second square begins
        at address `square`
    read_enable, second, index, transposed : read row `index` of a square or, `transposed`, a column
    read_data : its bytes, `LATENCY` cycles later
    """

    LATENCY = Ram.LATENCY + 2

    def __init__(self, parameters: Parameters) -> None:
        self._axi_bytes = parameters.axi_bytes
        self._family = parameters.family
        self.side = max(parameters.tile_side, parameters.axi_bytes)
        self.row = self.side + 1
        self.square = 2 * self.side**2
        super().__init__(
            {
                "write_enable": In(self._axi_bytes),
                "write_address": In(range(2 * self.square)),
                "write_data": In(8 * self._axi_bytes),
                "read_enable": In(1),
                "second": In(1),
                "index": In(range(self.side)),
                "transposed": In(1),
                "read_data": Out(8 * self.side),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        depth = 2 * self.square // self.side
        banks = [Ram(width=8, depth=depth, family=self._family) for _ in range(self.side)]
        for index, bank in enumerate(banks):
            m.submodules[f"bank{index}"] = bank
        self._write(m, banks)
        self._read(m, banks)
        return m

    def _write(self, m: Module, banks: list[Ram]) -> None:
        """Rotate a beat's bytes to their banks, and write them a cycle later."""
        bits = (self.side - 1).bit_length()
        low, high = self.write_address[:bits], self.write_address[bits:]
        lanes, enables = Signal(8 * self.side), Signal(self.side)
        m.d.comb += [lanes.eq(self.write_data), enables.eq(self.write_enable)]
        placed = Signal.like(lanes, reset_less=True)
        written = Signal.like(enables)
        row, behind = Signal.like(high, reset_less=True), Signal(self.side, reset_less=True)
        m.d.sync += written.eq(rotate_left(enables, low, bits=1))
        with m.If(self.write_enable.any()):
            m.d.sync += [
                placed.eq(rotate_left(lanes, low, bits=8)),
                row.eq(high),
                behind.eq(Cat(index < low for index in range(self.side))),
            ]
        for index, bank in enumerate(banks):
            m.d.comb += [
                bank.write_enable.eq(written[index]),
                bank.write_address.eq(row + behind[index]),
                bank.write_data.eq(placed.word_select(index, 8)),
            ]

    def _read(self, m: Module, banks: list[Ram]) -> None:
        """Cycle 1: a row for each bank; cycles 2 and 3: read; cycle 4: rotate the bytes back."""
        valid = delays(m, "valid", self.read_enable, self.LATENCY - 1, reset_less=False)
        amounts = delays(m, "amount", self.index, self.LATENCY - 1)
        for index, bank in enumerate(banks):
            lane = Signal.like(self.index, name=f"lane{index}")
            row = Signal.like(bank.read_address, name=f"row{index}", reset_less=True)
            m.d.comb += lane.eq(index - self.index)
            with m.If(self.read_enable):
                first = Mux(self.second, self.square // self.side, 0)
                m.d.sync += row.eq(
                    first + Mux(self.transposed, lane, self.index) + (index < self.index)
                )
            m.d.comb += [bank.read_address.eq(row), bank.read_enable.eq(valid[1])]
        words = Cat(bank.read_data for bank in banks)
        out = Signal.like(self.read_data, reset_less=True)
        with m.If(valid[-1]):
            m.d.sync += out.eq(rotate_right(words, amounts[-1], bits=8))
        m.d.comb += self.read_data.eq(out)
