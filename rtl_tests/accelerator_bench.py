"""Runs layers and programs on the generated accelerator in Verilator."""

from __future__ import annotations

from functools import cache

import numpy as np
from golden_layers import random_conv2d, random_fields

from maccord.golden.conv2d import conv2d
from maccord.golden.graph import Conv2d, Layer, Linear
from maccord.golden.linear import linear
from maccord.golden.parameters import Parameters
from maccord.golden.schedule import Schedule, schedule
from maccord.hw.verilog import generate
from maccord.sim.simulate import Job, Result, simulate

__all__ = ["CONFIGURATIONS", "golden", "netlist", "random_layer", "run_layer"]

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
    """Verilog of a configuration, generated once in a process."""
    return generate(parameters)


def golden(layer: Layer, x_q: np.ndarray) -> np.ndarray:
    """Output codes of the golden model."""
    return conv2d(x_q, layer) if isinstance(layer, Conv2d) else linear(x_q, layer)


def random_layer(rng: np.random.Generator) -> tuple[Layer, tuple[int, ...]]:
    """A small layer of any kind, and an input shape for it."""
    if rng.random() < 0.2:
        outputs, inputs = (int(n) for n in rng.integers(1, 90, 2))
        layer = Linear("random.linear", **random_fields(rng, (outputs, inputs)))
        return layer, (int(rng.integers(1, 3)), inputs)
    kernel = (int(rng.integers(1, 6)), int(rng.integers(1, 6)))
    groups = int(rng.choice([1, 1, 1, 2, 3]))
    depth = int(rng.integers(1, 24))
    dilation = (int(rng.integers(1, 3)), int(rng.integers(1, 3)))
    padding = tuple(int(rng.integers(0, k)) for k in kernel)
    layer = random_conv2d(
        rng,
        groups * int(rng.integers(1, 14)),
        depth,
        kernel,
        groups=groups,
        stride=(int(rng.integers(1, 3)), int(rng.integers(1, 4))),
        padding=padding,
        dilation=dilation,
    )
    size = [
        int(rng.integers(max(1, d * (k - 1) + 1 - 2 * p), d * (k - 1) + 14))
        for k, d, p in zip(kernel, dilation, padding, strict=True)
    ]
    return layer, (int(rng.integers(1, 3)), *size, depth * groups)


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
