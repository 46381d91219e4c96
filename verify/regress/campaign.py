"""Runs of the regression: in batches, one process for each model, results on disk as they come."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import count
from pathlib import Path

import numpy as np

from ... import compiler, golden, hw, sim, spec, verify
from ...golden.machine.machine import ProgramError
from ...runtime.cache import SIMULATION, digest, sources
from ...runtime.errors import SimulationError
from ...runtime.scheduler import answers, executor
from ...sim.build import Model
from ...sim.netlist import generated
from ..coverage.netlist import netlist_with_sources
from .closing import open_bins, picked
from .configurations import CONFIGURATIONS
from .coverpoints import POINTS
from .facts import facts
from .functional import Hits, sample
from .harness import COVERAGE, Ended, Step, build_harness, play
from .judge import faults
from .recipe import Recipe, draw
from .starts import Start, build

__all__ = ["Campaign", "Record", "code_of_sources", "models", "run_campaign", "run_once"]

BATCH = 20  # runs of one process
_TASKS = 4  # batches that are drawn ahead
_CLOSING = 5  # runs of a batch that aims at open bins
_LOOKED_AT = 10_000  # seeds, for open bins


@dataclass(frozen=True)
class Record:
    """A run's result, one line of `runs.jsonl`.

    Parameters
    ----------
    seed : int
    configuration : str
    kinds : tuple of str
        Of its starts.
    faults : tuple of str
        What was wrong; nothing if all was well.
    refused : str
        Why there was nothing to run: the compiler's or the golden model's sentence.
    cycles : int
        Simulated.
    bins : tuple of (str, str)
        Bins of functional coverage that it hit, each with its coverpoint.
    """

    seed: int
    configuration: str
    kinds: tuple[str, ...]
    faults: tuple[str, ...] = ()
    refused: str = ""
    cycles: int = 0
    bins: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Campaign:
    """What to run.

    Parameters
    ----------
    out : Path
        Folder of the results.
    seed : int
        Of the first run; the others follow.
    runs : int
        0 for no limit.
    minutes : float
        After which no batch is begun; 0 for no limit.
    close : bool
        Whether runs follow that aim at the bins of functional coverage that are still open.
    configurations, kinds : tuple of str
        As for `recipe.draw`.
    coverage : bool
        Whether models count lines and toggles, which makes them several times slower.
    scheduler, jobs
        As for `runtime.scheduler.executor`.
    """

    out: Path
    seed: int = 0
    runs: int = 0
    minutes: float = 0.0
    close: bool = False
    configurations: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    coverage: bool = False
    scheduler: str = "processes"
    jobs: int = 0


@dataclass(frozen=True)
class _Batch:
    seeds: tuple[int, ...]
    campaign: Campaign = field(repr=False)


def code_of_sources() -> str:
    """Hash of all sources that results depend on; other results are not resumed."""
    return digest(sources(compiler, golden, hw, sim, spec, verify, suffixes=SIMULATION))[:16]


def models(
    names: Sequence[str], *, coverage: bool, progress: Callable[[str], None] = lambda text: None
) -> dict[str, Model]:
    """Build the models of configurations, or take them from the cache."""
    found: dict[str, Model] = {}
    for name in names or CONFIGURATIONS:
        parameters = CONFIGURATIONS[name]
        make, options = (netlist_with_sources, COVERAGE) if coverage else (generated, ())
        found[name] = build_harness(
            make(parameters), parameters.axi_bytes, options=options,
            progress=lambda text, name=name: progress(f"{name}: {text}"),
        )  # fmt: skip
    return found


def run_once(model: Model, run: Recipe) -> tuple[list[Start], list[Ended], list[str]]:
    """Build and play one run alone; return its starts, their ends, and what was wrong."""
    starts = build(run)
    ends = play(model, [start.step for start in starts])
    return starts, ends, _faults(starts, ends)


def _faults(starts: Sequence[Start], ends: Sequence[Ended]) -> list[str]:
    return [
        f"start {number}: {fault}"
        for number, (start, found) in enumerate(zip(starts, ends, strict=True))
        for fault in faults(start, found)
    ]


def run_campaign(
    campaign: Campaign, each: Callable[[Record], None] = lambda record: None
) -> list[Record]:
    """Run a campaign, or what is left of it.

    Parameters
    ----------
    campaign : Campaign
    each : callable
        Called with each new record.

    Returns
    -------
    list of Record
        Of all runs in `out`, those of earlier calls too.
    """
    campaign.out.mkdir(parents=True, exist_ok=True)
    records = _kept(campaign)
    begin = time.monotonic()
    path = campaign.out / "runs.jsonl"
    with path.open("a") as file, executor(campaign.scheduler, campaign.jobs) as pool:
        workers = campaign.jobs or getattr(pool, "_max_workers", _TASKS)

        def run(batches: Iterable[_Batch]) -> None:
            for _, found in answers(pool, _run_batch, batches, workers):
                for record in found:
                    file.write(json.dumps(asdict(record)) + "\n")
                    records.append(record)
                    each(record)
                file.flush()

        run(_batches(campaign, {record.seed for record in records}, begin))
        if campaign.close:
            _close(campaign, records, run, begin)
    return records


def _close(
    campaign: Campaign,
    records: list[Record],
    run: Callable[[Iterable[_Batch]], None],
    begin: float,
) -> None:
    """Run seeds behind the campaign's, until no bin is open or none is seen that may hit one.

    Which ones follows from the records before, hence is the same after a kill.
    """
    last = campaign.seed + (campaign.runs or max((r.seed for r in records), default=0) + 1)
    seeds = iter(range(last, last + _LOOKED_AT))
    hits: Hits = Counter(bin_ for r in records if r.seed < last for bin_ in r.bins)
    while wanted := open_bins(hits, campaign.configurations):
        chosen = picked(wanted, seeds, campaign.configurations, campaign.kinds)
        if not chosen or _over(campaign, begin):
            return
        left = [seed for seed in chosen if seed not in {record.seed for record in records}]
        run(
            _Batch(tuple(left[at : at + _CLOSING]), campaign)
            for at in range(0, len(left), _CLOSING)
        )
        for record in records:
            if record.seed in chosen:
                hits.update(record.bins)


def _over(campaign: Campaign, begin: float) -> bool:
    return bool(campaign.minutes) and time.monotonic() - begin > 60 * campaign.minutes


def _kept(campaign: Campaign) -> list[Record]:
    """Return the records in the folder, if they are of these sources; else remove them."""
    settings, path = campaign.out / "settings.json", campaign.out / "runs.jsonl"
    wanted = {"sources": code_of_sources(), "coverage": campaign.coverage}
    wanted |= {"configurations": list(campaign.configurations), "kinds": list(campaign.kinds)}
    same = settings.is_file() and json.loads(settings.read_text()) == wanted
    if not same:
        path.unlink(missing_ok=True)
        for counts in campaign.out.glob("coverage/*.npz"):
            counts.unlink()
        settings.write_text(json.dumps(wanted))
    found: list[Record] = []
    for line in path.read_text().splitlines() if path.is_file() else ():
        try:
            fields = json.loads(line)
        except ValueError:  # cut off by a kill
            continue
        fields["bins"] = tuple((point, name) for point, name in fields["bins"])
        fields |= {name: tuple(fields[name]) for name in ("kinds", "faults")}
        found.append(Record(**fields))
    if same and path.is_file():
        path.write_text("".join(json.dumps(asdict(record)) + "\n" for record in found))
    return found


def _batches(campaign: Campaign, done: set[int], begin: float) -> Iterator[_Batch]:
    last = campaign.seed + campaign.runs if campaign.runs else None
    seeds: list[int] = []
    for seed in count(campaign.seed):
        if (last is not None and seed >= last) or _over(campaign, begin):
            break
        if seed not in done:
            seeds.append(seed)
        if len(seeds) == BATCH:
            yield _Batch(tuple(seeds), campaign)
            seeds = []
    if seeds:
        yield _Batch(tuple(seeds), campaign)


def _run_batch(batch: _Batch) -> list[Record]:
    """Run a batch in a worker: one process of the simulator for each configuration."""
    campaign = batch.campaign
    records: list[Record] = []
    built: dict[str, list[tuple[Recipe, list[Start]]]] = {}
    for seed in batch.seeds:
        run = draw(seed, campaign.configurations, campaign.kinds)
        try:
            built.setdefault(run["configuration"], []).append((run, build(run)))
        except ValueError as refusal:
            records.append(replace(_blank(run), refused=str(refusal)))
        except (AssertionError, ProgramError) as error:
            records.append(replace(_blank(run), faults=(str(error),)))
    for name, runs in built.items():
        (model,) = models([name], coverage=campaign.coverage).values()
        records += _played(name, model, runs, campaign, batch.seeds[0])
    return records


def _blank(run: Recipe) -> Record:
    return Record(
        run["seed"], run["configuration"], tuple(start["kind"] for start in run["starts"])
    )


def _played(
    name: str,
    model: Model,
    runs: Sequence[tuple[Recipe, list[Start]]],
    campaign: Campaign,
    seed: int,
) -> Iterator[Record]:
    steps: list[Step] = [start.step for _, starts in runs for start in starts]
    raw = campaign.out / f"coverage/{name}-{seed}.dat" if campaign.coverage else None
    if raw:
        raw.parent.mkdir(exist_ok=True)
    try:
        ends = iter(play(model, steps, coverage=raw))
    except SimulationError as error:
        for run, _ in runs:
            yield replace(_blank(run), faults=(str(error),))
        return
    if raw:
        _keep_counts(raw, name)
    for run, starts in runs:
        own = [next(ends) for _ in starts]
        wrong = _faults(starts, own)
        hits: Counter[tuple[str, str]] = Counter()
        if not wrong:
            for start, found in zip(starts, own, strict=True):
                hits += sample(POINTS, facts(start, found, name))
        yield replace(
            _blank(run),
            faults=tuple(wrong),
            cycles=sum(end.cycles for end in own),
            bins=tuple(hits),
        )


def _keep_counts(raw: Path, name: str) -> None:
    """Keep the counts of a file of Verilator's, and once the points that they belong to."""
    from ..coverage.points import read_points

    points, counts = read_points(raw)
    where = raw.with_name(f"{name}.points.json")
    if not where.is_file():
        where.write_text(json.dumps([list(asdict(point).values()) for point in points]))
    np.savez_compressed(raw.with_suffix(".npz"), counts=counts)
    raw.unlink()
