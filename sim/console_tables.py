"""Prints the results of a run: tables, problems and verdict."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from ..runtime import reference_names
from ..runtime.tables import Column, fitting, print_wrapped
from .inputs import PHOTOGRAPH
from .network.results import NetworkResult
from .network.stage_table import print_network
from .results import CLEAN, GENERATED, Outcome, Verdict

__all__ = ["print_outcomes"]

_LEGENDS = {
    "golden": "golden, torch: outputs that differ from that reference",
    "codes": "codes: distinct output codes",
    "cycles/s": "cycles/s: simulated",
}


def print_outcomes(
    out: Console,
    labels: Sequence[str],
    outcomes: Sequence[Outcome],
    folder: Path,
    pages: Sequence[Path] = (),
    window: str = "",
    width: int | None = None,
    quiet: bool = False,
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
        Folder of the written results.
    pages : sequence of Path
        Written HTML reports.
    window : str
        Description of the recorded cycles.
    width : int, optional
        Maximum table width in characters; less important columns are dropped.
    quiet : bool
        Whether to print only problems and the verdict.
    """
    results = [outcome.result for outcome in outcomes if outcome.result]
    if not quiet:
        _print_results(out, outcomes, width)
    for label, outcome in zip(labels, outcomes, strict=True):
        for problem in outcome.problems:
            out.print(f"[red]{escape(label)}[/]: {escape(problem)}", soft_wrap=True)
    if not quiet:
        _print_files(out, outcomes, folder, pages, window)
    out.print(_verdict(results, outcomes), soft_wrap=True)


def _print_results(out: Console, outcomes: Sequence[Outcome], width: int | None) -> None:
    results = [outcome.result for outcome in outcomes if outcome.result]
    for result in results:
        if result.whole:
            print_network(out, result, width)
    layers = [o for o in outcomes if o.result and not o.result.whole]
    if layers:
        _print_layers(out, layers, width)
    if results:
        for text in sorted({f"weights of {r.network}: {r.weights}" for r in results}):
            out.print(escape(text), soft_wrap=True)
        for text in sorted({f"input of {r.network}: {r.image}" for r in results}):
            if not text.endswith(f": {PHOTOGRAPH}"):
                out.print(escape(text), soft_wrap=True)
        for netlist in sorted({r.netlist for r in results} - {GENERATED}):
            out.print(f"netlist: {escape(netlist)}", soft_wrap=True)


def _print_files(
    out: Console,
    outcomes: Sequence[Outcome],
    folder: Path,
    pages: Sequence[Path],
    window: str,
) -> None:
    for outcome in outcomes:
        if outcome.waves:
            out.print(escape(_waves(outcome.waves, window)), soft_wrap=True)
            saved = shlex.quote(str(outcome.waves.with_suffix(".gtkw")))
            out.print(f"open them: gtkwave {escape(saved)}", soft_wrap=True)
    if any(outcome.result for outcome in outcomes):
        out.print(f"results: {escape(str(folder))}{os.sep}", soft_wrap=True)
    for page in pages:
        out.print(f"report: {escape(str(page))}", soft_wrap=True)


def _waves(path: Path, window: str) -> str:
    """Describe the waveform file: path, recorded cycles, size."""
    size = path.stat().st_size / 1e6
    said = f"waves: {path}, {size:,.1f} MB"
    if window:
        said += f", a window: {window} (--window FIRST:LAST)"
    if path.suffix == ".vcd":
        said += "; VCD, for want of lz4's and zlib's headers: with those it would be FST, smaller"
    return said


def _print_layers(out: Console, outcomes: Sequence[Outcome], width: int | None) -> None:
    table, hidden = fitting(out, _columns(outcomes), width)
    out.print(table)
    print_wrapped(out, "; ".join(t for name, t in _LEGENDS.items() if name not in hidden), width)
    if hidden:
        print_wrapped(out, f"--wide shows {', '.join(hidden)}", width)


def _columns(outcomes: Sequence[Outcome]) -> list[Column]:
    results = [outcome.result for outcome in outcomes if outcome.result]
    perturbed = any(result.perturbation != CLEAN for result in results)
    inputs = Column("input", [escape(r.perturbation) for r in results], 0, left=True)
    return [
        Column("layer", [escape(r.layer) for r in results], 0, left=True),
        *([inputs] if perturbed else []),
        Column("shape", [_shapes(r) for r in results], 4, left=True),
        Column("MACs", [f"{r.macs:,}" for r in results], 5),
        Column("cycles", [f"{r.cycles:,}" for r in results]),
        # 99.98 % is not 100.0 %
        Column("utilisation", [f"{int(r.utilization * 1000) / 10:.1f}%" for r in results], 2),
        Column("bound by", [r.bound_by for r in results], 1),
        Column("golden", [_count(r.mismatches_golden) for r in results]),
        *_reference(results),
        Column("codes", [str(outcome.codes) for outcome in outcomes if outcome.result], 3),
        Column("cycles/s", [f"{r.sim_cycles_per_second:,.0f}" for r in results], 6),
    ]


def _reference(results: Sequence[NetworkResult]) -> list[Column]:
    """Return the column of the reference, if one was asked."""
    counts = [_count(r.mismatches_torch) for r in results if r.mismatches_torch is not None]
    if len(counts) < len(results):
        return []
    return [Column(reference_names.column(results[0].engine), counts)]


def _shapes(result: NetworkResult) -> str:
    shapes = (result.input_shape, result.output_shape)
    return " > ".join("x".join(map(str, shape[1:])) for shape in shapes)


def _count(mismatches: int) -> str:
    return f"[red]{mismatches:,}[/]" if mismatches else "0"


def _verdict(results: Sequence[NetworkResult], outcomes: Sequence[Outcome]) -> str:
    failed = len(outcomes) - len(results)
    said = [f"{failed} of {len(outcomes)} runs gave no valid result"] if failed else []
    if results:
        compared = sum(r.compared for r in results)
        equal = sum(outcome.equal for outcome in outcomes)
        text = f"{equal:,} of {compared:,} outputs equal"
        if all(outcome.verdict is Verdict.AGREES for outcome in outcomes):
            return f"[bold green]{text}: {_equal(results[0])}[/]"
        said.append(f"{text} in the others" if failed else text)
    wrong = sum(outcome.verdict is Verdict.MISMATCH for outcome in outcomes)
    said += [f"{wrong} of {len(outcomes)} runs with mismatches"] if wrong else []
    return f"[bold red]{'; '.join(said)}[/]"


def _equal(result: NetworkResult) -> str:
    """Format the sentence on equal outputs."""
    if result.not_asked:
        return f"RTL = NumPy; {escape(result.not_asked)}"
    return f"RTL = NumPy = {reference_names.said(result.engine)}"
