"""Splits rows of bytes in memory into AXI bursts."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..parts.register_slice import RegisterSlice

__all__ = ["BurstCutter", "burst_layout", "rows_layout"]


def rows_layout() -> data.StructLayout:
    """Rows of bytes in memory: offset of the first, pitch, count and length."""
    return data.StructLayout({"memory": 32, "memory_pitch": 32, "rows": 16, "row_bytes": 24})


def burst_layout() -> data.StructLayout:
    """Return an AXI burst: byte offset of its first beat, and AxLEN."""
    return data.StructLayout({"address": 32, "length": 8})


class BurstCutter(wiring.Component):
    """Splits rows of bytes into bursts that never cross a multiple of `beats` * `axi_bytes` bytes.

    Throughput is one burst per cycle, without gaps between rows; the next command's rows follow
    after one idle cycle. Latency is `LATENCY` cycles.

    Parameters
    ----------
    axi_bytes : int
        Width of the bus.
    beats : int
        Longest burst, a power of two.

    Members
    -------
    i : rows, accepted when the last row has started and its bursts are still to come
    o : bursts
    """

    LATENCY = 4
    i: stream.Interface
    o: stream.Interface

    def __init__(self, *, axi_bytes: int, beats: int) -> None:
        self._axi_bits = (axi_bytes - 1).bit_length()
        self._beat_bits = (beats - 1).bit_length()
        super().__init__(
            {"i": In(stream.Signature(rows_layout())), "o": Out(stream.Signature(burst_layout()))}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        block_bits = self._axi_bits + self._beat_bits
        # `more`: further blocks of `beats` beats that the row spans, minus 1; `end`: last beat.
        row = data.StructLayout(
            {
                "beat": 32 - self._axi_bits,
                "more": signed(25 - block_bits),
                "end": self._beat_bits,
            }
        )
        m.submodules.rows = rows = RegisterSlice(row)
        m.submodules.bursts = bursts = RegisterSlice(burst_layout())
        wiring.connect(m, bursts.o, wiring.flipped(self.o))
        self._rows(m, rows.i, block_bits)
        self._bursts(m, rows.o, bursts.i)
        return m

    def _rows(self, m: Module, out: stream.Interface, block_bits: int) -> None:
        """Step from row to row."""
        rows = self.i.payload
        running = Signal()
        memory = Signal(32, reset_less=True)  # byte offset of this row
        beyond = Signal(signed(25), reset_less=True)  # index of its last byte, minus one block
        after = Signal(signed(17), reset_less=True)  # rows after it, minus 1
        span = Signal(signed(25))
        last = after[-1]
        m.d.comb += [
            span.eq(memory[:block_bits] + beyond),
            out.valid.eq(running),
            out.payload.beat.eq(memory >> self._axi_bits),
            out.payload.more.eq(span >> block_bits),
            out.payload.end.eq(span[self._axi_bits : block_bits]),
            self.i.ready.eq(running & out.ready & last),
        ]
        with m.If(~running):
            m.d.sync += [
                running.eq(self.i.valid),
                memory.eq(rows.memory),
                beyond.eq(rows.row_bytes - (1 + (1 << block_bits))),
                after.eq(rows.rows - 2),
            ]
        with m.Elif(out.ready):
            m.d.sync += [
                running.eq(~last),
                memory.eq(memory + rows.memory_pitch),
                after.eq(after - 1),
            ]

    def _bursts(self, m: Module, row: stream.Interface, out: stream.Interface) -> None:
        """Step through a row from block to block."""
        running = Signal()
        beat = Signal(32 - self._axi_bits, reset_less=True)  # the burst's first
        more = Signal.like(row.payload.more, reset_less=True)
        end = Signal(self._beat_bits, reset_less=True)
        ends = more[-1]
        low, block = beat[: self._beat_bits], beat[self._beat_bits :]
        step = Signal()
        m.d.comb += [
            step.eq(~running | out.ready),
            row.ready.eq(step & (~running | ends)),
            out.valid.eq(running),
            out.payload.address.eq(beat << self._axi_bits),
            out.payload.length.eq(Mux(ends, end, ~Const(0, self._beat_bits)) - low),
        ]
        with m.If(step):
            with m.If(~running | ends):
                m.d.sync += [running.eq(row.valid), beat.eq(row.payload.beat)]
                m.d.sync += [more.eq(row.payload.more), end.eq(row.payload.end)]
            with m.Else():
                m.d.sync += [beat.eq(Cat(Const(0, self._beat_bits), block + 1)), more.eq(more - 1)]
