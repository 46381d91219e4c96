"""Softmax against PyTorch's quantized kernel."""

from __future__ import annotations

import numpy as np
import pytest
from torch_tensors import tensor

from maccord.golden.graph import Quantization
from maccord.golden.kernels.softmax import check_softmax, softmax
from maccord.golden.operations.softmax import Softmax
from maccord.golden.row.softmax import LARGEST_SUM, exponentials
from maccord.golden.row.softmax import softmax as rows
from maccord.nets.framework import qnnpack
from maccord.nets.transformer import kernels

pytestmark = pytest.mark.slow  # they call PyTorch

CLASSES = (1, 2, 3, 10, 49, 64, 197, 256, 511, 512, 1000, 4095, 4096)


def row_codes(rng: np.random.Generator, count: int, classes: int) -> np.ndarray:
    """Rows of each kind: uniform, around one code, equal codes, one largest code, two values."""
    uniform = rng.integers(0, 256, (count, classes))
    near = np.clip(np.rint(rng.normal(rng.uniform(0, 255), 12, (count, classes))), 0, 255)
    equal = np.repeat(rng.integers(0, 256, (count, 1)), classes, axis=1)
    peak = np.where(np.arange(classes) == rng.integers(0, classes, (count, 1)), 255, equal)
    ends = rng.choice([0, 255], (count, classes))
    return np.concatenate([uniform, near, equal, peak, ends]).astype(np.uint8)


def fitting(x_q: np.ndarray, scale: float) -> np.ndarray:
    """Rows whose sum of exponentials fits 32 bits; PyTorch may end in SIGFPE on others."""
    table = exponentials(scale, x_q.shape[-1]).astype(np.int64)
    steps = 255 - x_q.max(axis=1, keepdims=True).astype(int) + x_q
    return x_q[table[steps].sum(axis=1) <= LARGEST_SUM]


def expected(x_q: np.ndarray, quantization: Quantization) -> np.ndarray:
    with qnnpack():
        return kernels.softmax(tensor(x_q, quantization)).int_repr().numpy()


def compare(seed: int, classes: int, codes: int) -> int:
    """Compare some number of codes of rows of a length; return how many it was."""
    rng = np.random.default_rng([seed, classes])
    scale = float(np.float32(np.exp2(rng.uniform(-13, 2))))
    quantization = Quantization(scale, int(rng.integers(256)))
    x_q = fitting(row_codes(rng, max(1, codes // (5 * classes)), classes), scale)
    found = rows(x_q, exponentials(scale, classes))
    np.testing.assert_array_equal(found, expected(x_q, quantization), str(quantization))
    return found.size


@pytest.mark.parametrize("classes", CLASSES)
def test_rows(classes: int) -> None:
    assert sum(compare(seed, classes, 6000) for seed in range(4)) > 10_000


@pytest.mark.nightly
def test_a_million_codes() -> None:
    total = sum(compare(seed, classes, 20_000) for classes in CLASSES for seed in range(100, 116))
    assert total > 3_000_000


def test_every_scale_of_one_class() -> None:
    """One class has probability 1, which is code 255."""
    found = softmax(np.arange(256, dtype=np.uint8)[:, None], Softmax("s", Quantization(1.0, 0), 1))
    assert found.tolist() == [[255]] * 256


def test_dimensions_before_the_last_are_rows() -> None:
    rng = np.random.default_rng(1)
    x_q = rng.integers(0, 256, (2, 3, 5, 7), np.uint8)
    quantization = Quantization(0.04, 9)
    found = softmax(x_q, Softmax("s", quantization, 7))
    due = expected(x_q.reshape(-1, 7), quantization)
    np.testing.assert_array_equal(found.reshape(-1, 7), due)


def test_equal_codes_of_the_most_classes_that_fit() -> None:
    """4,095 equal codes: the sum is 255 less than 2**32."""
    quantization = Quantization(0.1, 0)
    x_q = np.full((1, 4095), 77, np.uint8)
    found = softmax(x_q, Softmax("s", quantization, 4095))
    np.testing.assert_array_equal(found, expected(x_q, quantization))


@pytest.mark.parametrize("classes", [513, 1024, 4096])
def test_sums_beyond_32_bits_are_refused(classes: int) -> None:
    """PyTorch's kernel wraps there: of 4,096 equal codes to 0, by which it divides."""
    operation = Softmax("net.softmax", Quantization(0.1, 0), classes)
    with pytest.raises(ValueError, match=rf"net.softmax: the largest sum of {classes} exp.*got 42"):
        check_softmax(operation)
    with pytest.raises(ValueError, match="sum of a row's exponentials must be at most 4294967295"):
        rows(np.zeros((1, classes), np.uint8), exponentials(0.1, classes))


def test_refuses() -> None:
    operation = Softmax("net.softmax", Quantization(0.1, 0), 5)
    with pytest.raises(ValueError, match=r"net.softmax: rows must have 5 elements, got shape \(1,"):
        softmax(np.zeros((1, 4), np.uint8), operation)
    with pytest.raises(ValueError, match="x_q must be uint8, got int64"):
        softmax(np.zeros((1, 5), int), operation)
    with pytest.raises(ValueError, match=r"x_q must have at least 1 dimension, got shape \(\)"):
        softmax(np.array(5, np.uint8), operation)
    for function in (lambda x: softmax(x, operation), lambda x: rows(x, exponentials(0.1, 5))):
        with pytest.raises(ValueError, match="x_q must be an array of uint8, got list"):
            function([[1, 2, 3, 4, 5]])
    with pytest.raises(ValueError, match=r"net.s: classes must be between 1 and 65536, got 0"):
        check_softmax(Softmax("net.s", Quantization(0.1, 0), 0))
    with pytest.raises(ValueError, match="table must be uint32 of shape"):
        rows(np.zeros((1, 5), np.uint8), np.zeros(256, int))


@pytest.mark.parametrize(("classes", "last"), [(1, 8388607), (512, 8388607), (513, 8372256)])
def test_the_largest_exponential(classes: int, last: int) -> None:
    """At most 23 bits; for many classes less, rounded to nearest."""
    assert exponentials(0.5, classes)[-1] == last
