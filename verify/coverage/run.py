"""Reports the coverage of the RTL that a campaign has counted."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ...runtime.files import atomic_write
from ...runtime.provenance import provenance
from ...sim.toolchain import find_verilator
from ..regress.configurations import CONFIGURATIONS
from .netlist import netlist_with_sources, nets_of
from .origins import Origins
from .report import Coverage, exclusions, merged, report

__all__ = ["SCHEMA", "report_coverage"]

SCHEMA = "maccord.coverage/1"


def report_coverage(out: Path, console: Console) -> bool:
    """Print a table for each configuration of a campaign, and write `coverage.json`.

    Returns
    -------
    bool
        Whether an exclusion is stale.
    """
    folder = out / "coverage"
    found: list[Coverage] = []
    for name, parameters in CONFIGURATIONS.items():
        if (folder / f"{name}.points.json").is_file():
            rules = exclusions(name, parameters)
            origins = Origins(netlist_with_sources(parameters))
            nets = partial(nets_of, parameters)
            found.append(report(name, *merged(folder, name), origins, nets, rules))
    for coverage in found:
        _print(coverage, console)
    with atomic_write(out / "coverage.json") as temporary:
        rows = [asdict(coverage) for coverage in found]
        origin = asdict(provenance(verilator=find_verilator().version))
        body = {"schema": SCHEMA, "configurations": rows, "provenance": origin}
        temporary.write_text(json.dumps(body, indent=1))
    return any(coverage.stale for coverage in found)


def _print(coverage: Coverage, console: Console) -> None:
    table = Table(
        f"{coverage.configuration}: block", "lines", "%", "toggles", "%", "excluded",
        box=None, header_style="bold",
    )  # fmt: skip
    for block in (*coverage.blocks, coverage.total):
        lines, toggles = block.lines - block.lines_excluded, block.toggles - block.toggles_excluded
        table.add_row(
            block.file,
            f"{block.lines_covered}/{lines}",
            f"{block.line_percent:.1f}",
            f"{block.toggles_covered}/{toggles}",
            f"{block.toggle_percent:.1f}",
            str(block.lines_excluded + block.toggles_excluded),
        )
    console.print(table)
    for what in coverage.stale:
        console.print(f"stale exclusion: {what}", markup=False)
