"""Softmax, layer norm, tokens and rearranged pixels: the instruction-level model equals golden."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tensor_products import alone, random_codes, run_in_machine

from maccord.compiler.copies import _runs
from maccord.compiler.network import compile_network
from maccord.golden.graph import Operation, Quantization
from maccord.golden.operations.layer_norm import LayerNorm
from maccord.golden.operations.rearrange import Rearrange
from maccord.golden.operations.softmax import Softmax
from maccord.golden.operations.tokens import AddConstant, Tokens
from maccord.spec.parameters import Parameters

SMALL = Parameters(
    rows=4, cols=4, axi_bytes=8, activation_bytes=1 << 13, output_bytes=1 << 13, row_lanes=4
)
STEPS = Quantization(0.05, 120)


def _norm(elements: int, rng: np.random.Generator) -> LayerNorm:
    gamma, beta = rng.normal(1, 0.2, (2, elements)).astype(np.float32)
    return LayerNorm("net.op", gamma, beta, 1e-6, STEPS, Quantization(0.03, 131))


def _operations(rng: np.random.Generator) -> dict[str, tuple[Operation, tuple[int, ...]]]:
    constant = rng.integers(0, 256, (1, 2, 9, 5), np.uint8)
    return {
        "softmax": (Softmax("net.op", STEPS, 37), (1, 3, 20, 37)),
        "layer norm": (_norm(41, rng), (1, 1, 50, 41)),
        "layer norm of vectors": (_norm(13, rng), (1, 13)),
        "tokens": (Tokens("net.op", STEPS, constant[0, 0]), (1, 11, 12, 5)),
        "no constant token": (Tokens("net.op", STEPS, constant[0, 0, :0]), (1, 3, 4, 5)),
        "reversed": (Rearrange("net.op", STEPS, _places([[5, 4, 3, 2, 1, 0]])), (1, 2, 3, 7)),
        "merged": (
            Rearrange("net.op", STEPS, _places([[0, 2], [8, 10]], (0, 4, 1, 5))), (1, 4, 4, 6),
        ),
        "anywhere": (
            Rearrange("net.op", STEPS, rng.integers(0, 400, (4, 100, 1))), (1, 20, 20, 9),
        ),
        "sum with a constant": (
            AddConstant("net.op", constant, STEPS, Quantization(0.02, 7), Quantization(0.06, 99)),
            (1, 6, 9, 5),
        ),
    }  # fmt: skip


def _places(first: list[list[int]], parts: tuple[int, ...] = (0,)) -> np.ndarray:
    return np.array(first)[:, :, None] + np.array(parts)


@pytest.mark.parametrize("name", _operations(np.random.default_rng(0)))
def test_operations_equal_the_golden_ones(name: str) -> None:
    rng = np.random.default_rng(3)
    operation, shape = _operations(rng)[name]
    network = alone(operation, shape)
    _, found, golden = run_in_machine(network, SMALL, random_codes(network, rng))
    np.testing.assert_array_equal(found, golden)


@pytest.mark.parametrize("seed", range(5))
def test_runs_are_the_places(seed: int) -> None:
    rng = np.random.default_rng(seed)
    steps = rng.integers(-2, 3, 60)
    places = np.abs(np.cumsum(np.repeat(steps, 3)))
    places[::17] = -1 - places[::17]
    found = np.full(places.shape, -10_000)
    for position, first, step, length in _runs(places):
        index = np.arange(length) * step
        found[position : position + length] = first - index if first < 0 else first + index
    np.testing.assert_array_equal(found, places)


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        (replace(SMALL, row_lanes=0), "net.op: row_lanes must not be 0"),
        (replace(SMALL, row_elements=16), "net.op: row_elements must be at least 37"),
        (replace(SMALL, output_bytes=1024), "output_bytes must be at least 4096 to hold rows"),
    ],
)
def test_hardware_that_is_too_small(parameters: Parameters, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        compile_network(alone(Softmax("net.op", STEPS, 37), (1, 1, 4, 37)), parameters)
