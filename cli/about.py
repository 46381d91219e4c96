"""Commands that inspect the installation, the cache and earlier results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .parameters import Cache

__all__ = ["cache", "compare", "doctor"]


def cache(
    clear: Annotated[bool, typer.Option("--clear", help="Delete the cache's contents.")] = False,
    cache: Cache = None,
) -> None:
    """Show the cache's location and size: models, netlists, quantized networks.

    Everything in the cache can be regenerated. Results are stored elsewhere.
    """
    from ..runtime.folders import KINDS, cache_root, clear_all, sizes

    typer.echo(cache_root())
    found = sizes()
    for kind, size in found.items():
        typer.echo(f"{size / 1e6:10,.1f} MB  {kind:10}{KINDS[kind]}")
    if clear:
        typer.echo(f"{clear_all() / 1e6:10,.1f} MB  deleted")
    else:
        typer.echo(f"{sum(found.values()) / 1e6:10,.1f} MB  in all")


def doctor() -> None:
    """List the tools and libraries found; exit code 2 if one that `sim` needs is missing.

    Example: `maccord doctor`
    """
    from ..sim.doctor import findings

    found = findings()
    width = max(len(finding.name) for finding in found) + 2
    for finding in found:
        typer.echo(f"{finding.verdict:8}{finding.name:{width}}{finding.said}")
    raise typer.Exit(2 if any(finding.verdict == "missing" for finding in found) else 0)


def compare(
    before: Annotated[Path, typer.Argument(help="Baseline: JSON results of `maccord sim`.")],
    after: Annotated[Path, typer.Argument(help="JSON results to compare with it.")],
) -> None:
    """Compare two runs: cycles per layer, and the settings in which the runs differ.

    Exit code 1 if a run in the second file has mismatches that the first does not have.

    Example: `maccord compare before.json after.json`
    """
    from ..sim.differences import compared

    lines, worse = compared(before, after)
    for line in lines:
        typer.echo(line)
    raise typer.Exit(int(worse))
