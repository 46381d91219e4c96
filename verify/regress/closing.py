"""Closes functional coverage: picks the seeds whose runs may hit bins that are still open.

What a run computes, what befalls it and how its memory behaves follows from its recipe, without a
simulation. How a wrong program ends does not: such bins are left to runs as they come.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ...compiler.fusion import fused
from .configurations import CONFIGURATIONS
from .coverpoints import POINTS
from .facts import computed, operations
from .functional import Hits, holes, sample
from .harness import Step
from .recipe import Recipe, draw
from .starts import timing
from .subjects import subject
from .verdicts import Verdict

__all__ = ["ROUND", "foreseen", "open_bins", "picked"]

ROUND = 20  # runs that are picked before what they hit is looked at
_TIMES = 2  # runs of a round that aim at the same bin
_SCANNED = 400  # seeds without a pick after which a round ends
#: Coverpoints and crosses of how a program ends.
_ENDING = {
    *("verdict of a random program", "error code", "error code x configuration", "instruction"),
    *("token", "cause of a cycle"),
}
_NO_IMAGE = np.zeros(0, np.uint8)


def open_bins(hits: Hits, configurations: Sequence[str]) -> set[tuple[str, str]]:
    """Return the reachable bins without a hit on these accelerators, or on all."""
    missed = holes(POINTS, hits, configurations or tuple(CONFIGURATIONS))
    return {(point, name) for point, names in missed.items() for name in names}


def foreseen(run: Recipe) -> Hits:
    """Return the bins that a run hits if it ends as planned, as far as its recipe tells."""
    hits: Hits = Counter()
    for number, start in enumerate(run["starts"]):
        known: dict[str, Any] = {
            "configuration": run["configuration"], "kind": start["kind"],
            "disturb": start["disturb"], "outcome": Verdict.LONG.name, "error": None,
            "step": Step(_NO_IMAGE, 0, reset=number == 0, **timing(run["memory"])),
            "opcodes": (), "tokens": (), "counters": {},
            "records": start["records"] if start["kind"] != "program" else None,
        }  # fmt: skip
        if start["kind"] != "program":
            try:
                network, codes = subject(start, CONFIGURATIONS[run["configuration"]])
            except ValueError:
                continue
            network = fused(network)
            known |= operations(start, network)
            if start["disturb"] in ("none", "register accesses"):
                known |= computed(network, codes)
        elif start["program"] != "endless":
            continue
        hits += sample(POINTS, known)
    return hits


def picked(
    wanted: set[tuple[str, str]],
    seeds: Iterator[int],
    configurations: Sequence[str] = (),
    kinds: Sequence[str] = (),
) -> list[int]:
    """Return up to `ROUND` seeds whose runs may hit open bins; none if they are not found soon.

    Parameters
    ----------
    wanted : set of (str, str)
        Open bins.
    seeds : iterator of int
        Those that are looked at, one after the other.
    configurations, kinds : sequence of str
        As for `recipe.draw`.
    """
    aimed: Counter[tuple[str, str]] = Counter()
    left = {bin_ for bin_ in wanted if bin_[0] not in _ENDING}
    found: list[int] = []
    if not left:
        return [seed for seed, _ in zip(seeds, range(ROUND), strict=False)] if wanted else []
    since = 0
    for seed in seeds:
        hits = left & {*foreseen(draw(seed, configurations, kinds))}
        since = 0 if hits else since + 1
        if hits:
            found.append(seed)
            aimed.update(hits)
            left -= {bin_ for bin_ in hits if aimed[bin_] == _TIMES}
        if not left or len(found) == ROUND or since == _SCANNED:
            break
    return found
