"""`maccord mutate`: draws, builds, plays, proves, reports."""

from __future__ import annotations

import os
import resource
from dataclasses import dataclass, replace
from pathlib import Path

from ...runtime.console import console, waiting
from ...runtime.files import check_writable
from ...runtime.provenance import provenance
from ...runtime.scheduler import check_scheduler, executor
from ...spec.parameters import Parameters
from ...synth.tools import YOSYS, find
from .argued import argument_of, arguments, stale
from .campaign import prepare
from .hardware import BLOCKS, DOCUMENTED, SMALL, check_blocks
from .programs.shares import SHARES, WHOLE
from .report import print_report, report, write_report
from .score import Tag, by_block, check_numbers, judged

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
    check_numbers(request.mutants, request.score, request.seed, request.jobs)
    if request.share not in SHARES:
        raise ValueError(f"share must be {' or '.join(SHARES)}, got {request.share!r}")
    if request.parameters == SMALL:
        check_blocks(request.blocks, BLOCKS)
    check_scheduler(request.scheduler)
    check_writable("out", "folder", request.out, request.out / "mutate.json")
    find(YOSYS)


def run(request: Request) -> int:
    """Run a campaign; return the exit code: 1 if the score is too low or an argument wrong."""
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
        equal = campaign.prove(say)
    among = [a for a in arguments() if a.configuration in ("", request.parameters.name)]
    found = [
        replace(each, argument=argument_of(each.mutant, among))
        if each.tag == Tag.UNCOVERED
        else each
        for each in judged(campaign.mutants, outcomes, equal)
    ]
    wrong = stale(found, among, all_used=_documented(request)) if request.share == WHOLE else []
    summary = report(
        found, by_block(found, campaign.sizes), request.parameters.name, request.share,
        request.seed, _cpu() - began, provenance(None, **find(YOSYS)), wrong,
    )  # fmt: skip
    write_report(request.out, summary, found)
    print_report(out, summary)
    out.print(f"Results: {request.out}", soft_wrap=True, markup=False)
    return int(summary.score < request.score or bool(wrong))


def _documented(request: Request) -> bool:
    """Tell whether it is the campaign whose survivors `argued.toml` explains."""
    sample = (request.parameters, request.mutants, request.seed, request.blocks)
    return sample == (SMALL, *DOCUMENTED, ())


def _cpu() -> float:
    """CPU seconds of this process and of those it has waited for."""
    own, others = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return sum(usage.ru_utime + usage.ru_stime for usage in (own, others))
