"""The job of a layer by itself, for measurements of the simulation."""

from __future__ import annotations

from ..compiler.network import compile_network
from ..spec.parameters import Parameters
from .job import Job
from .netlist import generated
from .network.task import NetworkRecording

__all__ = ["layer_job"]


def layer_job(recording: NetworkRecording, parameters: Parameters) -> Job:
    """Return the job that simulates a recorded layer, without counter records.

    Parameters
    ----------
    recording : NetworkRecording
        Of one layer.
    parameters : Parameters

    Returns
    -------
    Job
        With the generated netlist; its cycle limit is ten times the estimate.
    """
    compiled = compile_network(recording.network, parameters, records=False)
    (area,) = compiled.areas
    return Job(
        verilog=generated(parameters),
        axi_bytes=parameters.axi_bytes,
        memory=compiled.image(*recording.inputs),
        program=compiled.program_offset,
        outputs=[(area.base, area.size)],
        cycle_limit=10 * compiled.estimate,
    )
