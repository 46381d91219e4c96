"""Shares of outcomes: by block, register and bit, and between levels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from .intervals import Estimate, paired_difference, weighted, wilson
from .outcomes import OUTCOMES, Record
from .registers import Register
from .subjects import CLEAN

__all__ = [
    "ALL",
    "MEAN",
    "Difference",
    "Share",
    "by_bit",
    "by_block",
    "by_register",
    "differences",
    "overall",
]

ALL, MEAN = "all", "mean"
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
        Block; ``all`` for all bits: the mean of the blocks, weighted by their bits; ``mean`` for
        the faults as drawn, with as many of each block.
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
    return _of(level, name, bits, counts, avf, critical)


def _of(
    level: str, name: str, bits: int, counts: Counter[str], avf: Estimate, critical: Estimate
) -> Share:
    masked, tolerated, sdc1, sdc5, due = (counts[outcome] for outcome in OUTCOMES)
    of = masked + tolerated + sdc1 + sdc5 + due
    limits = avf[0], avf[1], avf[2], critical[0], critical[1], critical[2]
    return Share(level, name, bits, of, masked, tolerated, sdc1, sdc5, due, *limits)


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
        counts = Counter({name: sum(getattr(s, name) for s in of_level) for name in OUTCOMES})
        avf = weighted([(s.avf, s.avf_low, s.avf_high) for s in of_level], weights)
        critical = weighted(
            [(s.critical, s.critical_low, s.critical_high) for s in of_level], weights
        )
        found.append(_of(level, ALL, sum(weights), counts, avf, critical))
    return found


def differences(
    records: Sequence[Record], blocks: Sequence[Share], confidence: float
) -> list[Difference]:
    """Return what each perturbation changes: over all bits, in the mean of blocks, by block."""
    bits = {share.name: share.bits for share in blocks}
    clean = {record.fault: record for record in records if record.level == CLEAN}
    groups = _grouped((r for r in records if r.level != CLEAN), lambda r: r.block)
    found = []
    for measure, counted in (("avf", OUTCOMES[1:]), ("critical", _CRITICAL)):
        for level in dict.fromkeys(level for level, _ in groups):
            pairs = {
                name: Counter(
                    (clean[r.fault].outcome in counted, r.outcome in counted) for r in group
                )
                for (of_level, name), group in groups.items()
                if of_level == level
            }
            rows = [_difference(level, n, measure, p, confidence) for n, p in pairs.items()]
            mean = _difference(level, MEAN, measure, sum(pairs.values(), Counter()), confidence)
            value, low, high = weighted(
                [(row.difference, row.low, row.high) for row in rows],
                [bits[row.name] for row in rows],
            )
            found += [replace(mean, name=ALL, difference=value, low=low, high=high), mean, *rows]
    return found


def _difference(
    level: str, name: str, measure: str, pairs: Counter[tuple[bool, bool]], confidence: float
) -> Difference:
    both, clean, perturbed = pairs[True, True], pairs[True, False], pairs[False, True]
    value, low, high = paired_difference(both, clean, perturbed, pairs[False, False], confidence)
    of = sum(pairs.values())
    return Difference(level, name, measure, of, clean, perturbed, value, low, high)
