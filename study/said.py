"""Terminal summary of a study: one line per network, and the verdict on the claim."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from .claim import claim
from .plan import Collected
from .rows import ALL, CLEAN, Row
from .rtl import RtlSample
from .tables import Results, display_name
from .widths import sentences
from .words import percent

__all__ = ["print_study"]

_LEGEND = (
    "clean, all: top-1 on clean images and over all levels; "
    "differently: share of images that fake quantization (frozen) and true INT8 decide differently"
)
_MODELS = ("fp32", "live", "frozen", "int8")


def print_study(
    out: Console, rows: Sequence[Row], answered: Collected, rtl: Sequence[RtlSample]
) -> None:
    """Print a study's table, the RTL check, and whether fake quantization matches the hardware."""
    results = Results(rows)
    models = [model for model in _MODELS if model in results.models]
    table = Table(box=None, pad_edge=False)
    table.add_column("network")
    for model in models:
        table.add_column(f"{model} clean", justify="right")
        table.add_column("all", justify="right")
    for name in ("differently", "activations", "in RTL"):
        table.add_column(name, justify="right")
    for network in results.networks:
        entries = [
            _share(results.row(network, model, perturbation, 0.0, "top1"))
            for model in models
            for perturbation in (CLEAN, ALL)
        ]
        entries.append(_share(results.row(network, "frozen", ALL, 0.0, "decided_differently")))
        table.add_row(
            display_name(network), *entries, _activations(network, answered), _rtl(network, rtl)
        )
    out.print(table)
    out.print(_LEGEND)
    for text in sentences(results):
        out.print(escape(text), soft_wrap=True)
    images = len(answered.samples[0].labels)
    out.print(escape(claim(rows, answered.differences, images).verdict), soft_wrap=True)


def _share(row: Row | None) -> str:
    return "" if row is None else percent(row.value)


def _activations(network: str, answered: Collected) -> str:
    """Share of activation codes that differ between fake quantization and true INT8."""
    own = [line for line in answered.differences if line.network == network]
    codes = sum(line.codes for line in own)
    return percent(sum(line.differing for line in own) / codes) if codes else ""


def _rtl(network: str, rtl: Sequence[RtlSample]) -> str:
    own = [sample for sample in rtl if sample.network == network]
    if not own:
        return ""
    equal = sum(sample.equal for sample in own)
    return f"{equal} of {len(own)} levels equal"
