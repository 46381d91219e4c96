"""Common style of all figures, and reproducible files."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["COLOURS", "LABELS", "MARKERS", "STYLES", "legend_above", "new_figure", "png", "style"]

# Okabe and Ito's palette, safe for red-green colour blindness
COLOURS = {
    "fp32": "#000000",
    "fp32-clamped": "#999999",
    "live": "#e69f00",
    "frozen": "#0072b2",
    "frozen-clamped": "#56b4e9",
    "int8": "#d55e00",
}
STYLES = {
    "fp32": "-",
    "fp32-clamped": (0, (1, 1)),
    "live": (0, (5, 1.5)),
    "frozen": (0, (4, 1, 1, 1)),
    "frozen-clamped": (0, (1, 2)),
    "int8": "-",
}
MARKERS = {
    "fp32": "o",
    "fp32-clamped": "v",
    "live": "s",
    "frozen": "D",
    "frozen-clamped": "^",
    "int8": "x",
}
LABELS = {
    "fp32": "FP32",
    "fp32-clamped": "FP32, input clamped",
    "live": "fake quantization, live observers (thesis)",
    "frozen": "fake quantization, frozen scales",
    "frozen-clamped": "frozen, input clamped",
    "int8": "true INT8",
}
_STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.linewidth": 0.3,
    "grid.color": "#bbbbbb",
    "lines.linewidth": 1.3,
    "lines.markersize": 4,
    "legend.frameon": False,
    "figure.facecolor": "white",
}
_DPI = 110


@contextmanager
def style() -> Iterator[None]:
    """Apply the style, independent of the user's Matplotlib settings."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        yield


def new_figure(width: float, height: float) -> Figure:
    """Return a figure of this size in inches, with constrained layout."""
    return Figure(figsize=(width, height), layout="constrained")


def legend_above(figure: Figure, axes: Axes, columns: int = 4) -> None:
    """Add one legend for all panels, above them; `axes` has an artist for each label."""
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        columns = min(columns, len(handles))
        figure.legend(handles, labels, loc="outside upper center", ncols=columns)


def png(figure: Figure) -> bytes:
    """Return the figure as PNG, without Matplotlib's date and version metadata."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": None})
    return buffer.getvalue()
