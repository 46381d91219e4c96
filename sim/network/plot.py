"""Plots of a network's run, as SVG: where the cycles went, and how near to the roofline."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, NullFormatter, StrMethodFormatter

from .results import BOUNDS, NetworkResult, StageResult, bounds

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["cycles_by_stage", "roofline"]

# Distinct for readers who do not tell red from green (Okabe and Ito's palette)
COLOURS = {
    "compute": "#0072b2",
    "weights": "#e69f00",
    "memory": "#d55e00",
    "requantizer": "#cc79a7",
    "other": "#999999",
}
_STYLE: Any = {"svg.fonttype": "none", "svg.hashsalt": "maccord", "font.size": 9}


def cycles_by_stage(result: NetworkResult) -> str:
    """Return a bar of cycles per stage, stacked by what bounded them, with its roofline marked.

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
        axes.set_yticks(positions, [_short(result, stage) for stage in result.stages])
        axes.set_ylim(count - 0.4, -0.6)
        axes.set_xlabel("cycles")
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        figure.legend(loc="outside upper center", ncols=len(BOUNDS) + 1, frameon=False)
        return _svg(figure)


def roofline(result: NetworkResult) -> str:
    """MACs per cycle over MACs per byte, under what the hardware could do.

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
        figure = Figure(figsize=(9, 5), layout="constrained")
        axes = figure.subplots()
        for name, colour in COLOURS.items():
            group = [stage for stage in stages if stage.bound_by == name]
            if group:
                x = [_intensity(stage) for stage in group]
                y = [stage.macs / stage.cycles for stage in group]
                axes.plot(x, y, "o", color=colour, label=f"mostly {name}")
        _roof(axes, result, stages)
        axes.set_xscale("log")
        axes.set_yscale("log")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(StrMethodFormatter("{x:g}"))
            axis.set_minor_formatter(NullFormatter())
        axes.set_xlabel("MACs per byte read or written, whichever are more")
        axes.set_ylabel("MACs per cycle")
        axes.grid(True, which="both", linewidth=0.3)
        axes.legend(loc="lower right")
        return _svg(figure)


def _roof(axes: Axes, result: NetworkResult, stages: list[StageResult]) -> None:
    """Draw the bus' slope up to the array's ceiling."""
    peak, width = result.rows * result.cols, result.axi_bytes
    ridge = peak / width
    intensities = [_intensity(stage) for stage in stages]
    low, high = min([ridge / 4, *intensities]), max([ridge * 4, *intensities])
    label = f"{result.rows} x {result.cols} array, {width} bytes a cycle"
    axes.plot([low, ridge, high], [low * width, peak, peak], "k-", linewidth=1, label=label)


def _intensity(stage: StageResult) -> float:
    """MACs per byte of the busier direction: a bus reads and writes at once."""
    return stage.macs / max(stage.read_bytes, stage.written_bytes)


def _short(result: NetworkResult, stage: StageResult) -> str:
    return stage.name.removeprefix(f"{result.network}.")


def _svg(figure: Figure) -> str:
    """Return the figure as an element that can stand in a page: without XML's prologue."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]
