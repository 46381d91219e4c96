"""The RTL's backend with a false claim, or another netlist, for tests in other processes."""

from __future__ import annotations

from dataclasses import replace

from toy import toy_verilog

from maccord.sim.simulate import Job, Result, simulate

__all__ = ["featureless", "overlapping"]


def overlapping(job: Job) -> Result:
    """Run a job on the RTL, and claim that bursts overlapped."""
    return replace(simulate(job), overlaps=1)


def featureless(job: Job) -> Result:
    """Run a job on a copying machine of the same ports, whose register FEATURES is 0."""
    return simulate(replace(job, verilog=toy_verilog(job.axi_bytes)))
