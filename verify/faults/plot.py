"""The plot of a campaign: vulnerability by block, with intervals, at each level."""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from .tables import Share

__all__ = ["avf_plot"]

# Okabe and Ito's palette, safe for red-green colour blindness
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#999999")
_STYLE: Any = {"svg.fonttype": "none", "svg.hashsalt": "maccord", "font.size": 9}


def avf_plot(blocks: Sequence[Share]) -> str:
    """Plot AVF by block, the most vulnerable at the top, and return the SVG file.

    Parameters
    ----------
    blocks : sequence of Share
        By level and block.
    """
    levels = list(dict.fromkeys(share.level for share in blocks))
    first = [share for share in blocks if share.level == levels[0]]
    names = [share.name for share in sorted(first, key=lambda s: (s.avf, s.name))]
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(7, 1.2 + 0.22 * len(names)), layout="constrained")
        axes = figure.subplots()
        for index, level in enumerate(levels):
            shares = {share.name: share for share in blocks if share.level == level}
            shift = (index - (len(levels) - 1) / 2) * 0.6 / len(levels)
            places = [place - shift for place in range(len(names))]
            values = [shares[name].avf for name in names]
            errors = [
                [shares[name].avf - shares[name].avf_low for name in names],
                [shares[name].avf_high - shares[name].avf for name in names],
            ]
            colour = _COLOURS[index % len(_COLOURS)]
            axes.errorbar(
                values, places, xerr=errors, fmt="o", markersize=3, color=colour, label=level
            )
        axes.set_yticks(range(len(names)), names)
        axes.set_ylim(-0.7, len(names) - 0.3)
        axes.set_xlim(0, 1)
        axes.set_xlabel("AVF: share of flipped bits that change a tensor or end the run")
        axes.grid(axis="x", linewidth=0.3)
        axes.legend(loc="lower right")
        text = StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()
