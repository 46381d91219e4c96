"""Plot of resources by block."""

from __future__ import annotations

import io

import matplotlib as mpl
from matplotlib.figure import Figure

from .blocks import BLOCKS
from .results import Synthesis
from .targets import RESOURCES

__all__ = ["resources_by_block"]

# Okabe and Ito's palette, safe for red-green colour blindness, with greys
_COLOURS = (
    *("#0072b2", "#56b4e9", "#d55e00", "#e69f00", "#cc79a7", "#f0e442", "#882255"),
    *("#44aa99", "#009e73", "#000000", "#999999", "#666666", "#332288", "#cccccc"),
)
_STYLE = {"svg.fonttype": "none", "svg.hashsalt": "maccord", "font.size": 9}


def resources_by_block(result: Synthesis) -> str:
    """Plot one bar per resource, as shares of the total used.

    Parameters
    ----------
    result : Synthesis

    Returns
    -------
    str
        An SVG file.
    """
    total = result.total
    shown = [name for name in RESOURCES if total.get(name)]
    with mpl.rc_context(_STYLE):  # pyright: ignore[reportArgumentType]
        figure = Figure(figsize=(9, 1.6 + 0.45 * len(shown)), layout="constrained")
        axes = figure.subplots()
        left = [0.0] * len(shown)
        for block, colour in zip(BLOCKS, _COLOURS, strict=True):
            counted = result.resources.get(block, {})
            widths = [100 * counted.get(name, 0) / total[name] for name in shown]
            axes.barh(shown, widths, 0.8, left=left, color=colour, label=block)
            left = [a + b for a, b in zip(left, widths, strict=True)]
        names = [f"{name.upper()}  {total[name]:,.0f}" for name in shown]
        axes.set_yticks(range(len(shown)), names)
        axes.invert_yaxis()
        axes.set_xlim(0, 100)
        axes.set_xlabel(f"% of what {result.configuration} takes on {result.target}")
        figure.legend(loc="outside upper center", ncols=6, frameon=False)
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None})
        return file.getvalue()
