"""Number formatting for the report."""

from __future__ import annotations

import math

from .rows import ALL, CLEAN, Row, level_text
from .tables import NAMES

__all__ = ["amount", "ends", "of_images", "one_in", "percent", "place", "points"]

_EVENTS = 0.05  # probability of observing none at the bound of `of_images`


def percent(share: float) -> str:
    """Format a share in percent: two decimals, or as many as distinguish it from 0 % and 100 %.

    Examples
    --------
    >>> [percent(share) for share in (0, 0.12345, 3e-6, 0.99999, 1)]
    ['0 %', '12.35 %', '0.0003 %', '99.999 %', '100 %']
    """
    if share in (0, 1):
        return f"{100 * share:.0f} %"
    for decimals in range(2, 12):
        text = f"{100 * share:.{decimals}f}"
        if 0 < float(text) < 100:
            return f"{text} %"
    return f"{100 * share:g} %"


def points(difference: float) -> str:
    """Format a difference of two shares in percentage points.

    Examples
    --------
    >>> points(-0.3704)
    '-37.04 points'
    """
    return f"{_signed(difference)} points"


def _signed(difference: float) -> str:
    return f"{100 * difference:+.2f}" if round(100 * difference, 2) else "0"


def ends(row: Row) -> str:
    """Format the interval in brackets, in percent; empty if there is none."""
    if math.isnan(row.low):
        return ""
    if "minus" in row.metric:
        return f" [{_signed(row.low)}, {_signed(row.high)}]"
    return f" [{percent(row.low)}, {percent(row.high)}]".replace(" %", "")


def amount(row: Row) -> str:
    """Format a row's figure with its interval: a share in percent, a difference in points."""
    write = points if "minus" in row.metric else percent
    return write(row.value) + ends(row)


def place(perturbation: str, level: float) -> str:
    """Describe a level in words.

    Examples
    --------
    >>> place("awgn", 0.3), place("vertical", 2.0), place("clean", 0.0)
    ('AWGN 0.3', 'vertical occlusion 2', 'clean images')
    >>> place("awgn+vertical:4", 0.3)
    'AWGN 0.3 + vertical:4'
    """
    if perturbation == CLEAN:
        return "clean images"
    if perturbation == ALL:
        return "all levels"
    first, *others = perturbation.split("+")  # in a composition, the level is the first part's
    return " + ".join([f"{NAMES.get(first, first)} {level_text(level)}", *others])


def one_in(share: float) -> str:
    """Format a share above 0 as a ratio.

    Examples
    --------
    >>> one_in(0.0021)
    'one in 476'
    """
    return f"one in {round(1 / share):,}"


def of_images(images: int) -> str:
    """Upper 95 % bound on a share when none of `images` images is affected.

    The bootstrap interval of such a share is [0, 0]; this is the exact bound of the binomial
    distribution.

    Examples
    --------
    >>> of_images(898)
    '0.33 %'
    """
    return percent(1 - _EVENTS ** (1 / images))
