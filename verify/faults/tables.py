"""Shares of outcomes: by block, register and bit, and between levels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from .intervals import Estimate, paired_difference, weighted, wilson
from .outcomes import OUTCOMES, Record
from .registers import Register
from .subjects import CLEAN

__all__ = ["Difference", "Share", "by_bit", "by_block", "by_register", "differences", "overall"]

_CRITICAL = ("sdc1", "sdc5", "due")


@dataclass(frozen=True)
class Share:
    """Outcomes of some faults at one level.

    Parameters
    ----------
    level, name : str
        `name`: of the block, the register, or block and bit.
    bits : int
        Of the block or register; 0 if it is not one.
    faults : int
    masked, tolerated, sdc1, sdc5, due : int
    avf : float
        Share of faults that are not masked.
    avf_low, avf_high : float
        Its interval.
    critical : float
        Share with another top-1, an error or no end.
    critical_low, critical_high : float
        Its interval.
    """

    level: str
    name: str
    bits: int
    faults: int
    masked: int
    tolerated: int
    sdc1: int
    sdc5: int
    due: int
    avf: float
    avf_low: float
    avf_high: float
    critical: float
    critical_low: float
    critical_high: float


@dataclass(frozen=True)
class Difference:
    """What a perturbation changes, on the same faults: the share at `level` less that when clean.

    Parameters
    ----------
    level : str
    name : str
        Block; ``all`` for the sum over blocks, weighted by their bits.
    measure : str
        ``avf`` or ``critical``.
    faults : int
        Pairs.
    clean_only, perturbed_only : int
        Faults that count in one of the two alone.
    difference, low, high : float
    """

    level: str
    name: str
    measure: str
    faults: int
    clean_only: int
    perturbed_only: int
    difference: float
    low: float
    high: float


def _share(level: str, name: str, bits: int, records: Sequence[Record], confidence: float) -> Share:
    counts = Counter(record.outcome for record in records)
    of = len(records)
    avf = wilson(of - counts["masked"], of, confidence)
    critical = wilson(sum(counts[name] for name in _CRITICAL), of, confidence)
    return Share(level, name, bits, of, *(counts[o] for o in OUTCOMES), *avf, *critical)


def _grouped(
    records: Iterable[Record], key: Callable[[Record], str]
) -> dict[tuple[str, str], list[Record]]:
    found: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        found.setdefault((record.level, key(record)), []).append(record)
    return found


def by_block(
    records: Sequence[Record], registers: Sequence[Register], confidence: float
) -> list[Share]:
    """Return the outcomes by level and block."""
    bits = Counter[str]()
    for register in registers:
        bits[register.block] += register.bits
    return [
        _share(level, name, bits[name], group, confidence)
        for (level, name), group in _grouped(records, lambda r: r.block).items()
    ]


def by_register(
    records: Sequence[Record], registers: Sequence[Register], confidence: float
) -> list[Share]:
    """Return the outcomes by level and register, of those that were hit."""
    bits = {register.full_name: register.bits for register in registers}
    return [
        _share(level, name, bits[name], group, confidence)
        for (level, name), group in _grouped(records, lambda r: r.register).items()
    ]


def by_bit(records: Sequence[Record], confidence: float) -> list[Share]:
    """Return the outcomes by level, block and bit position, as ``array[7]``."""
    groups = _grouped(records, lambda r: f"{r.block}[{r.bit}]")
    return [_share(level, name, 0, group, confidence) for (level, name), group in groups.items()]


def overall(blocks: Sequence[Share]) -> list[Share]:
    """Return the sum over blocks at each level, weighted by bits: a fault in any bit of all."""
    found = []
    for level in dict.fromkeys(share.level for share in blocks):
        of_level = [share for share in blocks if share.level == level]
        weights = [share.bits for share in of_level]
        counts = [sum(getattr(s, name) for s in of_level) for name in ("faults", *OUTCOMES)]
        avf = weighted([(s.avf, s.avf_low, s.avf_high) for s in of_level], weights)
        critical = weighted(
            [(s.critical, s.critical_low, s.critical_high) for s in of_level], weights
        )
        found.append(Share(level, "all", sum(weights), *counts, *avf, *critical))
    return found


def differences(
    records: Sequence[Record], blocks: Sequence[Share], confidence: float
) -> list[Difference]:
    """Return what each perturbation changes, by block and in sum."""
    bits = {share.name: share.bits for share in blocks}
    clean = {record.fault: record for record in records if record.level == CLEAN}
    found = []
    for measure, counted in (("avf", OUTCOMES[1:]), ("critical", _CRITICAL)):
        for level in dict.fromkeys(r.level for r in records if r.level != CLEAN):
            rows, estimates, weights = [], [], []
            others = [r for r in records if r.level == level]
            for (_, name), group in _grouped(others, lambda r: r.block).items():
                pairs = [(clean[r.fault].outcome in counted, r.outcome in counted) for r in group]
                count = Counter(pairs)
                ours = count[True, True], count[True, False], count[False, True]
                estimate = paired_difference(*ours, count[False, False], confidence)
                rows.append(Difference(level, name, measure, len(group), *ours[1:], *estimate))
                estimates.append(estimate)
                weights.append(bits[name])
            sums = [
                sum(getattr(row, name) for row in rows)
                for name in ("faults", "clean_only", "perturbed_only")
            ]
            total: Estimate = weighted(estimates, weights)
            found += [Difference(level, "all", measure, *sums, *total), *rows]
    return found
