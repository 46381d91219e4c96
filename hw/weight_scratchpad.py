"""On-chip memory of weight tiles: written by the beat, read by the row."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from ..golden.parameters import Parameters

__all__ = ["WeightScratchpad"]


class WeightScratchpad(wiring.Component):
    """Rows of `weight_row_bytes` bytes; a beat may hold several, or a row several beats.

    A row comes `LATENCY` cycles after its address. Byte addresses of beats are multiples of the
    bus width and wrap at the end.

    Members
    -------
    write_enable, write_address, write_data : a beat
    read_enable, row, read_data : a row
    """

    LATENCY = 2

    def __init__(self, parameters: Parameters) -> None:
        self._axi_bytes = parameters.axi_bytes
        self._row_bytes = parameters.weight_row_bytes
        self._size = parameters.weight_bytes
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
        m.submodules.memory = store = memory.Memory(
            shape=8 * word_bytes, depth=self._size // word_bytes, init=[]
        )
        write = store.write_port(granularity=8 * self._axi_bytes)
        read = store.read_port()
        beats = word_bytes // self._axi_bytes
        rows = word_bytes // self._row_bytes
        beat_address = self.write_address >> (self._axi_bytes - 1).bit_length()
        part = Signal(range(max(rows, 2)))
        beat_part = Signal(range(max(beats, 2)))
        valid = Signal()
        out = Signal(8 * self._row_bytes, reset_less=True)
        m.d.comb += [
            write.addr.eq(beat_address >> (beats - 1).bit_length()),
            write.data.eq(self.write_data.replicate(beats)),
            beat_part.eq(beat_address & (beats - 1)),
            write.en.eq(self.write_enable << beat_part),
            read.addr.eq(self.row >> (rows - 1).bit_length()),
            read.en.eq(self.read_enable),
            self.read_data.eq(out),
        ]
        m.d.sync += [valid.eq(self.read_enable), part.eq(self.row & (rows - 1))]
        with m.If(valid):
            m.d.sync += out.eq(read.data.word_select(part, 8 * self._row_bytes))
        return m
