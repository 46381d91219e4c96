"""The answer of a run, in words: does lower precision close the gap, and is flatness its sign.

Every sentence follows from rows and their intervals; what contradicts the claim has a list of its
own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from ..nets.corruptions.tables import KINDS
from .evaluate import CORRUPTED, WITHIN
from .measures import MEASURES
from .pool import precision
from .request import GeneralizeRequest
from .rows import POOL, Row, Rows

__all__ = ["Claim", "claim"]

_FLOAT = "FP32"
_ENOUGH = 8  # settings, for an interval over them
_SMALLEST = 2 / 2**15  # step of the search, `search.find`
_MAIN = "sharpness-mag-orig"  # the measure of which QGen says most
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
    gap = rows.get(POOL, _FLOAT, "clean", "gap")
    harmed = rows.get(setting, _FLOAT, CORRUPTED, "float_gap")
    text = " ".join(
        [
            *_few(request),
            _closes("On clean images lower precision", clean, gap),
            _closes(
                "On corrupted images (one setting, mean over all levels) it", corrupted, harmed
            ),
            *_counted(rows, setting, lower),
            _flatness(rows, lower),
        ]
    )
    evidence = [*_gaps(rows, lower), *_integer(request, rows), *_correlated(rows)]
    evidence += [*_one_setting(request, rows), *_searched(rows)]
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
            middle = median(row.value for row in found)
            counts = f"{bits} smaller at {smaller}, larger at {larger} of {len(found)}"
            parts.append(f"{counts} (median {middle:+.3f})")
    if parts:
        yield f"Level by level, beyond intervals, the gap is at {_listed(parts)}."


def _number(row: Row, *, signed: bool = True) -> str:
    form = "{:+.3f}" if signed else "{:.3f}"
    value, low, high = (form.format(round(x, 3) + 0.0) for x in (row.value, row.low, row.high))
    return f"{value} ({low} to {high})"


def _closes(what: str, found: list[tuple[str, Row | None]], base: Row | None) -> str:
    """Say at which precisions the gap is smaller, larger, or neither beyond its interval."""
    there = [(bits, row) for bits, row in found if row is not None]
    if not there:
        return f"{what} was not judged."
    smaller = [(bits, row) for bits, row in there if row.high < 0]
    larger = [(bits, row) for bits, row in there if row.low > 0]
    unclear = [
        f"{bits} ({row.value:+.3f}, from {row.low:+.3f} to {row.high:+.3f})"
        for bits, row in there
        if row.low <= 0 <= row.high
    ]
    parts = []
    for verb, rows in (("narrows", smaller), ("widens", larger)):
        if rows:
            listed = [f"{bits} by {_size(row)}{_share(row, base)}" for bits, row in rows]
            parts.append(f"{verb} {'it' if parts else 'the gap'} at {_listed(listed)}")
    if unclear:
        parts.append(f"makes no difference beyond its interval at {_listed(unclear)}")
    return f"{what} {_listed(parts)}."


def _size(row: Row) -> str:
    """Return a difference without its sign, and its interval."""
    low, high = sorted((abs(row.low), abs(row.high)))
    return f"{abs(row.value):.3f} ({low:.3f} to {high:.3f})"


def _share(row: Row, base: Row | None) -> str:
    return f", {abs(row.value / base.value):.0%} of FP32's" if base and base.value > 0 else ""


def _listed(parts: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def _flatness(rows: Rows, lower: list[str]) -> str:
    """Say whether flatness is the sign of a smaller gap, over the pool and within its settings.

    Over the pool a measure may follow the networks' size; within a setting, what precision changes.
    """
    over, within = (_predicting(rows, group) for group in ("all", WITHIN))
    if not over[2]:
        return "Flatness was not measured."
    if not within[0]:
        verdict = "Flatness is not the sign of a smaller gap here"
    elif within[0] == within[2]:
        verdict = "Flatness is the sign of a smaller gap here"
    else:
        verdict = "Flatness is the sign of a smaller gap here by some measures only"
    flatter = [bits for bits in lower if _below(rows, bits, f"{_MAIN}-fp32")]
    of = _listed(flatter) if flatter else "no precision"
    rising, falling, total = within
    return (
        f"{verdict}: by Kendall's tau, beyond its interval, {rising} of {total} measures rise with "
        f"the gap and {falling} fall across the precisions of a setting; over all networks "
        f"{over[0]} rise and {over[1]} fall. Magnitude-aware sharpness is below FP32's, beyond its "
        f"interval, at {of}."
    )


def _predicting(rows: Rows, group: str) -> tuple[int, int, int]:
    """How many measures rise with the gap beyond their intervals, how many fall, of how many."""
    found = [rows.get(POOL, group, "clean", f"kendall:{name}") for name in MEASURES]
    there = [row for row in found if row is not None]
    return sum(row.low > 0 for row in there), sum(row.high < 0 for row in there), len(there)


def _below(rows: Rows, bits: str, metric: str) -> bool:
    row = rows.get(POOL, bits, "clean", metric)
    return row is not None and row.high < 0


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


def _one_setting(request: GeneralizeRequest, rows: Rows) -> Iterator[str]:
    setting = request.shown[0].setting
    if any(row.data == CORRUPTED for row in rows.rows):
        yield (
            f"Gaps on corrupted images are of one network a precision, {setting}: their intervals "
            "are over images, and do not hold what another training would change."
        )


def _correlated(rows: Rows) -> Iterator[str]:
    for name in (*MEASURES, "l2", "l2-distance"):
        row, within = (
            rows.get(POOL, group, "clean", f"kendall:{name}") for group in ("all", WITHIN)
        )
        if row and within:
            yield (
                f"Kendall's tau of {name} with the gap: {_number(row)} over all networks, "
                f"{_number(within)} within a setting."
            )


def _searched(rows: Rows) -> Iterator[str]:
    """Count networks that bear no noise at all, whose measures are bounds."""
    for name, what in (("alpha", "worst-case"), ("mag_alpha", "magnitude-aware worst-case")):
        found = [row.value for row in rows.rows if row.metric == name and row.setting != POOL]
        least = sum(value <= _SMALLEST for value in found)
        if least:
            yield (
                f"{least} of {len(found)} networks bear not even the smallest {what} change of "
                f"the search ({_SMALLEST:.1e}): their sharpness is at least what is shown."
            )


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
    l2 = rows.get(POOL, "all", "clean", "kendall:l2")
    strongest = max(
        (
            abs(row.value)
            for name in MEASURES
            if (row := rows.get(POOL, "all", "clean", f"kendall:{name}"))
        ),
        default=0.0,
    )
    if l2 and abs(l2.value) >= strongest > 0:
        yield (
            f"The weights' L2 norm alone follows the gap as closely as any measure of flatness: "
            f"Kendall's tau {_number(l2)}."
        )
    for bits in [_FLOAT, *lower]:
        within = [rows.get(POOL, bits, "clean", f"kendall:{name}") for name in MEASURES]
        if within and all(row and row.low <= 0 for row in within):
            yield (
                f"Among the networks of {bits} no measure rises with the gap beyond its interval."
            )


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
