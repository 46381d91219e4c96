"""Layer norm against PyTorch's quantized kernel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch_tensors import tensor

from maccord.golden.graph import Quantization
from maccord.golden.kernels.layer_norm import check_layer_norm, layer_norm
from maccord.golden.operations.layer_norm import LayerNorm
from maccord.golden.row.layer_norm import row_sums
from maccord.nets.framework import qnnpack
from maccord.nets.transformer import kernels

pytestmark = pytest.mark.slow  # they call PyTorch

LENGTHS = (1, 2, 7, 48, 64, 96, 127, 192, 384, 768)
ONE = Quantization(1.0, 0)


def row_codes(rng: np.random.Generator, count: int, length: int) -> np.ndarray:
    """Rows of each kind: uniform, around one code, equal codes, all but equal, two values."""
    uniform = rng.integers(0, 256, (count, length))
    near = np.clip(np.rint(rng.normal(rng.uniform(0, 255), 20, (count, length))), 0, 255)
    equal = np.repeat(rng.integers(0, 256, (count, 1)), length, axis=1)
    odd = np.where(np.arange(length) == 0, equal ^ 1, equal)
    ends = rng.choice([0, 255], (count, length))
    return np.concatenate([uniform, near, equal, odd, ends]).astype(np.uint8)


def random_norm(rng: np.random.Generator, length: int, *, ties: bool) -> LayerNorm:
    """Parameters of any size; with `ties`, powers of two, which make halves of steps likely."""
    ends = [
        Quantization(float(np.float32(np.exp2(rng.uniform(-9, 0)))), int(rng.integers(256)))
        for _ in range(2)
    ]
    gamma = rng.normal(1, 0.5, length).astype(np.float32)
    beta = rng.normal(0, 0.5, length).astype(np.float32)
    if ties:
        ends[1] = replace(ends[1], scale=2.0 ** -int(rng.integers(1, 7)))
        gamma[:] = 2.0 ** rng.integers(-4, 3) * rng.integers(0, 2)
        beta = (rng.integers(-128, 128, length) * ends[1].scale / 2).astype(np.float32)
    eps = float(rng.choice([1e-5, 1e-6, 1e-3, 0.5]))
    return LayerNorm("norm", gamma, beta, eps, *ends)


def expected(x_q: np.ndarray, operation: LayerNorm) -> np.ndarray:
    with qnnpack():
        parameters = map(torch.from_numpy, (operation.gamma, operation.beta))
        output = operation.output.scale, operation.output.zero_point
        rows = tensor(x_q, operation.input)
        return kernels.layer_norm(rows, *parameters, operation.eps, *output).int_repr().numpy()


def compare(seed: int, length: int, codes: int) -> int:
    """Compare some number of codes of rows of a length; return how many it was."""
    rng = np.random.default_rng([seed, length])
    operation = random_norm(rng, length, ties=seed % 2 == 1)
    x_q = row_codes(rng, max(1, codes // (5 * length)), length)
    found = layer_norm(x_q, operation)
    np.testing.assert_array_equal(found, expected(x_q, operation), f"seed {seed}: {operation}")
    return found.size


@pytest.mark.parametrize("length", LENGTHS)
def test_rows(length: int) -> None:
    assert sum(compare(seed, length, 4000) for seed in range(8)) > 10_000


@pytest.mark.nightly
def test_a_million_codes() -> None:
    total = sum(compare(seed, length, 20_000) for length in LENGTHS for seed in range(100, 120))
    assert total > 3_000_000


def test_equal_codes_give_beta() -> None:
    """Variance 0: the mean is exact, so nothing is left of gamma."""
    operation = random_norm(np.random.default_rng(3), 192, ties=False)
    x_q = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 192, axis=1)
    found = layer_norm(x_q, operation)
    np.testing.assert_array_equal(found, expected(x_q, operation))
    steps = np.rint(operation.beta * (np.float32(1) / np.float32(operation.output.scale)))
    due = np.clip(steps + operation.output.zero_point, 0, 255)
    np.testing.assert_array_equal(found, np.tile(due.astype(np.uint8), (256, 1)))


def test_repeating_rows_changes_only_ties_of_the_tail() -> None:
    """What the reference does to rows that are no multiple of 64, seen on one that is."""
    rng = np.random.default_rng(6)
    operation = random_norm(rng, 192, ties=True)
    x_q = row_codes(rng, 100, 192)
    twice = replace(operation, gamma=np.tile(operation.gamma, 2), beta=np.tile(operation.beta, 2))
    found = expected(np.tile(x_q, (1, 2)), twice)
    np.testing.assert_array_equal(found, np.tile(expected(x_q, operation), (1, 2)))


GOOD = LayerNorm("net.norm", np.ones(4, np.float32), np.zeros(4, np.float32), 1e-5, ONE, ONE)
TINY = np.full(4, 1e-40, np.float32)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"gamma": np.ones(4)}, "gamma must be float32, got float64"),
        ({"beta": np.ones(3, np.float32)}, r"must be of one shape, .*got \(4,\) and \(3,\)"),
        ({"beta": TINY}, "beta must be 0 or a normal fp32 number, got 9.99995e-41 of element 0"),
        ({"gamma": TINY * np.inf}, "gamma must be 0 or a normal fp32 number, got inf"),
        ({"eps": 0.0}, r"eps must be between 2\*\*-126 and 1, got 0"),
        ({"output": Quantization(1e-7, 0)}, r"results must stay below 2\*\*31 output steps"),
        ({"input": Quantization(1e-30, 0)}, r"factor of a row must be between 2\*\*-60 and"),
    ],
)
def test_refuses(changed: dict[str, object], sentence: str) -> None:
    check_layer_norm(GOOD)
    with pytest.raises(ValueError, match=f"net.norm: .*{sentence}"):
        check_layer_norm(replace(GOOD, **changed))


def test_refuses_codes() -> None:
    with pytest.raises(ValueError, match=r"net.norm: rows must have 4 elements, got shape \(1, 5"):
        layer_norm(np.zeros((1, 5), np.uint8), GOOD)
    with pytest.raises(ValueError, match="x_q must be uint8, got int64"):
        layer_norm(np.zeros((1, 4), int), GOOD)
    with pytest.raises(ValueError, match="x_q must be an array of uint8, got list"):
        layer_norm([[1, 2, 3, 4]], GOOD)
    with pytest.raises(ValueError, match=r"rows of 1 to 65536 elements, got shape \(3, 0\)"):
        row_sums(np.zeros((3, 0), np.uint8))
