"""Runs layers and programs on the generated accelerator in Verilator."""

from __future__ import annotations

from functools import cache

import numpy as np

from maccord.compiler import Schedule, schedule
from maccord.golden.graph import Layer
from maccord.sim.netlist import generated
from maccord.sim.simulate import Job, Result, simulate
from maccord.spec.parameters import Parameters

__all__ = ["CONFIGURATIONS", "TINY", "netlist", "run_layer"]

# The smallest memories, on an array that has depthwise windows
TINY = Parameters(
    rows=9,
    cols=3,
    axi_bytes=8,
    activation_bytes=1 << 11,
    weight_bytes=1 << 10,
    output_bytes=1 << 10,
    accumulators=16,
    line_cells=16,
)

# Not only square, not only powers of two, memories small enough that most layers are tiled
CONFIGURATIONS = {
    "4x4 bus 8": Parameters(
        rows=4,
        cols=4,
        axi_bytes=8,
        activation_bytes=4096,
        weight_bytes=2048,
        output_bytes=1024,
        accumulators=64,
    ),
    "5x3 bus 64": Parameters(
        rows=5,
        cols=3,
        axi_bytes=64,
        activation_bytes=8192,
        weight_bytes=2048,
        output_bytes=2048,
        accumulators=32,
    ),
    "8x8 2 lanes": Parameters(
        rows=8,
        cols=8,
        lanes=2,
        activation_bytes=8192,
        weight_bytes=4096,
        output_bytes=4096,
        accumulators=128,
    ),
    "12x20 10 lanes bus 32": Parameters(
        rows=12,
        cols=20,
        lanes=10,
        axi_bytes=32,
        activation_bytes=16384,
        weight_bytes=16384,
        output_bytes=8192,
        accumulators=256,
    ),
    "32x8": Parameters(
        rows=32,
        cols=8,
        activation_bytes=16384,
        weight_bytes=8192,
        output_bytes=4096,
        accumulators=128,
    ),
}


@cache
def netlist(parameters: Parameters) -> str:
    """Verilog of a configuration, generated once for all processes: it takes seconds."""
    return generated(parameters)


def run_layer(
    layer: Layer, x_q: np.ndarray, parameters: Parameters, **memory: float
) -> tuple[np.ndarray, Result, Schedule]:
    """Schedule and simulate a layer: its output codes, and what was observed."""
    plan = schedule(layer, x_q.shape, parameters)
    job = Job(
        netlist(parameters),
        parameters.axi_bytes,
        plan.image(x_q),
        plan.memory.program,
        [(plan.memory.output, plan.memory.output_bytes)],
        cycle_limit=50 * plan.estimate + 100_000,
        **memory,
    )
    result = simulate(job)
    codes = result.outputs[0] ^ 0x80
    return codes[: np.prod(plan.output_shape)].reshape(plan.output_shape), result, plan
