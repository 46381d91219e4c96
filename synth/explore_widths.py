"""What points for narrow weights gain over those for 8 bits: at equal array, at equal area."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..spec.weight_widths import WIDTHS
from .explore_point import OK, Row

__all__ = ["Gain", "gains", "width_of"]

#: Values of `Gain.at`.
_ARRAY, _AREA = "array", "area"


@dataclass(frozen=True)
class Gain:
    """What a point for narrow weights has over one for 8 bits.

    Parameters
    ----------
    at : str
        ``array``: all other parameters are equal. ``area``: the fastest point of the width that
        takes no more area.
    label, base : str
        Of the point, and of that for 8 bits.
    weight_bits : int
        4 or 2.
    area, frames_per_second, frames_per_area : float
        Of the point, over those of `base`.
    """

    at: str
    label: str
    base: str
    weight_bits: int
    area: float
    frames_per_second: float
    frames_per_area: float


def width_of(row: Row) -> int:
    """Return the width of weights of a point, in bits."""
    return int(row.chosen.get("weight_bits", WIDTHS[0]))


def gains(rows: Sequence[Row], area: str) -> list[Gain]:
    """Compare points for narrow weights with those for 8 bits.

    Parameters
    ----------
    rows : sequence of Row
        Those that are not ``ok`` are left out.
    area : str
        The resource that is compared.

    Returns
    -------
    list of Gain
        By point for 8 bits: at equal array, then at equal area.
    """
    measured = [row for row in rows if row.status == OK and row.resources.get(area)]
    found: list[Gain] = []
    for base in (row for row in measured if width_of(row) == WIDTHS[0]):
        for bits in WIDTHS[1:]:
            narrow = [row for row in measured if width_of(row) == bits]
            same = [row for row in narrow if _array(row) == _array(base)]
            found += [_gain(_ARRAY, row, base, area) for row in same]
            fitting = [row for row in narrow if row.resources[area] <= base.resources[area]]
            if fitting:
                best = max(fitting, key=lambda row: row.frames_per_second)
                found.append(_gain(_AREA, best, base, area))
    return found


def _array(row: Row) -> dict[str, object]:
    return {name: v for name, v in row.chosen.items() if name not in ("weight_bits", "narrow")}


def _gain(at: str, row: Row, base: Row, area: str) -> Gain:
    size = row.resources[area] / base.resources[area]
    speed = row.frames_per_second / base.frames_per_second
    return Gain(at, row.label, base.label, width_of(row), size, speed, speed / size)
