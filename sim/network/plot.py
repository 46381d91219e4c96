"""SVG plots of a network's run: cycles by stage, and the roofline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter, StrMethodFormatter

from .host_lines import on_host
from .labels import label
from .results import BOUNDS, NetworkResult, StageResult, bounds
from .stage_table import at_roofline
from .svg import svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["cycles_by_stage", "roofline"]

# Okabe and Ito's palette, safe for red-green colour blindness
COLOURS = {
    "compute": "#0072b2",
    "weights": "#e69f00",
    "memory": "#d55e00",
    "requantizer": "#cc79a7",
    "other": "#999999",
}
_FAR = 1.02  # stages are labelled from this ratio to their roofline on
_DECADES = 500  # from this ratio of axis limits on, ticks only at powers of ten
_STYLE: Any = {"svg.fonttype": "none", "svg.hashsalt": "maccord", "font.size": 9}


def cycles_by_stage(result: NetworkResult) -> str:
    """Plot a bar of cycles per stage, stacked by bottleneck, with the roofline marked.

    Parameters
    ----------
    result : NetworkResult

    Returns
    -------
    str
        An SVG element.
    """
    with mpl.rc_context(_STYLE):
        count = len(result.stages)
        figure = Figure(figsize=(9, 1.2 + 0.2 * count), layout="constrained")
        axes = figure.subplots()
        positions = range(count)
        left = [0] * count
        shares = [bounds(stage.cycles_by_cause) for stage in result.stages]
        for name in BOUNDS:
            widths = [share[name] for share in shares]
            axes.barh(positions, widths, 0.8, left=left, color=COLOURS[name], label=name)
            left = [a + b for a, b in zip(left, widths, strict=True)]
        limits = [stage.roofline_cycles for stage in result.stages]
        axes.plot(limits, positions, "k|", markersize=7, label="roofline")
        axes.set_yticks(positions, [_tick(result, stage) for stage in result.stages])
        axes.set_ylim(count - 0.4, -0.6)
        axes.set_xlabel("cycles")
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        figure.legend(loc="outside upper center", ncols=len(BOUNDS) + 1, frameon=False)
        return svg(figure, f"Cycles of each stage of {result.layer}, by what they were spent on")


def roofline(result: NetworkResult) -> str:
    """Plot MACs per cycle over MACs per byte, with the hardware's roofline.

    Stages far from their rooflines are labelled, those that lose most cycles first; the others
    show their names as tooltips.

    Parameters
    ----------
    result : NetworkResult

    Returns
    -------
    str
        An SVG element.
    """
    stages = [stage for stage in result.stages if stage.macs and stage.read_bytes]
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(9, 5.5), layout="constrained")
        FigureCanvasAgg(figure)  # able to measure labels
        axes = figure.subplots()
        hints = {}
        for index, stage in enumerate(stages):
            gid = f"stage-{index}"
            colour = COLOURS[stage.bound_by]
            axes.plot(*_point(stage), "o", color=colour, markeredgecolor="none", gid=gid)
            hints[gid] = _hint(result, stage)
        for name, colour in COLOURS.items():
            if any(stage.bound_by == name for stage in stages):
                axes.plot([], [], "o", color=colour, label=f"mostly {name}")
        _roof(axes, result, stages)
        _scales(axes)
        axes.set_xlabel("MACs per byte read or written, whichever are more")
        axes.set_ylabel("MACs per cycle")
        axes.grid(visible=True, which="major", linewidth=0.3)
        figure.legend(loc="outside upper center", ncols=3, frameon=False)
        far = [stage for stage in stages if stage.roofline_ratio >= _FAR]
        far.sort(key=lambda stage: stage.roofline_cycles - stage.cycles)
        names = [(_short(result, stage), _point(stage)) for stage in far]
        label(axes, names, [_point(stage) for stage in stages])
        return svg(figure, f"MACs per cycle of each stage of {result.layer} under its roof", hints)


def _scales(axes: Axes) -> None:
    """Set logarithmic scales with at least three ticks per axis."""
    axes.set_xscale("log")
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    axes.set_ylim(min(low, high / 30), high)
    for axis, limits in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
        steps = (1.0, 2.0, 5.0) if limits[1] / limits[0] < _DECADES else (1.0,)
        axis.set_major_locator(LogLocator(subs=steps, numticks=99))
        axis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.set_minor_formatter(NullFormatter())


def _roof(axes: Axes, result: NetworkResult, stages: list[StageResult]) -> None:
    """Draw the bandwidth slope and the array's ceiling."""
    peak, width = result.rows * result.cols, result.axi_bytes
    ridge = peak / width
    intensities = [_point(stage)[0] for stage in stages]
    low, high = min([ridge / 4, *intensities]), max([ridge * 4, *intensities])
    label = f"{result.rows} x {result.cols} array, {width} bytes a cycle"
    axes.plot([low, ridge, high], [low * width, peak, peak], "k-", linewidth=1, label=label)


def _point(stage: StageResult) -> tuple[float, float]:
    """MACs per byte of the busier direction (the bus is full duplex), and MACs per cycle."""
    return stage.macs / max(stage.read_bytes, stage.written_bytes), stage.macs / stage.cycles


def _hint(result: NetworkResult, stage: StageResult) -> str:
    return (
        f"{_short(result, stage)}: {stage.macs / stage.cycles:.1f} MACs per cycle, "
        f"{at_roofline(stage.roofline_ratio)} its roofline, mostly {stage.bound_by}"
    )


def _tick(result: NetworkResult, stage: StageResult) -> str:
    return _short(result, stage) + (" (host)" if on_host(stage) else "")


def _short(result: NetworkResult, stage: StageResult) -> str:
    return stage.name.removeprefix(f"{result.network}.")
