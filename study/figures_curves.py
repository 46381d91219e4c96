"""Figures 4.1 to 4.12 of Langille 2024: accuracy, F1 and KL divergence over the level."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .figures_style import (
    COLOURS,
    LABELS,
    MARKERS,
    STYLES,
    legend_above,
    new_figure,
    png,
    style,
)
from .rows import CLEAN, MODELS, Row
from .tables import NAMES, Results, display_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["FIGURES", "curve", "curves", "models_shown"]

_KINDS = (("top1", "top5"), ("f1_weighted", "f1_macro"), ("kl",))
FIGURES = {
    f"4.{1 + 3 * row + column}": (perturbation, metrics)
    for row, perturbation in enumerate(("awgn", "brownian", "vertical", "horizontal"))
    for column, metrics in enumerate(_KINDS)
}
"""Perturbation and metrics of each figure."""
_AXES = {
    "top1": "top-1 accuracy",
    "top5": "top-5 accuracy",
    "f1_weighted": "F1, weighted",
    "f1_macro": "F1, macro",
    "kl": "KL(FP32 || model), nats",
}
_LEVELS = {"awgn": "standard deviation of the noise", "brownian": "sigma of the white noise before "
           "shaping", "vertical": "streaks", "horizontal": "streaks"}  # fmt: skip


def title(number: str, results: Results) -> str:
    """Return a figure's title."""
    perturbation, metrics = FIGURES[number]
    shown = {"top1": "Top-1 and top-5 accuracy", "f1_weighted": "F1 score", "kl": "KL divergence"}
    return f"{shown[metrics[0]]}, {NAMES[results.called(perturbation)]}"


def models_shown(results: Results, metric: str) -> list[str]:
    """Models with that metric, except clamped ones, which would overlap."""
    present = {row.model for row in results.rows if row.metric == metric}
    return [model for model in MODELS if model in present and not model.endswith("clamped")]


def curve(axes: Axes, model: str, x: list[float], rows: list[Row]) -> None:
    """Draw a model's curve with an interval band."""
    axes.plot(
        x,
        [row.value for row in rows],
        label=LABELS[model],
        color=COLOURS[model],
        linestyle=STYLES[model],
        marker=MARKERS[model],
        markersize=7 if model == "frozen" else 4,  # encloses int8, which mostly coincides
        markerfacecolor="none" if model == "frozen" else None,
        zorder=2 + MODELS.index(model),
    )
    low, high = (np.array([getattr(row, end) for row in rows]) for end in ("low", "high"))
    axes.fill_between(x, low, high, color=COLOURS[model], alpha=0.13, linewidth=0)


def curves(number: str, results: Results) -> bytes | None:
    """Plot one figure: one column of panels per network, clean images at level 0.

    Returns
    -------
    bytes or None
        PNG; None if the perturbation or the metric was not measured.
    """
    asked, metrics = FIGURES[number]
    perturbation = results.called(asked)
    levels = [(CLEAN, 0.0), *((perturbation, level) for level in results.levels(perturbation))]
    models = models_shown(results, metrics[0])
    networks = [
        network
        for network in results.networks
        if any(results.row(network, model, *levels[-1], metrics[0]) for model in models)
    ]
    if len(levels) == 1 or not networks:
        return None
    with style():
        width = max(6.2, 1 + 3.1 * len(networks))
        figure = new_figure(width, 0.9 + 2.5 * len(metrics))
        grid = figure.subplots(len(metrics), len(networks), squeeze=False, sharey="row")
        for column, network in enumerate(networks):
            for metric, axes in zip(metrics, grid[:, column], strict=True):
                for model in models:
                    found = [results.row(network, model, *place, metric) for place in levels]
                    kept = [
                        (place[1], row) for place, row in zip(levels, found, strict=True) if row
                    ]
                    if kept:
                        curve(axes, model, [x for x, _ in kept], [row for _, row in kept])
            grid[0, column].set_title(display_name(network))
        for metric, axes in zip(metrics, grid[:, 0], strict=True):
            axes.set_ylabel(_AXES[metric])
            # After all curves of the row are drawn, as its panels share the axis
            top = axes.get_ylim()[1] if metric == "kl" else 1.04
            axes.set_ylim(-0.03 * top, top)
        figure.supxlabel(f"{NAMES[perturbation]}: {_LEVELS[asked]} (0: clean)", fontsize=9)
        legend_above(figure, grid[0, 0], columns=4 if len(networks) > 2 else 2)
        return png(figure)
