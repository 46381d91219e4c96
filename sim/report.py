"""The table of a run, and what is said below it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from .network.report import print_network
from .network.results import NetworkResult
from .results import CLEAN, GENERATED, Outcome, Verdict

__all__ = ["print_outcomes"]

_LEGEND = (
    "golden, torch: outputs that differ from that reference; "
    "codes: distinct output codes; cycles/s: simulated"
)


def print_outcomes(
    out: Console,
    labels: Sequence[str],
    outcomes: Sequence[Outcome],
    folder: Path,
    pages: Sequence[Path] = (),
    window: tuple[int, int] | None = None,
) -> None:
    """Print the tables of results, problems, weights and the verdict.

    Parameters
    ----------
    out : Console
    labels : sequence of str
        Names of the tasks.
    outcomes : sequence of Outcome
        In the same order.
    folder : Path
        Where the results were written.
    pages : sequence of Path
        Reports that were written beside them.
    window : (int, int), optional
        First and last cycle of the waves.
    """
    results = [outcome.result for outcome in outcomes if outcome.result]
    for result in results:
        if result.whole:
            print_network(out, result)
    layers = [o for o in outcomes if o.result and not o.result.whole]
    if layers:
        out.print(_table(layers))
        out.print(_LEGEND, soft_wrap=True, style="dim")
    if results:
        for text in sorted({f"weights of {r.network}: {r.weights}" for r in results}):
            out.print(escape(text), soft_wrap=True)
        for netlist in sorted({r.netlist for r in results} - {GENERATED}):
            out.print(f"netlist: {escape(netlist)}", soft_wrap=True)
    for label, outcome in zip(labels, outcomes, strict=True):
        for problem in outcome.problems:
            out.print(f"[red]{escape(label)}[/]: {escape(problem)}", soft_wrap=True)
    for outcome in outcomes:
        if outcome.waves:
            out.print(escape(_waves(outcome.waves, window)), soft_wrap=True)
    if results:
        out.print(f"results: {escape(str(folder))}{os.sep}", soft_wrap=True)
    for page in pages:
        out.print(f"report: {escape(str(page))}", soft_wrap=True)
    out.print(_verdict(results, outcomes), soft_wrap=True)


def _waves(path: Path, window: tuple[int, int] | None) -> str:
    """Where waves are, how much of the run they show, and why they are large."""
    size = path.stat().st_size / 1e6
    said = f"waves: {path}, {size:,.1f} MB"
    if window:
        said += f", cycles {window[0]:,} to {window[1]:,} (--window FIRST:LAST)"
    if path.suffix == ".vcd":
        said += "; VCD, for want of lz4's and zlib's headers: with those it would be FST, smaller"
    return said


def _table(outcomes: Sequence[Outcome]) -> Table:
    perturbed = any(o.result and o.result.perturbation != CLEAN for o in outcomes)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("layer", no_wrap=True)
    if perturbed:
        table.add_column("input", no_wrap=True)
    table.add_column("shape", no_wrap=True)
    for name in (
        "MACs",
        "cycles",
        "utilisation",
        "bound by",
        "golden",
        "torch",
        "codes",
        "cycles/s",
    ):
        table.add_column(name, justify="right", no_wrap=True)
    for outcome in outcomes:
        if outcome.result:
            table.add_row(*_row(outcome.result, outcome.codes, perturbed))
    return table


def _row(result: NetworkResult, codes: int, perturbed: bool) -> list[str]:
    shapes = ("x".join(map(str, s[1:])) for s in (result.input_shape, result.output_shape))
    counts = (result.mismatches_golden, result.mismatches_torch)
    return [
        escape(result.layer),
        *([escape(result.perturbation)] if perturbed else []),
        " > ".join(shapes),
        f"{result.macs:,}",
        f"{result.cycles:,}",
        f"{int(result.utilization * 1000) / 10:.1f}%",  # 99.98 % is not 100.0 %
        result.bound_by,
        *(f"[red]{n:,}[/]" if n else "0" for n in counts),
        str(codes),
        f"{result.sim_cycles_per_second:,.0f}",
    ]


def _verdict(results: Sequence[NetworkResult], outcomes: Sequence[Outcome]) -> str:
    failed = len(outcomes) - len(results)
    said = [f"{failed} of {len(outcomes)} runs gave no valid result"] if failed else []
    if results:
        compared = sum(r.compared for r in results)
        equal = sum(outcome.equal for outcome in outcomes)
        text = f"{equal:,} of {compared:,} outputs equal"
        if all(outcome.verdict is Verdict.AGREES for outcome in outcomes):
            return f"[bold green]{text}: RTL = NumPy = PyTorch ({results[0].engine})[/]"
        said.append(f"{text} in the others" if failed else text)
    wrong = sum(outcome.verdict is Verdict.MISMATCH for outcome in outcomes)
    said += [f"{wrong} of {len(outcomes)} runs with mismatches"] if wrong else []
    return f"[bold red]{'; '.join(said)}[/]"
