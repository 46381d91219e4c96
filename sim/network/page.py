"""A run's report as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from ...runtime.reference_names import framework, said
from . import plot
from .host_lines import host_lines, on_host, operator
from .results import BOUNDS, NetworkResult, bounds
from .stage_table import at_roofline

__all__ = ["page"]

_TEMPLATE = Path(__file__).parent / "report.html"


def page(results: Sequence[NetworkResult]) -> str:
    """Return the HTML of a page with one section per result.

    Parameters
    ----------
    results : sequence of NetworkResult
        At least one.
    """
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "framework": framework,
        "said": said,
        "count": lambda number: f"{number:,.0f}",
        "percent": lambda share: f"{int(share * 1000) / 10:.1f} %",
        "roofline": at_roofline,
        "shape": lambda shape: "x".join(map(str, shape)),
    }
    template = environment.from_string(_TEMPLATE.read_text())
    return template.render(
        results=results,
        names=list(BOUNDS),
        bounds=bounds,
        host_lines=host_lines,
        on_host=on_host,
        operator=operator,
        colours=plot.COLOURS,
        cycles_plot=plot.cycles_by_stage,
        roofline_plot=plot.roofline,
    )
