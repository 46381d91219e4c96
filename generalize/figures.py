"""Figures of the report: gaps, landscape, bin widths, corruptions, measures against gaps."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from matplotlib.cm import ScalarMappable
from matplotlib.colors import SymLogNorm

from ..nets.corruptions.tables import KINDS, SEVERITIES
from ..study.figures_style import new_figure, png, style
from .evaluate import WITHIN
from .landscape import axis
from .measures import MEASURES
from .pool import precision
from .request import GeneralizeRequest
from .rows import POOL, Rows

__all__ = ["bins", "contours", "corruptions", "gaps", "scatter", "surfaces"]

Surfaces = Mapping[str, npt.NDArray[np.float64]]
COLOURS = {"FP32": "#000000", "W8": "#0072b2", "W4": "#009e73", "W2": "#d55e00"}
_LOWEST = 0.1  # nats, of the innermost contour
_LABELLED = 1  # nats: lines below lie too close for numbers
_LINEAR = 0.1  # nats, up to where the colours of differences are linear
_CEILING = 95  # percentile of FP32's surface that ends the common scale


def gaps(request: GeneralizeRequest, rows: Rows) -> bytes:
    """Draw each network's gap, and the pool's mean with its interval, by precision."""
    names = [precision(bits) for bits in request.bits]
    with style():
        figure = new_figure(6, 3.2)
        axes = figure.subplots()
        for place, bits in enumerate(names):
            values = list(rows.values(bits, "gap").values())
            spread = place + np.linspace(-0.15, 0.15, len(values))
            axes.plot(spread, values, "o", color=COLOURS[bits], alpha=0.4)
            mean = rows.get(POOL, bits, "clean", "gap")
            if mean:
                ends = [[mean.value - mean.low], [mean.high - mean.value]]
                axes.errorbar(
                    place, mean.value, ends, fmt="D", color=COLOURS[bits], capsize=5, ms=7
                )
        axes.set_xticks(range(len(names)), names)
        axes.set_ylabel("test loss minus training loss")
        return png(figure)


def _ceiling(found: Surfaces) -> float:
    first = next(iter(found.values()))
    return float(np.percentile(first, _CEILING))


def surfaces(found: Surfaces) -> bytes:
    """Draw the loss's surfaces side by side, on one scale that is cut at the top."""
    top = _ceiling(found)
    with style():
        figure = new_figure(3 * len(found), 3.2)
        for place, (name, loss) in enumerate(found.items(), 1):
            axes = figure.add_subplot(1, len(found), place, projection="3d")
            x, y = np.meshgrid(axis(loss.shape[1]), axis(loss.shape[0]))
            axes.plot_surface(x, y, np.minimum(loss, top), cmap="viridis", vmin=0, vmax=top)
            axes.set_zlim(0, top)
            axes.set_zlabel("nats")
            axes.set_title(name)
        return png(figure)


def contours(found: Surfaces) -> bytes:
    """Draw lines of equal loss, at the same losses for all."""
    top = _ceiling(found)
    lines = np.geomspace(min(_LOWEST, top / 2), top, 12)
    with style():
        figure = new_figure(3 * len(found), 3)
        panels = figure.subplots(1, len(found), squeeze=False)[0]
        for axes, (name, loss) in zip(panels, found.items(), strict=True):
            places = axis(len(loss))
            drawn = axes.contour(places, places, loss, levels=lines, cmap="viridis")
            if top >= _LABELLED:
                axes.clabel(drawn, [line for line in lines if line >= _LABELLED], fontsize=6)
            axes.set_title(name)
            axes.set_aspect("equal")
        return png(figure)


def bins(request: GeneralizeRequest, rows: Rows) -> bytes | None:
    """Draw the width of the weights' bins by layer (figure 1)."""
    setting, head = request.shown[0].setting, "bin_width:"
    by: dict[str, dict[str, float]] = {}
    for row in rows.rows:
        if row.setting == setting and row.metric.startswith(head):
            by.setdefault(row.precision, {})[row.metric.removeprefix(head)] = row.value
    if not by:
        return None
    with style():
        figure = new_figure(7, 3.2)
        axes = figure.subplots()
        for bits, widths in by.items():
            axes.plot(list(widths), list(widths.values()), "o-", color=COLOURS[bits], label=bits)
        axes.set_yscale("log")
        axes.set_ylabel("width of a bin")
        axes.tick_params(axis="x", rotation=45)
        axes.legend()
        return png(figure)


def corruptions(request: GeneralizeRequest, rows: Rows) -> bytes | None:
    """Draw by how much each gap differs from FP32's, by corruption and severity."""
    names = [precision(bits) for bits in request.bits[1:]]
    setting = request.shown[0].setting
    found = {
        bits: np.array(
            [
                [
                    row.value if row else np.nan
                    for severity in SEVERITIES
                    for row in [rows.get(setting, bits, f"{kind}:{severity}", "float_gap-fp32")]
                ]
                for kind in KINDS
            ]
        )
        for bits in names
    }
    if all(np.isnan(values).all() for values in found.values()):
        return None
    reach = max(_LINEAR, *(float(np.nanmax(np.abs(values))) for values in found.values()))
    with style():
        figure = new_figure(2.6 * len(names) + 2, 4)
        panels = figure.subplots(1, len(names), squeeze=False, sharey=True)[0]
        scale = ScalarMappable(SymLogNorm(_LINEAR, vmin=-reach, vmax=reach), "RdBu_r")
        for axes, (bits, values) in zip(panels, found.items(), strict=True):
            axes.imshow(values, cmap=scale.cmap, norm=scale.norm, aspect="auto")
            axes.set_xticks(range(len(SEVERITIES)), SEVERITIES)
            axes.set_yticks(range(len(KINDS)), [kind.replace("_", " ") for kind in KINDS])
            axes.set_title(f"{bits} minus FP32")
            axes.set_xlabel("severity")
            axes.grid(visible=False)
        figure.colorbar(scale, ax=list(panels), label="difference of the gap")
        return png(figure)


def scatter(request: GeneralizeRequest, rows: Rows) -> bytes | None:
    """Draw each measure against the gap, network by network."""
    names = [precision(bits) for bits in request.bits]
    if not rows.values(names[0], MEASURES[0]):
        return None
    with style():
        figure = new_figure(11, 5)
        panels = figure.subplots(2, 4, sharey=True).ravel()
        for axes, measure in zip(panels, MEASURES, strict=True):
            for bits in names:
                values, gap = rows.values(bits, measure), rows.values(bits, "gap")
                pairs = [(values[setting], gap[setting]) for setting in values]
                axes.plot(*zip(*pairs, strict=True), "o", color=COLOURS[bits], label=bits)
            found = [rows.get(POOL, x, "clean", f"kendall:{measure}") for x in ("all", WITHIN)]
            taus = ", ".join(f"{row.value:+.2f}" for row in found if row)
            axes.set_title(f"{measure}: {taus}" if taus else measure)
            if measure.startswith("sharpness") and "mag" not in measure:
                axes.set_xscale("log")
        panels[0].set_ylabel("gap")
        panels[4].set_ylabel("gap")
        panels[0].legend()
        return png(figure)
