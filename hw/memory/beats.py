"""Generates the bus beats of rows of bytes, with their scratchpad addresses."""

from __future__ import annotations

from amaranth.hdl import Const, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..parts.register_slice import RegisterSlice

__all__ = ["BeatWalker", "beat_layout", "placed_rows_layout"]


def placed_rows_layout() -> data.StructLayout:
    """Rows of bytes: low bits of their memory address, and their scratchpad address."""
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
    """One beat: scratchpad address of byte lane 0, byte enables, and flags for what it ends."""
    return data.StructLayout(
        {"address": 24, "lanes": axi_bytes, "burst_end": 1, "end": 1, "out_of_range": 1}
    )


class BeatWalker(wiring.Component):
    """Generates the beats of the bursts of `BurstCutter`, one per cycle, without gaps between rows.

    Latency is `LATENCY` cycles from the rows to the first beat. The next command's rows follow
    after one idle cycle; without one if they are already waiting and the last row has at least
    two beats.

    `address` is that of byte lane 0. If that is unused, it lies before the row's first byte; it
    wraps at 24 bits. `out_of_range` is set if a row exceeds `size`.

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
    i : rows, accepted when the last row has started and its beats are still to come
    o : beats
    """

    LATENCY = 4
    i: stream.Interface
    o: stream.Interface

    def __init__(self, *, axi_bytes: int, beats: int, size: int) -> None:
        self._axi_bytes = axi_bytes
        self._axi_bits = (axi_bytes - 1).bit_length()
        self._beat_bits = (beats - 1).bit_length()
        self._size = size
        super().__init__(
            {
                "i": In(stream.Signature(placed_rows_layout())),
                "o": Out(stream.Signature(beat_layout(axi_bytes))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # `offset`: byte lanes before the first byte; `index`: of the first beat in an aligned
        # burst; `more`: beats after it, minus 1; `end`: byte lane of the last byte; `bound`: its
        # address.
        row = data.StructLayout(
            {
                "address": 24,
                "offset": self._axi_bits,
                "index": self._beat_bits,
                "more": signed(26 - self._axi_bits),
                "end": self._axi_bits,
                "bound": 25,
                "last": 1,
            }
        )
        m.submodules.rows = rows = RegisterSlice(row)
        m.submodules.beats = beats = RegisterSlice(beat_layout(self._axi_bytes))
        wiring.connect(m, beats.o, wiring.flipped(self.o))
        self._rows(m, rows.i)
        self._beats(m, rows.o, beats.i)
        return m

    def _rows(self, m: Module, out: stream.Interface) -> None:
        """Step from row to row."""
        rows = self.i.payload
        running = Signal()
        memory = Signal(12, reset_less=True)  # low bits of this row's address in memory
        buffer = Signal(24, reset_less=True)  # this row's scratchpad address
        beyond = Signal(signed(25), reset_less=True)  # index of its last byte, minus one beat
        length = Signal(24, reset_less=True)  # its bytes minus 1
        after = Signal(signed(17), reset_less=True)  # rows after it, minus 1
        offset = memory[: self._axi_bits]
        span = Signal(signed(26))
        last = after[-1]
        m.d.comb += [
            span.eq(offset + beyond),
            out.valid.eq(running),
            out.payload.address.eq(buffer - offset),
            out.payload.offset.eq(offset),
            out.payload.index.eq(memory[self._axi_bits :]),
            out.payload.more.eq(span >> self._axi_bits),
            out.payload.end.eq(span[: self._axi_bits]),
            out.payload.bound.eq(buffer + length),
            out.payload.last.eq(last),
            self.i.ready.eq(running & out.ready & last),
        ]
        with m.If(~running):
            m.d.sync += [
                running.eq(self.i.valid),
                memory.eq(rows.memory),
                buffer.eq(rows.buffer),
                beyond.eq(rows.row_bytes - (1 + self._axi_bytes)),
                length.eq(rows.row_bytes - 1),
                after.eq(rows.rows - 2),
            ]
        with m.Elif(out.ready):
            m.d.sync += [
                running.eq(~last),
                memory.eq(memory + rows.memory_pitch),
                buffer.eq(buffer + rows.buffer_pitch),
                after.eq(after - 1),
            ]

    def _beats(self, m: Module, rows: stream.Interface, out: stream.Interface) -> None:
        """Step through a row from beat to beat."""
        running, first = Signal(), Signal()
        row = Signal(rows.payload.shape(), reset_less=True)  # of the current beat
        beat = out.payload
        row_end = row.more[-1]
        step = Signal()
        lanes = Const((1 << self._axi_bytes) - 1, self._axi_bytes)  # all
        m.d.comb += [
            step.eq(~running | out.ready),
            rows.ready.eq(step & (~running | row_end)),
            out.valid.eq(running),
            beat.address.eq(row.address),
            beat.lanes.eq(
                Mux(first, lanes << row.offset, lanes) & Mux(row_end, lanes >> ~row.end, lanes)
            ),
            beat.burst_end.eq(row_end | row.index.all()),
            beat.end.eq(row_end & row.last),
            beat.out_of_range.eq(first & (row.bound >= self._size)),
        ]
        with m.If(step):
            with m.If(~running | row_end):
                m.d.sync += [running.eq(rows.valid), first.eq(1), row.eq(rows.payload)]
            with m.Else():
                m.d.sync += [
                    first.eq(0),
                    row.address.eq(row.address + self._axi_bytes),
                    row.index.eq(row.index + 1),
                    row.more.eq(row.more - 1),
                ]
