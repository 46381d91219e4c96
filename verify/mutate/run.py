"""`maccord mutate`: draws, builds, plays, proves, reports."""

from __future__ import annotations

import os
import resource
from dataclasses import dataclass
from pathlib import Path

from ...runtime.console import console, waiting
from ...runtime.files import check_writable
from ...runtime.provenance import provenance
from ...runtime.scheduler import check_scheduler, executor
from ...spec.parameters import Parameters
from ...synth.tools import YOSYS, find
from .campaign import prepare
from .equivalence import unobservable
from .programs.shares import SHARES
from .report import print_report, report, write_report
from .score import by_block, judged

__all__ = ["Request", "check", "run"]


@dataclass(frozen=True)
class Request:
    """What the command line asks for; fields as its options."""

    parameters: Parameters
    mutants: int
    seed: int
    blocks: tuple[str, ...]
    share: str
    score: float
    out: Path
    scheduler: str
    jobs: int


def check(request: Request) -> None:
    """Refuse a request that cannot be run.

    Raises
    ------
    ValueError
        With what must be instead.
    ToolchainError
        If Yosys is missing.
    """
    if request.mutants < 1:
        raise ValueError(f"mutants must be at least 1, got {request.mutants}")
    if request.share not in SHARES:
        raise ValueError(f"share must be {' or '.join(SHARES)}, got {request.share!r}")
    if not 0 <= request.score <= 1:
        raise ValueError(f"score must be between 0 and 1, got {request.score:g}")
    if request.seed < 0:
        raise ValueError(f"seed must be at least 0, got {request.seed}")
    check_scheduler(request.scheduler)
    check_writable("out", "folder", request.out, request.out / "mutate.json")
    find(YOSYS)


def run(request: Request) -> int:
    """Run a campaign; return the exit code: 1 if the score is below the one wanted."""
    out, err = console(), console(stderr=True)
    began = _cpu()
    with waiting(err, "drawing mutants") as say:
        campaign = prepare(
            request.parameters, request.share, request.mutants, request.seed, request.blocks,
            request.out,
        )  # fmt: skip
        workers = request.jobs or len(os.sched_getaffinity(0))
        with executor(request.scheduler, request.jobs) as pool:
            campaign.run(
                pool, workers, say, lambda done, count: say(f"{done} of {count} mutants judged")
            )
        outcomes = campaign.results()
        alive = [m for m in campaign.mutants if outcomes[m.number].kill is None]
        say(f"proving {len(alive)} survivors equal")
        equal = unobservable(campaign.design, alive)
    found = judged(campaign.mutants, outcomes, equal)
    summary = report(
        found, by_block(found, campaign.sizes), request.parameters.name, request.share,
        request.seed, _cpu() - began, provenance(None, **find(YOSYS)),
    )  # fmt: skip
    write_report(request.out, summary, found)
    print_report(out, summary)
    out.print(f"Results: {request.out}", soft_wrap=True, markup=False)
    return int(summary.score < request.score)


def _cpu() -> float:
    """CPU seconds of this process and of those it has waited for."""
    own, others = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return sum(usage.ru_utime + usage.ru_stime for usage in (own, others))
