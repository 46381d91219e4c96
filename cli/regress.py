"""`maccord regress`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .campaign import Jobs, Scheduler

__all__ = ["regress"]

RUNS = "Runs"


def regress(
    context: typer.Context,
    runs: Annotated[
        int, typer.Option(help="Runs; 0 for no limit but --minutes.", rich_help_panel=RUNS)
    ] = 200,
    seed: Annotated[
        int,
        typer.Option(help="Seed of the first run; the others follow.", rich_help_panel=RUNS),
    ] = 0,
    minutes: Annotated[
        float, typer.Option(help="Begin nothing after so long; 0: no limit.", rich_help_panel=RUNS)
    ] = 0.0,
    configuration: Annotated[
        list[str] | None,
        typer.Option(help="Only this accelerator, e.g. 9x3; repeatable.", rich_help_panel=RUNS),
    ] = None,
    kind: Annotated[
        list[str] | None,
        typer.Option(
            help="Only runs that begin with a layer, a network or a program; repeatable.",
            rich_help_panel=RUNS,
        ),
    ] = None,
    case: Annotated[
        Path | None,
        typer.Option(
            help="Run a shrunk failure, a file of failures/, alone.", rich_help_panel=RUNS
        ),
    ] = None,
    close: Annotated[
        bool,
        typer.Option(
            "--close",
            help="Then runs that may hit open bins of functional coverage.",
            rich_help_panel=RUNS,
        ),
    ] = False,
    coverage: Annotated[
        bool,
        typer.Option("--coverage", help="Count lines and toggles of the RTL: slower, needs Yosys."),
    ] = False,
    out: Annotated[
        Path, typer.Option(help="Folder of results; the same command goes on from there.")
    ] = Path("build/regress"),
    jobs: Jobs = 0,
    scheduler: Scheduler = "processes",
) -> None:
    """Run random layers, networks and programs in RTL, with random memories and disturbances.

    Each run is drawn from its seed: an accelerator, a memory with latency, jitter and stalls, and
    a few starts, some of them aborted, reset in flight, answered with bus errors or wrong. Bytes,
    cycles by cause, status and bus must be as the golden model says, and the last start is always
    legal. With --close, more runs are picked by what is still open of functional coverage, until
    nothing is left. A failure is shrunk to the smallest run that still fails.

    Examples:

        maccord regress --runs 1000 --seed 1

        maccord regress --minutes 60 --runs 0 --coverage --out build/nightly

        maccord regress --seed 4711 --runs 1
    """
    if case is not None:
        _check_alone(context)
    from ..runtime.scheduler import check_scheduler
    from ..verify.regress.campaign import Campaign
    from ..verify.regress.configurations import CONFIGURATIONS
    from ..verify.regress.run import check_names, run_case
    from ..verify.regress.run import regress as run_regress

    for name, value in {"runs": runs, "seed": seed, "jobs": jobs}.items():
        if value < 0:
            raise ValueError(f"{name} must be at least 0, got {value}")
    if not 0 <= minutes < 1e6:
        raise ValueError(f"minutes must be at least 0 and finite, got {minutes:g}")
    if not (runs or minutes):
        raise ValueError("runs must be at least 1 without --minutes, got 0")
    check_names("configuration", configuration or (), [*CONFIGURATIONS])
    check_names("kind", kind or (), ["layer", "network", "program"])
    check_scheduler(scheduler)
    if case is not None:
        raise typer.Exit(run_case(case))
    campaign = Campaign(
        out, seed, runs, minutes, close, tuple(configuration or ()), tuple(kind or ()),
        coverage, scheduler, jobs,
    )  # fmt: skip
    raise typer.Exit(run_regress(campaign))


def _check_alone(context: typer.Context) -> None:
    """Raise ValueError if a case is given with options that it would ignore."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    given = [name for name, source in sources.items() if source and source.name == "COMMANDLINE"]
    if others := ", ".join(f"--{name}" for name in given if name != "case"):
        raise ValueError(f"case must be the only option, since the file says all; got {others}")
