"""Options of commands that run many tasks, in parallel and over a cluster."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["HOW", "Jobs", "Scheduler"]

HOW = "How it is computed"

Jobs = Annotated[
    int,
    typer.Option("--jobs", "-j", help="Processes; 0: one per processor.", rich_help_panel=HOW),
]
Scheduler = Annotated[
    str,
    typer.Option(
        help="`processes` of this computer, or `dask:ADDRESS` for a cluster whose workers share "
        "the same files.",
        rich_help_panel=HOW,
    ),
]
