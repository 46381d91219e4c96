"""The claim's plot: decisions that differ from the hardware's, above the top-1 accuracies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import PercentFormatter

from .figures_style import COLOURS, LABELS, MARKERS, STYLES, new_figure, png, style
from .rows import MODELS, Row, level_text
from .tables import NAMES, Results, display_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["claim_plot"]

Place = tuple[str, float]
_SHORT = {"awgn": "AWGN", "vertical": "vertical", "horizontal": "horizontal", "clean": ""}
_GAP = 1.2  # between perturbations, in levels


def claim_plot(results: Results) -> bytes | None:
    """Plot one column of panels per network, with all levels on one axis.

    Returns
    -------
    bytes or None
        PNG; None without figures of top-1 accuracy.
    """
    places = results.places
    if not results.networks or not any(row.metric == "top1" for row in results.rows):
        return None
    panels = [
        ("decided_differently", ("frozen",), "frozen scales:\ndecided differently\nfrom true INT8"),
        ("decided_differently", ("live",), "live observers:\ndecided differently\nfrom true INT8"),
        ("top1", MODELS, "top-1 accuracy"),
    ]
    measured = {(row.metric, row.model) for row in results.rows}
    panels = [each for each in panels if any((each[0], model) in measured for model in each[1])]
    positions = _positions(places)
    with style():
        count = len(results.networks)
        figure = new_figure(max(7.4, 1 + 4.3 * count), 1.4 + 2.1 * len(panels))
        heights = [1.5 if metric == "top1" else 1 for metric, _, _ in panels]
        grid = figure.subplots(
            len(panels), count, squeeze=False, sharex=True, sharey="row", height_ratios=heights
        )
        for column, network in enumerate(results.networks):
            for axes, (metric, models, _) in zip(grid[:, column], panels, strict=True):
                for model in models:
                    _series(axes, results, network, model, metric, positions)
                axes.yaxis.set_major_formatter(PercentFormatter(1))
            grid[0, column].set_title(display_name(network))
            _ticks(grid[-1, column], positions)
        for axes, (_, _, label) in zip(grid[:, 0], panels, strict=True):
            axes.set_ylabel(label)
            axes.set_ylim(bottom=-0.03 * axes.get_ylim()[1])  # do not clip markers at 0
        shown = {}
        for axes in grid[:, 0]:
            shown |= dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
        labels = [LABELS[model] for model in MODELS if LABELS[model] in shown]
        handles = [shown[label] for label in labels]
        figure.legend(handles, labels, loc="outside upper center", ncols=3)
        return png(figure)


def _positions(places: list[Place]) -> dict[Place, float]:
    """Positions of the levels on the axis, with gaps between perturbations."""
    found: dict[Place, float] = {}
    x, last = -1.0, ""
    for place in places:
        x += 1 if place[0] == last or not last else 1 + _GAP
        found[place], last = x, place[0]
    return found


def _series(
    axes: Axes,
    results: Results,
    network: str,
    model: str,
    metric: str,
    positions: dict[Place, float],
) -> None:
    """Plot one model's figures with error bars; lines join the levels of a perturbation."""
    rows = [(x, results.row(network, model, *at, metric)) for at, x in positions.items()]
    groups: dict[str, list[tuple[float, Row]]] = {}
    for x, row in rows:
        if row:
            groups.setdefault(row.perturbation, []).append((x, row))
    label: str | None = LABELS[model]
    for own in groups.values():
        value, low, high = (
            np.array([getattr(row, name) for _, row in own]) for name in ("value", "low", "high")
        )
        axes.errorbar(
            [x for x, _ in own],
            value,
            np.array([value - low, high - value]).clip(0),
            label=label,
            color=COLOURS[model],
            linestyle=STYLES[model],
            marker=MARKERS[model],
            markersize=6 if model == "frozen" else 3.5,
            markerfacecolor="none" if model == "frozen" else None,
            elinewidth=0.8,
            linewidth=1,
            zorder=2 + MODELS.index(model),
        )
        label = None  # one legend entry only


def _ticks(axes: Axes, positions: dict[Place, float]) -> None:
    """Label the levels, every second one if there are many, above the perturbation's name."""
    names = dict.fromkeys(name for name, _ in positions)
    axes.set_xticks([])
    ticks, labels = [], []
    for name in names:
        own = [(x, level) for (other, level), x in positions.items() if other == name]
        middle = (own[0][0] + own[-1][0]) / 2
        for index, (x, level) in enumerate(own):
            ticks.append(x)
            hidden = len(own) > 6 and index % 2
            labels.append("" if hidden else "clean" if name == "clean" else level_text(level))
        axes.text(
            *(middle, -0.15, _SHORT.get(name) or ("" if name == "clean" else _first(name))),
            transform=axes.get_xaxis_transform(),
            ha="center",
            va="top",
            fontsize=8,
        )
    axes.set_xticks(ticks, labels, rotation=90, fontsize=7)


def _first(name: str) -> str:
    return NAMES.get(name, name).split(" ")[0]
