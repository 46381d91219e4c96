"""The instruction-level machine runs the scheduler's programs and refuses broken ones."""

from __future__ import annotations

import numpy as np
import pytest

from maccord.golden.conv2d import conv2d
from maccord.golden.graph import Conv2d, Layer, Linear, Quantization
from maccord.golden.linear import linear
from maccord.golden.machine import Machine
from maccord.golden.parameters import Parameters
from maccord.golden.schedule import Schedule, schedule

SMALL = {"activation_bytes": 1 << 11, "weight_bytes": 1 << 11, "output_bytes": 1 << 10}
CONFIGURATIONS = [
    Parameters(),
    Parameters(8, 8, accumulators=64, axi_bytes=8, **SMALL),
    Parameters(12, 20, lanes=5, accumulators=32, **{**SMALL, "weight_bytes": 1 << 12}),
    Parameters(4, 2, accumulators=16, axi_bytes=64, **SMALL),
    Parameters(7, 5, lanes=1, accumulators=128, axi_bytes=32, **SMALL),
    Parameters(32, 8, accumulators=64, activation_bytes=1 << 12, weight_bytes=1 << 10),
]


def random_layer(rng: np.random.Generator) -> tuple[Layer, tuple[int, ...]]:
    """A small layer of any geometry, and the shape of its input."""
    if rng.random() < 0.2:
        shape = int(rng.integers(1, 6)), int(rng.integers(1, 200))
        return random_linear(rng, shape[1], int(rng.integers(1, 70))), shape
    kernel = tuple(int(k) for k in rng.integers(1, 5, 2))
    dilation = tuple(int(d) for d in rng.choice([1, 1, 1, 2, 3], 2))
    groups = int(rng.choice([1, 1, 1, 2, 3, 8]))
    channels = groups * int(rng.integers(1, 10))
    outputs = groups * int(rng.integers(1, 12))
    window = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    padding = tuple(int(rng.integers(0, w + 1)) for w in window)
    size = [int(rng.integers(max(w - 2 * p, 1), 16)) for w, p in zip(window, padding, strict=True)]
    layer = random_conv2d(
        rng,
        (outputs, channels // groups, *kernel),
        stride=tuple(int(s) for s in rng.integers(1, 4, 2)),
        padding=padding,
        dilation=dilation,
        groups=groups,
        relu=bool(rng.random() < 0.5),
    )
    return layer, (int(rng.integers(1, 4)), *size, channels)


def _common(rng: np.random.Generator, weight: np.ndarray) -> dict:
    outputs, depth = len(weight), weight[0].size
    return {
        "name": "layer",
        "weight": weight,
        "bias": np.zeros(outputs, np.float32),
        "bias_q": rng.integers(-5000, 5000, outputs).astype(np.int32),
        "weight_scale": np.ones(outputs),
        "multiplier": (rng.uniform(0.3, 2, outputs) / 64 / np.sqrt(depth)).astype(np.float32),
        "input": Quantization(0.1, int(rng.integers(0, 256))),
        "output": Quantization(0.1, int(rng.integers(0, 256))),
    }


def random_conv2d(rng: np.random.Generator, shape: tuple[int, ...], **options: object) -> Conv2d:
    return Conv2d(**_common(rng, rng.integers(-128, 128, shape).astype(np.int8)), **options)


def random_linear(rng: np.random.Generator, inputs: int, outputs: int) -> Linear:
    weight = rng.integers(-128, 128, (outputs, inputs)).astype(np.int8)
    return Linear(**_common(rng, weight), relu=bool(rng.random() < 0.5))


def reference(x_q: np.ndarray, layer: Layer) -> np.ndarray:
    return conv2d(x_q, layer) if isinstance(layer, Conv2d) else linear(x_q, layer)


def run(work: Schedule, x_q: np.ndarray) -> np.ndarray:
    """Run on the machine; check that the output area, and nothing else, was written."""
    images = []
    for poison in (0x5A, 0xA5):
        memory = work.image(x_q)
        area = slice(work.memory.output, work.memory.output + work.memory.output_bytes)
        memory[area] = poison
        before = memory.copy()
        Machine(work.parameters, memory).run(work.memory.program)
        images.append(memory[area].copy())
        memory[area] = before[area]
        np.testing.assert_array_equal(memory, before)
    np.testing.assert_array_equal(*images)  # no byte kept its poison
    memory[area] = images[0]
    return work.output(memory)


@pytest.mark.parametrize("parameters", CONFIGURATIONS, ids=lambda p: p.name)
@pytest.mark.parametrize("seed", range(40))
def test_machine_equals_reference(seed: int, parameters: Parameters) -> None:
    rng = np.random.default_rng(seed)
    layer, shape = random_layer(rng)
    x_q = rng.integers(0, 256, shape).astype(np.uint8)
    work = schedule(layer, shape, parameters)
    np.testing.assert_array_equal(run(work, x_q), reference(x_q, layer))
