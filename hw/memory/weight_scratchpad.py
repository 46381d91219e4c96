"""On-chip memory of weight tiles, written in bus beats and read in rows."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...spec.parameters import Parameters
from ..family.ram import Ram
from ..parts.delay import delay, delays

__all__ = ["WeightScratchpad"]


class WeightScratchpad(wiring.Component):
    """Holds rows of `weight_row_bytes` bytes, narrower or wider than a beat.

    Read latency is `LATENCY` cycles. Byte addresses of beats are multiples of the bus width and
    wrap at the end.

    Members
    -------
    write_enable, write_address, write_data : a beat
    read_enable, row, read_data : a row
    """

    LATENCY = Ram.LATENCY + 3

    def __init__(self, parameters: Parameters) -> None:
        self._axi_bytes = parameters.axi_bytes
        self._row_bytes = parameters.weight_row_bytes
        self._size = parameters.weight_bytes
        self._family = parameters.family
        super().__init__(
            {
                "write_enable": In(1),
                "write_address": In(24),
                "write_data": In(8 * self._axi_bytes),
                "read_enable": In(1),
                "row": In(range(parameters.weight_rows)),
                "read_data": Out(8 * self._row_bytes),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        word_bytes = max(self._axi_bytes, self._row_bytes)
        beats = word_bytes // self._axi_bytes
        rows = word_bytes // self._row_bytes
        beat_address = self.write_address >> (self._axi_bytes - 1).bit_length()
        row_bits, beat_bits = (rows - 1).bit_length(), (beats - 1).bit_length()
        stores = [
            Ram(width=8 * self._axi_bytes, depth=self._size // word_bytes, family=self._family)
            for _ in range(beats)
        ]
        # Cycle 1: row address; cycles 2 and 3: read the word; cycle 4: select the row;
        # cycle 5: routing stage to the array
        asked, row = Signal(), Signal.like(self.row, reset_less=True)
        m.d.sync += asked.eq(self.read_enable)
        with m.If(self.read_enable):
            m.d.sync += row.eq(self.row)
        for beat, store in enumerate(stores):
            m.submodules[f"beat{beat}"] = store
            m.d.comb += [
                store.write_enable.eq(self.write_enable & (beat_address[:beat_bits] == beat)),
                store.write_address.eq(beat_address >> beat_bits),
                store.write_data.eq(self.write_data),
                store.read_enable.eq(asked),
                store.read_address.eq(row >> row_bits),
            ]
        *_, valid, chosen = delays(m, "valid", asked, Ram.LATENCY + 1, reset_less=False)
        out = Signal(8 * self._row_bytes, reset_less=True)
        word: Value = Cat(store.read_data for store in stores)
        if row_bits:
            part = delay(m, "part", row[:row_bits], Ram.LATENCY)
            word = word.word_select(part, 8 * self._row_bytes)
        with m.If(valid):
            m.d.sync += out.eq(word)
        travelled = Signal.like(out, reset_less=True)
        with m.If(chosen):
            m.d.sync += travelled.eq(out)
        m.d.comb += self.read_data.eq(travelled)
        return m
