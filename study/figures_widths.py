"""Top-1 by level of one network at several widths of weights, and differences from INT8."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .figures_style import legend_above, new_figure, png, style
from .rows import CLEAN, Row
from .tables import NAMES, Results
from .widths import MINUS_PTQ8, Variant, families

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["width_plots"]

# Okabe and Ito's palette, as in `figures_style`
_LOOKS = {
    "FP32": ("#000000", "o", "-"),
    "PTQ 8": ("#d55e00", "x", "-"),
    "QAT 8": ("#0072b2", "D", (0, (4, 1, 1, 1))),
    "QAT 4": ("#009e73", "s", (0, (5, 1.5))),
    "QAT 2": ("#cc79a7", "^", (0, (1, 1))),
}


def width_plots(results: Results) -> dict[str, bytes]:
    """Plot each network that has variants: one column of panels per perturbation.

    Returns
    -------
    dict of str to bytes
        PNG by network.
    """
    kinds = [kind for kind in dict.fromkeys(name for name, _ in results.places) if kind != CLEAN]
    return {
        base: _plot(results, variants, kinds or [CLEAN])
        for base, variants in families(results.networks, results.models).items()
    }


def _plot(results: Results, variants: list[Variant], kinds: list[str]) -> bytes:
    compared = [v for v in variants if _rows(results, v, kinds[0], MINUS_PTQ8)]
    panels = [("top1", variants, "top-1 accuracy")]
    if compared:
        panels.append((MINUS_PTQ8, compared, "top-1 minus PTQ 8's"))
    with style():
        figure = new_figure(max(6.2, 1 + 2.6 * len(kinds)), 0.9 + 2.4 * len(panels))
        grid = figure.subplots(len(panels), len(kinds), squeeze=False, sharex="col", sharey="row")
        for column, kind in enumerate(kinds):
            for axes, (metric, shown, _) in zip(grid[:, column], panels, strict=True):
                for variant in shown:
                    _curve(axes, variant.title, _rows(results, variant, kind, metric))
            grid[0, column].set_title(NAMES.get(kind, kind))
            grid[-1, column].set_xlabel("level (0: clean)")
        for axes, (metric, _, label) in zip(grid[:, 0], panels, strict=True):
            axes.set_ylabel(label)
            if metric == MINUS_PTQ8:
                for each in grid[-1]:
                    each.axhline(0, color="#000000", linewidth=0.8)
        legend_above(figure, grid[0, 0], columns=len(variants))
        return png(figure)


def _rows(results: Results, variant: Variant, kind: str, metric: str) -> list[tuple[float, Row]]:
    """Figures of the clean images and of all levels of a perturbation."""
    places = [(CLEAN, 0.0), *((kind, level) for level in results.levels(kind) if kind != CLEAN)]
    found = [(at[1], results.row(variant.network, variant.model, *at, metric)) for at in places]
    return [(level, row) for level, row in found if row]


def _curve(axes: Axes, title: str, rows: list[tuple[float, Row]]) -> None:
    colour, marker, line = _LOOKS[title.removesuffix(" A8")]
    face = "none" if title.endswith(" A8") else colour
    levels = [level for level, _ in rows]
    low, high = (np.array([getattr(row, end) for _, row in rows]) for end in ("low", "high"))
    values = [row.value for _, row in rows]
    axes.plot(levels, values, label=title, color=colour, marker=marker, linestyle=line,
              markerfacecolor=face)  # fmt: skip
    axes.fill_between(levels, low, high, color=colour, alpha=0.13, linewidth=0)
