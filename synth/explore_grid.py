"""The points of a sweep: the Cartesian product of parameter values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import product
from math import prod

from ..spec.parameters import Parameters
from ..spec.weight_widths import WIDTHS

__all__ = ["AXES", "MOST", "Point", "grid", "labels", "values"]

#: Sweepable parameters: the fields of `Parameters`.
AXES = tuple(field.name for field in fields(Parameters))
#: Maximum number of points of a sweep.
MOST = 200
_WORDS = ("family",)
_SWITCHES = ("packed", "product", "lookup", "narrow", "half_up", "gather")
_ANSWERS = {"no": False, "yes": True}
_SHORT = {
    "lanes": "lanes {}", "axi_bytes": "bus {}", "activation_bytes": "act {}",
    "weight_bytes": "wgt {}", "output_bytes": "out {}", "accumulators": "acc {}",
    "line_cells": "line {}", "family": "{}", "packed": "{}", "product": "{}",
    "lookup": "{}", "window_width": "window {}", "narrow": "{}",
    "half_up": "{}", "weight_bits": "W{}", "gather": "{}",
    "row_lanes": "row lanes {}", "row_elements": "rows of {}",
}  # fmt: skip

Value = int | str | bool


@dataclass(frozen=True)
class Point:
    """One configuration of a sweep.

    Parameters
    ----------
    chosen : dict of str to int, str or bool
        Of the parameters that do not have their default, as asked for.
    parameters : Parameters, optional
        None if the values are incompatible.
    reason : str
        Why the values are incompatible.
    """

    chosen: dict[str, Value]
    parameters: Parameters | None
    reason: str = ""

    def value(self, axis: str) -> Value:
        """Value of a parameter; the requested value if the values are incompatible."""
        if self.parameters:
            return getattr(self.parameters, axis)
        default: Value = getattr(Parameters, axis)
        return self.chosen.get(axis, default)


def values(axis: str, text: str) -> tuple[Value, ...]:
    """Parse the values of one axis from a comma-separated list.

    Parameters
    ----------
    axis : str
        One of `AXES`.
    text : str

    Raises
    ------
    ValueError
        If they are no different whole numbers; words for `family`, `no` or `yes` for switches.
    """
    words = [word.strip() for word in text.split(",")]
    if axis in _WORDS:
        kind, legal, read = "names", bool, str
    elif axis in _SWITCHES:
        kind, legal, read = "no or yes, or both", _ANSWERS.__contains__, _ANSWERS.__getitem__
    else:
        kind, legal, read = "whole numbers", str.isdecimal, int
    if not all(legal(word) for word in words):
        raise ValueError(f"{axis} must be {kind}, separated by commas, got {text!r}")
    found: tuple[Value, ...] = tuple(read(word) for word in words)
    if len({*found}) < len(found):
        raise ValueError(f"{axis} must be different values, got {text!r}")
    return found


def grid(base: Mapping[str, Value], axes: Mapping[str, Sequence[Value]]) -> list[Point]:
    """Return every combination, last axis fastest, without duplicate configurations.

    Parameters
    ----------
    base : mapping of str to int or str
        Parameters of all points, unless overridden by an axis.
    axes : mapping of str to sequence
        Values by parameter name.

    Returns
    -------
    list of Point

    Raises
    ------
    ValueError
        If there are more than `MOST`, or a value has no compatible combination.
    """
    count = prod(len(found) for found in axes.values())
    if count > MOST:
        sizes = " x ".join(f"{len(found)} {axis}" for axis, found in axes.items())
        raise ValueError(f"a sweep must have at most {MOST} points, got {count:,} ({sizes})")
    points = [
        _point({**base, **dict(zip(axes, row, strict=True))}) for row in product(*axes.values())
    ]
    _check_values(points, axes)
    first: dict[object, Point] = {}
    for index, point in enumerate(points):
        first.setdefault(point.parameters or index, point)
    return list(first.values())


def _point(chosen: dict[str, Value]) -> Point:
    if chosen.get("weight_bits") in WIDTHS[1:]:
        chosen = {"narrow": True} | chosen
    try:
        return Point(chosen, Parameters(**chosen))  # pyright: ignore[reportArgumentType]
    except ValueError as error:
        return Point(chosen, None, str(error))


def _check_values(points: Sequence[Point], axes: Mapping[str, Sequence[Value]]) -> None:
    """Reject a value without any valid point, which is probably a typing error."""
    for axis, found in axes.items():
        for value in found:
            having = [point for point in points if point.chosen[axis] == value]
            if not any(point.parameters for point in having):
                raise ValueError(having[0].reason)
    if not any(point.parameters for point in points):
        raise ValueError(points[0].reason)


def labels(points: Sequence[Point]) -> list[str]:
    """Return short names that distinguish the points of a sweep.

    Parameters
    ----------
    points : sequence of Point

    Returns
    -------
    list of str
        Rows and columns, and the other parameters that differ between points.

    Examples
    --------
    >>> labels(grid({"rows": 4}, {"cols": (4, 8), "axi_bytes": (8, 16)}))[:2]
    ['4x4 bus 8', '4x4 bus 16']
    """
    differing = [axis for axis in _SHORT if len({_shown(point, axis) for point in points}) > 1]
    return [
        " ".join(
            [f"{point.value('rows')}x{point.value('cols')}"]
            + [_SHORT[axis].format(word) for axis in differing if (word := _shown(point, axis))]
        )
        for point in points
    ]


def _shown(point: Point, axis: str) -> str:
    """Return a value in few characters; nothing for the usual case of lanes and switches."""
    value = point.value(axis)
    if axis == "lanes" and value in (0, point.value("cols")):
        return ""
    if axis == "narrow" and point.value("weight_bits") != WIDTHS[0]:
        return ""
    if axis in _SWITCHES:
        return axis if value else ""
    if isinstance(value, str) or value < 1024 or value % 1024:
        return str(value)
    return f"{value // 1024}K"
