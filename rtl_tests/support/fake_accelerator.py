"""The RTL's backend with a false claim about it, for tests that run in other processes."""

from __future__ import annotations

from dataclasses import replace

from maccord.sim.simulate import Job, Result, simulate

__all__ = ["overlapping"]


def overlapping(job: Job) -> Result:
    """Run a job on the RTL, and claim that bursts overlapped."""
    return replace(simulate(job), overlaps=1)
