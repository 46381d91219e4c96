"""Steps through a layer's flattened reduction pass by pass, ahead of the array."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...spec.isa import Opcode
from ...spec.parameters import Parameters
from ..layouts import fields_layout

__all__ = ["Reduction"]


class Reduction(wiring.Component):
    """Generates read addresses of each pass, those of `maccord.golden.feed.reduction`.

    The next pass is computed while the current one waits to be accepted: in two cycles, or in four
    if its vectors continue into a second run. Four cycles are also the least that a pass's weights
    take to load. So the next pass is ready one cycle after `next`, if at least four cycles have
    passed since the previous `next`.

    The first pass is ready four cycles after `begin` with `restart`, or six if it continues into a
    second run. Without `restart` it is ready three cycles after `begin`.

    Members
    -------
    setup : geometry, constant from the cycle before `begin` with `restart` on
    operand_pitch : distance of an addition's operands, else 0; constant likewise
    begin : starts a new tile, at `activation`
    restart : with `begin`, restarts the walk
    ready : `a`, `b`, `split` and `used`, the rows that carry data, of a pass are valid
    past : the walk ended before this pass
    next : accepts the pass and requests the next one of the tile
    """

    def __init__(self, parameters: Parameters) -> None:
        self._rows = parameters.rows
        address, lanes = range(parameters.activation_bytes), range(parameters.rows + 1)
        super().__init__(
            {
                "setup": In(fields_layout(Opcode.SETUP)),
                "operand_pitch": In(24),
                "begin": In(1),
                "restart": In(1),
                "activation": In(24),
                "next": In(1),
                "ready": Out(1),
                "a": Out(address),
                "b": Out(address),
                "split": Out(lanes),
                "used": Out(lanes),
                "past": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # Of the waiting pass, relative to the tile's origin
        held, fill, restart = Signal(), Signal(), Signal()
        a, b = Signal.like(self.a, reset_less=True), Signal.like(self.b, reset_less=True)
        split, used = (Signal.like(self.used, reset_less=True) for _ in range(2))
        base_a, base_b = Signal.like(self.a, reset_less=True), Signal.like(self.b, reset_less=True)
        fresh = Signal()  # `base_b` follows
        past = Signal(reset_less=True)
        m.d.comb += [
            fill.eq(held & ~fresh & ~self.begin & (~self.ready | self.next)),
            restart.eq(self.begin & self.restart),
        ]
        m.d.sync += [
            fresh.eq(self.begin),
            base_b.eq(base_a + self.operand_pitch),
            self.ready.eq(fill | (self.ready & ~self.next & ~self.begin)),
        ]
        with m.If(self.begin):
            m.d.sync += base_a.eq(self.activation)
        with m.If(fill):
            m.d.sync += [
                self.a.eq(base_a + a),
                self.b.eq(base_b + b),
                self.split.eq(split),
                self.used.eq(used),
                self.past.eq(past),
            ]
        found = self._step(m, ~held | fill, restart, (a, b, split, used, past))
        m.d.sync += held.eq((held | found) & ~fill & ~restart)
        return m

    def _step(self, m: Module, free: Value, restart: Signal, found: tuple[Signal, ...]) -> Value:
        """Compute the next pass when its register is `free`; return whether it is complete."""
        a, b, split, used, past = found
        run, rows = self.setup.run, self._rows
        here = Signal.like(self.a, reset_less=True)  # relative to the origin
        left = Signal(24, reset_less=True)  # bytes of this run
        # One-hot: a pass starts; its second run starts, ends; comparisons settle; it waits
        take, joins, completes, settles, due = (Signal() for _ in range(5))
        packs = Signal()
        over, jump = Signal(), Signal()  # an advance would reach a run's end; it does
        # Comparisons and sums, one cycle after their operands
        short, ends, tiny, fits = (Signal(reset_less=True) for _ in range(4))
        room = Signal(range(rows), reset_less=True)  # rows left for the second run
        both = Signal(range(rows + 1), reset_less=True)
        step = Mux(joins, room, rows)
        further, fewer = Signal.like(here), Signal.like(left)
        next_start, may_pack, ended = self._runs(m, jump, restart)
        m.d.sync += [
            short.eq(left < rows),
            ends.eq(left <= rows),
            tiny.eq(run < rows),
            fits.eq(tiny & (run[: len(room)] <= room)),
            both.eq(split + run),
            further.eq(here + step),
            fewer.eq(left - step),
        ]
        m.d.comb += [
            packs.eq(short & may_pack),
            over.eq(Mux(completes, fits, ends)),
            jump.eq((take | completes) & over),
        ]
        m.d.sync += [
            joins.eq(take & packs & ~restart),
            completes.eq(joins & ~restart),
            settles.eq((take & ~packs) | completes | restart),
            take.eq((due | settles) & free & ~restart),
            due.eq((due | settles) & ~free & ~restart),
        ]
        with m.If(take | completes):
            m.d.sync += [
                here.eq(Mux(over, next_start, further)),
                left.eq(Mux(over, run, fewer)),
                used.eq(Mux(completes, Mux(fits, both, rows), Mux(ends, left, rows))),
            ]
        with m.If(take):
            m.d.sync += [
                past.eq(ended),
                a.eq(here),
                b.eq(here),
                split.eq(Mux(packs, left, rows)),
                room.eq(rows - left),
            ]
        with m.If(joins):
            m.d.sync += b.eq(here - split)
        with m.If(restart):
            m.d.sync += [here.eq(0), left.eq(run)]
        return (take & ~packs) | completes

    def _runs(self, m: Module, jump: Signal, restart: Signal) -> tuple[Signal, Signal, Signal]:
        """Return the next run's start, whether a vector may continue there, and the walk's end.

        The first two are valid two cycles after a `jump` or a `restart`.
        """
        setup = self.setup
        tap, line = (Signal.like(self.a, reset_less=True) for _ in range(2))  # their starts
        next_start = Signal.like(self.a, reset_less=True)
        may_pack = Signal(reset_less=True)
        # Remaining taps of the line, and remaining lines, minus 1: negative means none
        taps, lines, later_taps, later_lines = (
            Signal(signed(9), name=name, reset_less=True)
            for name in ("taps", "lines", "later_taps", "later_lines")
        )
        in_line, more, ended = Signal(), Signal(), Signal(reset_less=True)
        m.d.comb += [in_line.eq(~later_taps[-1]), more.eq(in_line | ~later_lines[-1])]
        m.d.sync += [
            taps.eq(setup.taps - 2),
            lines.eq(setup.lines - 2),
            next_start.eq(
                Mux(in_line, tap, line) + Mux(in_line, setup.tap_pitch, setup.line_pitch)
            ),
            may_pack.eq(more & Mux(in_line, setup.pack_taps, setup.pack_lines)),
        ]
        with m.If(jump):
            m.d.sync += [tap.eq(next_start), later_taps.eq(Mux(in_line, later_taps - 1, taps))]
            with m.If(~in_line):
                m.d.sync += [line.eq(next_start), later_lines.eq(later_lines - 1)]
        with m.If(restart):
            m.d.sync += [tap.eq(0), line.eq(0), later_taps.eq(taps), later_lines.eq(lines)]
        with m.If(restart):
            m.d.sync += ended.eq(0)
        with m.Elif(jump & ~more):
            m.d.sync += ended.eq(1)
        return next_start, may_pack, ended
