"""How the flattened reduction K is walked in the activation scratchpad without copies.

The passes are those of the golden model, for a 3 x 3 convolution of 3 channels on 16 rows.
"""

from __future__ import annotations

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from maccord.golden.feed.reduction import Reduction, reduction

from .blocks import INK, MUTED

__all__ = ["figure"]

ROWS, CHANNELS, KERNEL, WIDTH = 16, 3, 3, 7
PITCH = WIDTH * CHANNELS


def passes() -> list[list[int]]:
    """Return the scratchpad offsets that carry data, pass by pass."""
    geometry = Reduction(
        run=KERNEL * CHANNELS, taps=1, tap_pitch=0, lines=KERNEL, line_pitch=PITCH + 4,
        pack_taps=False, pack_lines=True,
    )  # fmt: skip
    return [p.offsets(ROWS)[: p.used].tolist() for p in reduction(geometry, ROWS)]


def figure() -> Figure:
    """Return the figure: image lines in the scratchpad above, vectors below."""
    colours = colormaps["Set2"].colors  # pyright: ignore[reportAttributeAccessIssue]
    found = passes()
    owner = {offset: index for index, offsets in enumerate(found) for offset in offsets}
    figure = Figure(figsize=(10.4, 4.3))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(-3.4, PITCH + 4.5)
    axes.set_ylim(-7.6, 4.4)
    axes.set_axis_off()
    _lines(axes, owner, colours)
    _vectors(axes, found, colours)
    return figure


def _box(axes: Axes, x: float, y: float, fill: object, text: str, edge: str = INK) -> None:
    axes.add_patch(Rectangle((x, y), 1, 0.8, facecolor=fill, edgecolor=edge, linewidth=0.6))
    axes.text(x + 0.5, y + 0.4, text, size=6.5, ha="center", va="center", color=INK)


def _lines(axes: Axes, owner: dict[int, int], colours: object) -> None:
    text = "activation scratchpad: three image lines, 3 channels a pixel, line pitch 25 bytes"
    axes.text(-3.2, 4.0, text, size=9, weight="bold", color=INK, va="top")
    for line in range(KERNEL):
        y = 2.2 - line
        axes.text(-3.2, y + 0.4, f"line {line}", size=8, va="center", color=MUTED)
        for byte in range(PITCH):
            offset = line * (PITCH + 4) + byte
            index = owner.get(offset)
            fill = "white" if index is None else colours[index]  # pyright: ignore[reportIndexIssue]
            _box(axes, byte, y, fill, "RGB"[byte % 3], INK if index is not None else "#d1d5db")


def _vectors(axes: Axes, found: list[list[int]], colours: object) -> None:
    text = f"vectors into {ROWS} rows: K = 3 x 3 x 3 = 27 bytes in {len(found)} passes"
    axes.text(-3.2, -1.0, text, size=9, weight="bold", color=INK, va="top")
    for index, offsets in enumerate(found):
        y = -2.9 - 1.4 * index
        axes.text(-3.2, y + 0.4, f"pass {index}", size=8, va="center", color=MUTED)
        for row in range(ROWS):
            if row < len(offsets):
                fill = colours[index]  # pyright: ignore[reportIndexIssue]
                _box(axes, row, y, fill, str(offsets[row]))
            else:
                _box(axes, row, y, "white", "w = 0", "#d1d5db")
    note = (
        "Numbers are byte offsets from the window's origin. Pass 0 ends inside line 1: its vector\n"
        "goes on from line 0 into line 1: the banks of its 16 bytes are distinct. Unused rows\n"
        "have weight 0."
    )
    axes.text(-3.2, -6.2, note, size=8, color=INK, va="top")
