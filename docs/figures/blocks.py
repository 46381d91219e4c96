"""Block diagrams as boxes and arrows, drawn with matplotlib."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle

__all__ = ["Arrow", "Box", "Frame", "diagram"]

INK, MUTED = "#1f2937", "#6b7280"
SCALE = 0.62  # inches per unit


@dataclass(frozen=True)
class Box:
    """A block.

    Parameters
    ----------
    x, y, width, height : float
        Lower left corner and size, in diagram units.
    text : str
        Label; lines after the first are set smaller.
    fill : str
        Colour.
    """

    x: float
    y: float
    width: float
    height: float
    text: str
    fill: str = "#e0ecff"


@dataclass(frozen=True)
class Frame:
    """A dashed frame around blocks, with its label in the upper left corner."""

    x: float
    y: float
    width: float
    height: float
    text: str


@dataclass(frozen=True)
class Arrow:
    """A polyline with an arrow head at its end, or at both ends.

    Parameters
    ----------
    points : sequence of (float, float)
        Two or more corners.
    text : str
        Label, set at the middle of the first segment.
    both : bool
        Heads at both ends.
    dashed : bool
        For control rather than data.
    """

    points: Sequence[tuple[float, float]]
    text: str = ""
    both: bool = False
    dashed: bool = False


def diagram(
    size: tuple[float, float],
    boxes: Sequence[Box],
    arrows: Sequence[Arrow],
    frames: Sequence[Frame] = (),
) -> Figure:
    """Draw a block diagram.

    Parameters
    ----------
    size : (float, float)
        Width and height in diagram units.
    boxes, arrows, frames : sequences
        What is drawn; frames first.

    Returns
    -------
    Figure
    """
    figure = Figure(figsize=(size[0] * SCALE, size[1] * SCALE))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, size[0])
    axes.set_ylim(0, size[1])
    axes.set_axis_off()
    for frame in frames:
        _frame(axes, frame)
    for arrow in arrows:
        _arrow(axes, arrow)
    for box in boxes:
        _box(axes, box)
    return figure


def _frame(axes: Axes, frame: Frame) -> None:
    corner = (frame.x, frame.y)
    axes.add_patch(
        Rectangle(
            corner, frame.width, frame.height, fill=False, edgecolor=MUTED, linestyle=(0, (4, 3))
        )
    )
    axes.text(
        frame.x + 0.12, frame.y + frame.height - 0.14, frame.text,
        color=MUTED, size=9, va="top", style="italic",
    )  # fmt: skip


def _box(axes: Axes, box: Box) -> None:
    axes.add_patch(
        FancyBboxPatch(
            (box.x, box.y), box.width, box.height,
            boxstyle="round,pad=0,rounding_size=0.12",
            facecolor=box.fill, edgecolor=INK, linewidth=1.0,
        )
    )  # fmt: skip
    head, *rest = box.text.split("\n")
    centre, middle = box.x + box.width / 2, box.y + box.height / 2
    step = 0.30
    top = middle + step * len(rest) / 2
    axes.text(centre, top, head, color=INK, size=10, ha="center", va="center", weight="bold")
    for index, line in enumerate(rest, start=1):
        axes.text(centre, top - step * index, line, color=INK, size=8, ha="center", va="center")


def _arrow(axes: Axes, arrow: Arrow) -> None:
    style = "<|-|>" if arrow.both and len(arrow.points) == 2 else "-|>"
    line = {"color": INK, "lw": 1.2, "linestyle": "--" if arrow.dashed else "-"}
    body = list(arrow.points)
    for start, end in itertools.pairwise(body[:-1]):
        axes.plot(
            *zip(start, end, strict=True),
            color=INK, lw=1.2, linestyle=line["linestyle"], solid_capstyle="round",
        )  # fmt: skip
    axes.annotate(
        "", xy=body[-1], xytext=body[-2],
        arrowprops={"arrowstyle": style, "shrinkA": 0, "shrinkB": 0, **line},
    )  # fmt: skip
    if arrow.text:
        (x0, y0), (x1, y1) = body[0], body[1]
        upright = abs(x1 - x0) < abs(y1 - y0)
        axes.text(
            (x0 + x1) / 2 + (0.1 if upright else 0), (y0 + y1) / 2 + (0 if upright else 0.1),
            arrow.text, color=INK, size=8,
            ha="left" if upright else "center", va="center" if upright else "bottom",
        )  # fmt: skip
