"""Places labels in a plot without overlaps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.transforms import Bbox

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["label"]

_FAR = 6  # distance between a label and its point, in typographic points
_PLACES = (  # offset, horizontal and vertical alignment, in order of preference
    ((_FAR, 0), "left", "center"),
    ((-_FAR, 0), "right", "center"),
    ((0, -_FAR), "center", "top"),
    ((0, _FAR), "center", "bottom"),
    ((_FAR, -2 * _FAR), "left", "top"),
    ((-_FAR, -2 * _FAR), "right", "top"),
    ((_FAR, -4 * _FAR), "left", "top"),
    ((-_FAR, -4 * _FAR), "right", "top"),
)


def label(
    axes: Axes,
    names: Sequence[tuple[str, tuple[float, float]]],
    points: Sequence[tuple[float, float]],
) -> list[str]:
    """Write as many names as fit without covering a point, a line or another name.

    Parameters
    ----------
    axes : Axes
        On a canvas that can measure text, such as Agg's; everything else is already drawn.
    names : sequence of (str, (float, float))
        Names and their points, in order of priority.
    points : sequence of (float, float)
        Further points that names must not cover.

    Returns
    -------
    list of str
        The names that were written.
    """
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()  # fixes the layout, which labels do not change
    frame = axes.get_window_extent()
    marks = [Bbox.from_bounds(x - 4, y - 4, 8, 8) for x, y in axes.transData.transform(points)]
    lines = [line for line in axes.lines if np.size(line.get_xdata()) > 1]
    curves = [line.get_transform().transform_path(line.get_path()) for line in lines]
    taken: list[Bbox] = []
    written = []
    for name, point in names:
        for offset, horizontal, vertical in _PLACES:
            text = axes.annotate(
                name,
                point,
                offset,
                textcoords="offset points",
                ha=horizontal,
                va=vertical,
                fontsize="small",
            )
            text.set_in_layout(False)
            box = text.get_window_extent()
            inside = frame.containsx(box.x0) and frame.containsx(box.x1)
            inside = inside and frame.containsy(box.y0) and frame.containsy(box.y1)
            crossed = any(curve.intersects_bbox(box, filled=False) for curve in curves)
            if inside and not crossed and not box.count_overlaps([*taken, *marks]):
                taken.append(box)
                written.append(name)
                break
            text.remove()
    return written
