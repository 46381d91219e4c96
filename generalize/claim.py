"""The answer of a run, in words: does lower precision close the gap, and is flatness its sign.

Every sentence follows from rows and their intervals; what contradicts the claim has a list of its
own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..nets.corruptions.tables import KINDS
from .evaluate import CORRUPTED
from .measures import MEASURES
from .pool import precision
from .request import GeneralizeRequest
from .rows import POOL, Row, Rows

__all__ = ["Claim", "claim"]

_FLOAT = "FP32"
_ENOUGH = 8  # settings, for an interval over them
_UNCLEAR = "does nothing beyond its interval at"
_AWARE = tuple(name for name in MEASURES if "mag" in name)


@dataclass(frozen=True)
class Claim:
    """The answer.

    Parameters
    ----------
    text : str
        Some sentences, for the console and the head of the report.
    evidence : tuple of str
        One sentence for each figure that it rests on.
    against : tuple of str
        What contradicts QGen's claim here.
    """

    text: str
    evidence: tuple[str, ...]
    against: tuple[str, ...]


def claim(request: GeneralizeRequest, rows: Rows) -> Claim:
    """Return the answer of a run's rows."""
    lower = [precision(bits) for bits in request.bits[1:]]
    clean = [(bits, rows.get(POOL, bits, "clean", "gap-fp32")) for bits in lower]
    setting = request.shown[0].setting
    corrupted = [(bits, rows.get(setting, bits, CORRUPTED, "float_gap-fp32")) for bits in lower]
    text = " ".join(
        [
            *_few(request),
            _closes("On clean images lower precision", clean),
            _closes("On corrupted images (mean over all levels) it", corrupted),
            *_counted(rows, setting, lower),
            _flatness(rows, lower),
        ]
    )
    evidence = [*_gaps(rows, lower), *_integer(request, rows), *_correlated(rows)]
    return Claim(text, tuple(evidence), tuple(_against(request, rows, lower)))


def _few(request: GeneralizeRequest) -> Iterator[str]:
    """Warn where the pool is too small for intervals over it."""
    count = len({member.setting for member in request.members})
    if count < _ENOUGH:
        yield f"With {count} settings, intervals over the pool say little."


def _counted(rows: Rows, setting: str, lower: list[str]) -> Iterator[str]:
    """Count levels of corruption, as a mean can be that of one severe level."""
    parts = []
    for bits in lower:
        found = [
            row
            for row in rows.rows
            if (row.setting, row.precision, row.metric) == (setting, bits, "float_gap-fp32")
            and row.data.partition(":")[0] in KINDS
        ]
        if found:
            smaller, larger = (
                sum(row.high < 0 for row in found),
                sum(row.low > 0 for row in found),
            )
            parts.append(f"{bits} smaller at {smaller}, larger at {larger} of {len(found)}")
    if parts:
        yield f"Level by level, beyond intervals, the gap is at {_listed(parts)}."


def _number(row: Row, *, signed: bool = True) -> str:
    form = "{:+.3f}" if signed else "{:.3f}"
    value, low, high = (form.format(x) for x in (row.value, row.low, row.high))
    return f"{value} ({low} to {high})"


def _closes(what: str, found: list[tuple[str, Row | None]]) -> str:
    """Say at which precisions the gap is smaller, larger, or neither beyond its interval."""
    there = [(bits, row) for bits, row in found if row is not None]
    if not there:
        return f"{what} was not judged."
    smaller = [bits for bits, row in there if row.high < 0]
    larger = [bits for bits, row in there if row.low > 0]
    unclear = [bits for bits, row in there if row.low <= 0 <= row.high]
    parts = []
    for verb, names in (
        ("closes the gap at", smaller),
        ("widens it at" if smaller else "widens the gap at", larger),
        (_UNCLEAR, unclear),
    ):
        if names:
            by = "" if names is unclear else " by"
            listed = [f"{bits}{by} {_number(row)}" for bits, row in there if bits in names]
            parts.append(f"{verb} {_listed(listed)}")
    return f"{what} {_listed(parts)}."


def _listed(parts: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def _flatness(rows: Rows, lower: list[str]) -> str:
    """Say whether the measures of flatness predict the gap over all networks of the pool."""
    found = {name: rows.get(POOL, "all", "clean", f"kendall:{name}") for name in MEASURES}
    there = {name: row for name, row in found.items() if row is not None}
    if not there:
        return "Flatness was not measured."
    rising = [name for name, row in there.items() if row.low > 0]
    falling = [name for name, row in there.items() if row.high < 0]
    total = len(there)
    if not rising:
        verdict = "Flatness is not its sign here"
    elif len(rising) == total:
        verdict = "Flatness is its sign here"
    else:
        verdict = "Flatness is its sign here only by some measures"
    counts = [f"{len(rising)} of {total} measures rise with the gap beyond doubt"]
    if falling:
        counts.append(f"{len(falling)} fall with it")
    flatter = []
    for bits in lower:
        row = rows.get(POOL, bits, "clean", "sharpness-mag-orig-fp32")
        if row is not None and row.high < 0:
            flatter.append(bits)
    of = _listed(flatter) if flatter else "no precision"
    return (
        f"{verdict}: over the pool, {' and '.join(counts)} (Kendall); magnitude-aware sharpness is "
        f"lower than FP32's at {of}."
    )


def _gaps(rows: Rows, lower: list[str]) -> Iterator[str]:
    for bits in [_FLOAT, *lower]:
        gap, train, test = (
            rows.get(POOL, bits, "clean", metric) for metric in ("gap", "train_loss", "test_loss")
        )
        if gap and train and test:
            yield (
                f"{bits}: mean gap {_number(gap, signed=False)}, of a test loss of "
                f"{_number(test, signed=False)} and a training loss of "
                f"{_number(train, signed=False)}."
            )


def _integer(request: GeneralizeRequest, rows: Rows) -> Iterator[str]:
    setting = request.shown[0].setting
    for bits in map(precision, request.bits):
        row = rows.get(setting, bits, "clean", "integer_gap-float")
        corrupted = rows.get(setting, bits, CORRUPTED, "integer_gap-float")
        if row:
            more = f", on corrupted images {_number(corrupted)}" if corrupted else ""
            yield (
                f"True integers, {bits}: the integer network's gap differs from the float "
                f"network's by {_number(row)} on clean images{more}."
            )


def _correlated(rows: Rows) -> Iterator[str]:
    for name in (*MEASURES, "l2", "l2-distance"):
        row = rows.get(POOL, "all", "clean", f"kendall:{name}")
        if row:
            yield f"Kendall's tau of {name} with the gap, all networks: {_number(row)}."


def _against(request: GeneralizeRequest, rows: Rows, lower: list[str]) -> Iterator[str]:
    """Sentences that contradict that lower precision generalizes better by being flatter."""
    setting = request.shown[0].setting
    for bits in lower:
        gap = rows.get(POOL, bits, "clean", "gap-fp32")
        test = rows.get(POOL, bits, "clean", "test_loss-fp32")
        train = rows.get(POOL, bits, "clean", "train_loss-fp32")
        if gap and gap.low > 0:
            yield f"{bits} widens the gap on clean images: {_number(gap)}."
        if test and test.low > 0:
            yield f"{bits} raises the test loss itself: {_number(test)}."
        if gap and train and test and gap.high < 0 and train.low > 0 and test.value > 0:
            yield (
                f"The gap of {bits} closes because its training loss rises ({_number(train)}) "
                "by more than its test loss: it fits less rather than generalizes better."
            )
        worse = _levels_against(rows, setting, bits)
        if worse:
            yield worse
        for name in _AWARE:
            row = rows.get(POOL, bits, "clean", f"{name}-fp32")
            if row and row.low > 0:
                yield f"{bits} is sharper than FP32 by {name}: {_number(row)}."
    for name in MEASURES:
        row = rows.get(POOL, "all", "clean", f"kendall:{name}")
        if row and row.high < 0:
            yield f"{name} is smaller where the gap is larger: Kendall's tau {_number(row)}."
    for bits in [_FLOAT, *lower]:
        within = [rows.get(POOL, bits, "clean", f"kendall:{name}") for name in MEASURES]
        if within and all(row and row.low <= 0 for row in within):
            yield f"Within {bits} no measure predicts the gap: each interval holds 0 or less."


def _levels_against(rows: Rows, setting: str, bits: str) -> str:
    changes = [
        row
        for row in rows.rows
        if (row.setting, row.precision, row.metric) == (setting, bits, "float_gap-fp32")
        and row.data not in ("clean", CORRUPTED)
    ]
    wider = [row for row in changes if row.low > 0]
    if not wider:
        return ""
    worst = max(wider, key=lambda row: row.value)
    return (
        f"{bits} widens the gap at {len(wider)} of {len(changes)} levels, most at {worst.data}: "
        f"{_number(worst)}."
    )
