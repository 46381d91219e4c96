"""Regression check against a baseline of resources and clocks of configurations."""

from __future__ import annotations

import json
from pathlib import Path

from .results import Synthesis

__all__ = ["BASELINE", "GROWTH", "baseline", "excesses", "kept"]

BASELINE = Path(__file__).with_name("baseline.json")
#: Maximum relative growth over the baseline figures.
GROWTH = 0.1
_COUNTED = ("dsp", "bram", "lut", "ff")


def baseline(result: Synthesis, path: Path = BASELINE) -> dict[str, float]:
    """Return the baseline figures for a result's target and configuration.

    Parameters
    ----------
    result : Synthesis
    path : Path
        JSON, by target and configuration: resources and, as `mhz`, the clock that every seed must
        reach.

    Returns
    -------
    dict of str to float
        Empty if there are none, e.g. for a single unit.
    """
    if result.unit:
        return {}
    return json.loads(path.read_text()).get(result.target, {}).get(result.configuration, {})


def excesses(result: Synthesis, figures: dict[str, float]) -> list[str]:
    """Report resources that grew by more than `GROWTH`, and seeds that are too slow.

    Parameters
    ----------
    result : Synthesis
    figures : dict of str to float
        As `baseline` gives them.

    Returns
    -------
    list of str
        One sentence each.
    """
    found = []
    for name in _COUNTED:
        if name not in figures:
            continue
        most, taken = figures[name] * (1 + GROWTH), result.total.get(name, 0)
        if taken > most:
            found.append(
                f"{name.upper()} must be at most {most:,.0f}, a tenth more than the "
                f"{figures[name]:,.0f} in the baseline, got {taken:,.0f}"
            )
    found.extend(
        f"seed {run.seed} must reach {figures['mhz']:g} MHz, got {run.fmax_mhz:.1f}"
        for run in result.placements
        if run.fmax_mhz < figures.get("mhz", 0)
    )
    return found


def kept(result: Synthesis, figures: dict[str, float]) -> str:
    """Return a sentence on what was compared with the baseline.

    Parameters
    ----------
    result : Synthesis
    figures : dict of str to float
        From `baseline`, without excesses.

    Returns
    -------
    str
    """
    compared = [f"{figures[name]:,.0f} {name.upper()}" for name in _COUNTED if name in figures]
    text = f"no more than a tenth above what is in the baseline: {', '.join(compared)}"
    if result.placements and "mhz" in figures:
        seeds = ", ".join(str(run.seed) for run in result.placements)
        text += f"; {figures['mhz']:g} MHz reached with seed {seeds}"
    return text
