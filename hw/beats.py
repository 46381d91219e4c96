"""Walks the bus beats of rows of bytes, with their place in a scratchpad."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["BeatWalker", "beat_layout", "placed_rows_layout"]


def placed_rows_layout() -> data.StructLayout:
    """Rows of bytes, their low address bits in memory and their place in a scratchpad."""
    return data.StructLayout(
        {
            "memory": 12,
            "memory_pitch": 12,
            "buffer": 24,
            "buffer_pitch": 24,
            "rows": 16,
            "row_bytes": 24,
        }
    )


def beat_layout(axi_bytes: int) -> data.StructLayout:
    """One beat: scratchpad address of lane 0, the lanes used, and what ends with it."""
    return data.StructLayout(
        {"address": 24, "lanes": axi_bytes, "burst_end": 1, "end": 1, "out_of_range": 1}
    )


class BeatWalker(wiring.Component):
    """Steps through the beats that `BurstCutter` asks for, one a cycle, with no gap between rows.

    `address` belongs to lane 0 and may lie before the row's first byte when lane 0 is unused;
    it wraps at 24 bits. `out_of_range` says that a row goes beyond `size`.

    Parameters
    ----------
    axi_bytes : int
        Width of the bus.
    beats : int
        Longest burst, a power of two.
    size : int
        Bytes of the scratchpad.

    Members
    -------
    i : rows; taken with the last beat
    o : beats
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, *, axi_bytes: int, beats: int, size: int) -> None:
        self._axi_bytes = axi_bytes
        self._beats = beats
        self._size = size
        super().__init__(
            {
                "i": In(stream.Signature(placed_rows_layout())),
                "o": Out(stream.Signature(beat_layout(axi_bytes))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        axi_bits = (self._axi_bytes - 1).bit_length()
        burst_bits = (self._beats - 1).bit_length()
        rows, beat = self.i.payload, self.o.payload
        started = Signal()
        memory = Signal(12)  # low bits of this row's address in memory
        buffer = Signal(24)  # this row's scratchpad address
        rows_left = Signal(16)
        first = Signal()  # the row's first beat
        address = Signal(24)
        left = Signal(25)  # bytes from lane 0 of this beat to the row's end
        index = Signal(burst_bits)  # beat number inside an aligned burst
        row_end = Signal()
        offset = Signal(axi_bits)
        next_memory, next_buffer = Signal(12), Signal(24)
        m.d.comb += [
            next_memory.eq(Mux(started, memory + rows.memory_pitch, rows.memory)),
            next_buffer.eq(Mux(started, buffer + rows.buffer_pitch, rows.buffer)),
            offset.eq(Mux(first, memory[:axi_bits], 0)),
            row_end.eq(left <= self._axi_bytes),
            beat.address.eq(address),
            beat.lanes.eq(Cat((i >= offset) & (i < left) for i in range(self._axi_bytes))),
            beat.burst_end.eq(row_end | index.all()),
            beat.end.eq(row_end & (rows_left == 1)),
            beat.out_of_range.eq(first & ((buffer + rows.row_bytes) > self._size)),
            self.o.valid.eq(started),
            self.i.ready.eq(started & self.o.ready & beat.end),
        ]
        enter_row = Signal()
        with m.If(~started):
            m.d.comb += enter_row.eq(self.i.valid)
            m.d.sync += rows_left.eq(rows.rows)
        with m.Elif(self.o.ready):
            m.d.comb += enter_row.eq(row_end & ~beat.end)
            m.d.sync += [
                first.eq(0),
                address.eq(address + self._axi_bytes),
                left.eq(left - self._axi_bytes),
                index.eq(index + 1),
            ]
            with m.If(row_end):
                m.d.sync += rows_left.eq(rows_left - 1)
            with m.If(beat.end):
                m.d.sync += started.eq(0)
        with m.If(enter_row):
            m.d.sync += [
                started.eq(1),
                first.eq(1),
                memory.eq(next_memory),
                buffer.eq(next_buffer),
                address.eq(next_buffer - next_memory[:axi_bits]),
                left.eq(rows.row_bytes + next_memory[:axi_bits]),
                index.eq(next_memory >> axi_bits),
            ]
        return m
