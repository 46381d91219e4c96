"""Cuts rows of bytes in memory into AXI bursts."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["BurstCutter", "burst_layout", "rows_layout"]


def rows_layout() -> data.StructLayout:
    """Rows of bytes in memory: offset of the first, distance, count and length."""
    return data.StructLayout({"memory": 32, "memory_pitch": 32, "rows": 16, "row_bytes": 24})


def burst_layout() -> data.StructLayout:
    """An AXI burst: byte offset of its first beat, and AxLEN."""
    return data.StructLayout({"address": 32, "length": 8})


class BurstCutter(wiring.Component):
    """Turns rows of bytes into aligned bursts that never cross `beats` * `axi_bytes` bytes.

    Takes one cycle for each row and one for each burst.

    Parameters
    ----------
    axi_bytes : int
        Width of the bus.
    beats : int
        Longest burst, a power of two.

    Members
    -------
    i : rows; taken when the last burst has left
    o : bursts
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, *, axi_bytes: int, beats: int) -> None:
        self._axi_bits = (axi_bytes - 1).bit_length()
        self._beats = beats
        super().__init__(
            {"i": In(stream.Signature(rows_layout())), "o": Out(stream.Signature(burst_layout()))}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        rows = self.i.payload
        beat_bits = (self._beats - 1).bit_length()
        started, in_row = Signal(), Signal()
        row = Signal(32)  # byte offset of this row
        rows_left = Signal(16)
        beat = Signal(32 - self._axi_bits)  # next beat of this row
        last = Signal.like(beat)  # its last beat
        to_boundary = Signal(beat_bits)
        to_end = Signal.like(beat)
        ends = Signal()
        start = Signal(32)
        m.d.comb += [
            start.eq(Mux(started, row, rows.memory)),
            to_boundary.eq(~beat),
            to_end.eq(last - beat),
            ends.eq(to_end <= to_boundary),
            self.o.valid.eq(in_row),
            self.o.payload.address.eq(beat << self._axi_bits),
            self.o.payload.length.eq(Mux(ends, to_end, to_boundary)),
            self.i.ready.eq(in_row & self.o.ready & ends & (rows_left == 1)),
        ]
        with m.If(~in_row):
            with m.If(self.i.valid):
                m.d.sync += [
                    in_row.eq(1),
                    started.eq(1),
                    row.eq(start),
                    beat.eq(start >> self._axi_bits),
                    last.eq((start + rows.row_bytes - 1) >> self._axi_bits),
                ]
                with m.If(~started):
                    m.d.sync += rows_left.eq(rows.rows)
        with m.Elif(self.o.ready):
            m.d.sync += beat.eq(beat + to_boundary + 1)
            with m.If(ends):
                m.d.sync += [
                    in_row.eq(0),
                    row.eq(row + rows.memory_pitch),
                    rows_left.eq(rows_left - 1),
                    started.eq(rows_left != 1),
                ]
        return m
