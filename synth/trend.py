"""Changes since the last differing run."""

from __future__ import annotations

from statistics import fmean
from typing import Any

from .results import Synthesis

__all__ = ["changes", "summary_before"]


def summary_before(result: Synthesis, earlier: dict[str, Any] | None) -> dict[str, Any]:
    """Figures of the last run that differed.

    Parameters
    ----------
    result : Synthesis
    earlier : dict, optional
        The JSON that the result will replace.

    Returns
    -------
    dict
        `digest`, `total` and `fmax_mhz`; empty if there is none.
    """
    if earlier is None:
        return {}
    if earlier.get("digest") == result.digest:
        return earlier.get("previous") or {}
    return {name: earlier.get(name) for name in ("digest", "total", "fmax_mhz")}


def changes(result: Synthesis) -> dict[str, float]:
    """Return the relative change of each resource and of the mean fmax since that run.

    Parameters
    ----------
    result : Synthesis

    Returns
    -------
    dict of str to float
        0.1 means 10 % more; resources that were 0 before are omitted.
    """
    before, now = result.previous, result.total
    if not before:
        return {}
    found = {
        name: now.get(name, 0) / amount - 1
        for name, amount in (before.get("total") or {}).items()
        if amount
    }
    if before.get("fmax_mhz") and result.fmax_mhz:
        found["fmax"] = fmean(result.fmax_mhz) / fmean(before["fmax_mhz"]) - 1
    return found
