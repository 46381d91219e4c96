"""`maccord regress`: a campaign with its report, or one saved case."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from rich.console import Console

from ...runtime.console import console, waiting
from ...runtime.files import atomic_write, check_writable
from ...runtime.provenance import provenance
from ...synth.tools import YOSYS, find
from ..coverage.run import report_coverage
from .campaign import Campaign, Record, models, run_campaign
from .configurations import CONFIGURATIONS
from .recipe import Recipe, draw
from .shrink import fails, shrunk
from .summary import SCHEMA, Failure, Summary, print_summary, summarize

__all__ = ["check_names", "regress", "run_case"]

_SHRUNK = 3  # failures that are shrunk


def check_names(option: str, names: Sequence[str], known: Sequence[str]) -> None:
    """Raise ValueError if a name is unknown; `option` names where it was given."""
    for name in names:
        if name not in known:
            raise ValueError(f"{option} must be one of {', '.join(known)}, got {name!r}")


def regress(campaign: Campaign) -> int:
    """Run a campaign, shrink what fails, write `regress.json`, print tables.

    Returns
    -------
    int
        1 if a run failed or an exclusion is wrong, 2 if there was nothing to run, else 0.
    """
    out, err = console(), console(stderr=True)
    if campaign.coverage:
        find(YOSYS)
    check_writable("out", "folder", campaign.out, campaign.out / "regress.json")
    _build(campaign, err)
    records: list[Record] = []
    failed = 0
    with waiting(err, "regress: drawing runs", every=10) as say:

        def each(record: Record) -> None:
            nonlocal failed
            records.append(record)
            failed += bool(record.faults)
            say(f"regress: {len(records)} runs, {failed} failed, last seed {record.seed}")

        records = run_campaign(campaign, each)
    failures = [_failure(campaign, record, err) for record in records if record.faults]
    for number, failure in enumerate(failures[:_SHRUNK]):
        failures[number] = _smallest(campaign, failure, err)
    summary = summarize(records, failures, campaign.configurations)
    with atomic_write(campaign.out / "regress.json") as temporary:
        found = {"schema": SCHEMA, **asdict(summary), "provenance": asdict(provenance())}
        temporary.write_text(json.dumps(found, indent=1))
    print_summary(summary, out)
    stale = report_coverage(campaign.out, out) if campaign.coverage else False
    return _code(summary, stale)


def _code(summary: Summary, stale: bool) -> int:
    if summary.failures or summary.wrongly_excluded or stale:
        return 1
    return 0 if summary.starts else 2


def _build(campaign: Campaign, err: Console) -> None:
    with waiting(err, "regress: building models") as say:
        models(campaign.configurations, coverage=campaign.coverage, progress=say)


def _failure(campaign: Campaign, record: Record, err: Console) -> Failure:
    command = f"maccord regress --seed {record.seed} --runs 1"
    command += "".join(f" --configuration '{name}'" for name in campaign.configurations)
    command += "".join(f" --kind {kind}" for kind in campaign.kinds)
    err.print(f"seed {record.seed} failed: {record.faults[0]}", markup=False)
    return Failure(record.seed, record.configuration, record.faults, command)


def _smallest(campaign: Campaign, failure: Failure, err: Console) -> Failure:
    """Shrink a failing run; its file holds the recipe."""
    run = draw(failure.seed, campaign.configurations, campaign.kinds)
    (model,) = models([run["configuration"]], coverage=False).values()
    if not fails(model, run):
        return failure  # it fails only behind the runs of its batch, or in a model that counts
    with waiting(err, f"regress: shrinking seed {failure.seed}"):
        run = shrunk(run, lambda smaller: bool(fails(model, smaller)))
    path = campaign.out / "failures" / f"{failure.seed}.json"
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(run, indent=1))
    return replace(failure, smallest=str(path))


def run_case(path: Path) -> int:
    """Run a saved case, as `regress` writes them for failures; return 1 if it fails.

    Raises
    ------
    ValueError
        If the file is none.
    """
    run = _read_case(path)
    (model,) = models([run["configuration"]], coverage=False).values()
    wrong = fails(model, run)
    out = console()
    for fault in wrong:
        out.print(fault, markup=False)
    out.print(f"{path}: {'failed' if wrong else 'passed'}", markup=False)
    return int(bool(wrong))


def _read_case(path: Path) -> Recipe:
    try:
        run = json.loads(path.read_text())
        check_names("configuration", [run["configuration"]], [*CONFIGURATIONS])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"case must be a file that regress wrote to failures/, got {path}: {error}"
        ) from None
    return run
