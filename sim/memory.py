"""Timing parameters of the simulated AXI memory."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MemoryModel"]


@dataclass(frozen=True)
class MemoryModel:
    """Timing of the AXI memory.

    Parameters
    ----------
    latency : int
        Cycles from a request to the first response, 2 to 65535.
    stalls : float
        Probability that a channel stalls in a cycle, 0 to 0.9; rounded to 1/256.
    seed : int
        Seed of the stalls.

    Raises
    ------
    ValueError
        If one is out of range.
    """

    latency: int = 30
    stalls: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not 2 <= self.latency <= 65535:
            raise ValueError(f"latency must be between 2 and 65535, got {self.latency}")
        if not 0 <= self.stalls <= 0.9:
            raise ValueError(f"stalls must be between 0 and 0.9, got {self.stalls}")
        if self.stalls and not round(self.stalls * 256):
            raise ValueError(f"stalls must be 0, or at least 1/256 rounded, got {self.stalls}")
        if not 0 <= self.seed < 1 << 32:
            raise ValueError(f"stall_seed must be between 0 and {(1 << 32) - 1}, got {self.seed}")

    def cycle_limit(self, estimate: int, instructions: int) -> int:
        """Cycles after which a program counts as hung, far above its estimate."""
        slower = (1 - min(self.stalls, 0.95)) ** 2
        transfers = instructions * (self.latency + 100)
        return 100_000 + int(20 * (estimate + transfers) / slower)
