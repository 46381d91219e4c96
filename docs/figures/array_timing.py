"""Capture, swap, vectors and sums of a 4 x 2 array, from Amaranth's simulator of the block."""

from __future__ import annotations

import numpy as np
from amaranth.sim import Simulator
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from maccord.golden.array.systolic_array import systolic_array
from maccord.hw.array.systolic_array import SystolicArray
from maccord.spec.parameters import Parameters

from .blocks import INK, MUTED

__all__ = ["figure"]

ROWS, COLS, VECTORS = 4, 2, 3
FILLS = {"w": "#e0ecff", "a": "#fde7d3", "s": "#d9f2e3"}


def sums(swap: int) -> tuple[np.ndarray, int]:
    """Simulate: weights from cycle 0, vectors from `swap` on; return sums and latency."""
    array = SystolicArray(Parameters(rows=ROWS, cols=COLS))
    weight = np.arange(1, ROWS * COLS + 1).reshape(ROWS, COLS)
    activation = np.arange(1, ROWS * VECTORS + 1).reshape(VECTORS, ROWS)
    length = swap + VECTORS + array.latency + COLS + 1
    samples = []

    async def testbench(ctx) -> None:
        for cycle in range(length):
            ctx.set(array.capture, cycle == 0)
            ctx.set(array.swap, cycle == swap)
            for j in range(COLS):
                ctx.set(array.weight[j], int(weight[cycle, j]) if cycle < ROWS else 0)
            for i in range(ROWS):
                here = 0 <= cycle - swap < VECTORS
                ctx.set(array.activation[i], int(activation[cycle - swap, i]) if here else 0)
            samples.append((await ctx.tick().sample(*array.partial_sum))[2:])

    simulator = Simulator(array)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()
    expected = systolic_array(activation.astype(np.int8), weight.astype(np.int8))
    table = np.array(samples)
    for j in range(COLS):
        first = swap + array.latency + j
        if (table[first : first + VECTORS, j] != expected[:, j]).any():
            raise RuntimeError("the array's sums are not where the figure says")
    return table, array.latency


def figure() -> Figure:
    """Return the timing diagram."""
    gap = ROWS
    table, latency = sums(gap)
    length = len(table)
    rows: list[tuple[str, dict[int, str], str]] = [
        ("capture", {0: "1"}, ""),
        ("weight", {i: f"w[{i}]" for i in range(ROWS)}, "w"),
        ("swap", {gap: "1"}, ""),
        ("activation", {gap + v: f"a[{v}]" for v in range(VECTORS)}, "a"),
        *(
            (
                f"partial_sum[{j}]",
                {
                    gap + latency + j + v: str(table[gap + latency + j + v, j])
                    for v in range(VECTORS)
                },
                "s",
            )
            for j in range(COLS)
        ),
    ]
    figure = Figure(figsize=(11, 3.6))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(-3.2, length + 0.3)
    axes.set_ylim(-1.9, len(rows) + 0.8)
    axes.set_axis_off()
    for cycle in range(length):
        axes.axvline(cycle, 0.2, 0.93, color="#e5e7eb", lw=0.6, zorder=0)
        axes.text(cycle + 0.5, len(rows) + 0.35, str(cycle), size=7, ha="center", color=MUTED)
    for index, (name, values, kind) in enumerate(rows):
        _signal(axes, len(rows) - 1 - index, length, name, values, kind)
    _span(axes, 0, gap, -0.35, f"swap_gap = {gap}")
    _span(axes, gap, gap + latency, -0.35, f"latency = {latency}")
    _span(axes, gap + latency, gap + latency + 1, -1.05, "column skew 1", outside=True)
    return figure


def _signal(
    axes: Axes, y: float, length: int, name: str, values: dict[int, str], kind: str
) -> None:
    axes.text(-0.2, y + 0.35, name, size=9, ha="right", va="center", color=INK)
    if not kind:
        levels = [0.7 if cycle in values else 0.05 for cycle in range(length)]
        axes.step(range(length + 1), [y + v for v in [*levels, levels[-1]]], where="post",
                  color=INK, lw=1.2)  # fmt: skip
        return
    axes.plot([0, length], [y + 0.35, y + 0.35], color="#d1d5db", lw=0.8, zorder=0)
    for cycle, text in values.items():
        x = [cycle, cycle + 0.12, cycle + 0.88, cycle + 1, cycle + 0.88, cycle + 0.12]
        axes.fill(x, [y + v for v in (0.35, 0.7, 0.7, 0.35, 0, 0)],
                  facecolor=FILLS[kind], edgecolor=INK, lw=0.9)  # fmt: skip
        axes.text(cycle + 0.5, y + 0.35, text, size=7.5, ha="center", va="center", color=INK)


def _span(axes: Axes, start: float, end: float, y: float, text: str, outside: bool = False) -> None:
    arrow = {"arrowstyle": "<|-|>", "color": MUTED, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", xy=(end, y), xytext=(start, y), arrowprops=arrow)
    x, align = (end + 0.2, "left") if outside else ((start + end) / 2, "center")
    axes.text(x, y - (0 if outside else 0.1), text, size=8, color=MUTED, ha=align,
              va="center" if outside else "top")  # fmt: skip
