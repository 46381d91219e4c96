"""Classifies a run's cycles by bottleneck: computing, weights, memory, or other."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["BOUNDS", "bound_by", "bounds"]

# The bottleneck for each cause in `maccord.spec.registers.COUNTERS`.
BOUNDS = {
    "compute": ("compute",),
    "weights": ("weights", "array"),
    "memory": ("loads", "stores"),
    "requantizer": ("requantizer",),
    "other": ("control",),
}


def bounds(cycles_by_cause: Mapping[str, int]) -> dict[str, int]:
    """Cycles by bottleneck, in the order and with the names of `BOUNDS`."""
    return {
        name: sum(cycles_by_cause.get(cause, 0) for cause in causes)
        for name, causes in BOUNDS.items()
    }


def bound_by(cycles_by_cause: Mapping[str, int]) -> str:
    """Return the bottleneck, of `BOUNDS`, with the most cycles.

    Examples
    --------
    >>> bound_by({"compute": 5, "weights": 3, "array": 4})
    'weights'
    """
    shares = bounds(cycles_by_cause)
    return max(shares, key=lambda name: shares[name])
