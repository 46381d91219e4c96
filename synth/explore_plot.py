"""Plot of a sweep: frames per second against area, with the Pareto front."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from .explore_point import OK, Row
from .explore_widths import width_of

__all__ = ["pareto_plot"]

_FRONT, _OTHER = "#d55e00", "#999999"  # Okabe and Ito's orange-red, and a grey
#: By the width of weights, where there are several.
_MARKERS = {8: "o", 4: "s", 2: "^"}
_STYLE: Any = {"svg.fonttype": "none", "svg.hashsalt": "maccord", "font.size": 9}
_LABELLED = 30  # maximum points for labelling all; beyond, only the front is labelled


def pareto_plot(rows: Sequence[Row], area: str, title: str, available: float = 0) -> str:
    """Plot frames per second over a resource, with the front as a step line.

    Parameters
    ----------
    rows : sequence of Row
        From `explore_files.ranked`.
    area : str
        The resource.
    title : str
    available : float
        Amount on the device; 0 if unknown.

    Returns
    -------
    str
        An SVG file.
    """
    shown = [row for row in rows if row.status == OK]
    best = sorted((row for row in shown if row.pareto), key=lambda row: row.resources.get(area, 0))
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        figure = Figure(figsize=(8, 5), layout="constrained")
        axes = figure.subplots()
        several = len({width_of(row) for row in shown}) > 1
        for row in shown:
            colour = _FRONT if row.pareto else _OTHER
            point = row.resources.get(area, 0), row.frames_per_second
            marker = _MARKERS[width_of(row)] if several else "D" if row.pareto else "o"
            axes.plot(*point, marker, color=colour, zorder=3)
            if row.pareto or len(shown) <= _LABELLED:
                way = 25 if row.pareto else -25  # degrees: neighbours are close in frames/s
                axes.annotate(
                    *(row.label, point, (4, 3 if row.pareto else -3)),
                    textcoords="offset points", color=colour, fontsize=7, rotation=way,
                    rotation_mode="anchor", va="bottom" if row.pareto else "top",
                )  # fmt: skip
        steps = [row.resources.get(area, 0) for row in best]
        gains = [row.frames_per_second for row in best]
        axes.step(steps, gains, where="post", color=_FRONT, linewidth=1, label="Pareto front")
        largest = max((row.resources.get(area, 0) for row in shown), default=0.0)
        if 0 < available <= 2 * largest:
            axes.axvline(available, color="black", linewidth=1, linestyle=":", label="device")
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        axes.margins(x=0.12)
        axes.set_xlabel(area.upper() if area != "gates" else "gates, NAND2 equivalents")
        axes.set_ylabel("frames/s")
        axes.set_title(title, fontsize=9)
        axes.spines[["top", "right"]].set_visible(False)
        for bits, marker in _MARKERS.items() if several else ():
            axes.plot([], [], marker, color=_OTHER, label=f"weights of {bits} bits")
        axes.legend(frameon=False, loc="lower right")
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None})
        return file.getvalue()
