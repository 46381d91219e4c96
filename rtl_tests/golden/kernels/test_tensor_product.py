"""Products of two tensors against qnnpack's linear layer, its weights made of codes."""

from __future__ import annotations

import numpy as np
import pytest
from torch_tensors import tensor

from maccord.golden.graph import Quantization
from maccord.golden.kernels.tensor_product import check_tensor_product, tensor_product
from maccord.golden.operations.tensor_product import TensorProduct
from maccord.nets.framework import qnnpack
from maccord.nets.transformer import kernels

pytestmark = pytest.mark.slow  # they call PyTorch


def expected(a_q: np.ndarray, b_q: np.ndarray, operation: TensorProduct) -> np.ndarray:
    """One linear layer for each image and head."""
    images, heads = len(a_q), operation.heads
    output = operation.output.scale, operation.output.zero_point
    width = b_q.shape[3] // heads
    found = np.empty(operation.output_shape(a_q.shape, b_q.shape), np.uint8)
    with qnnpack():
        for image, head in np.ndindex(images, b_q.shape[1] * heads):
            row, number = divmod(head, heads)
            channels = slice(number * width, (number + 1) * width)
            weights = b_q[image, row, :, channels]
            if operation.scores:
                rows, place = a_q[image, row, :, channels], found[image, head]
            else:
                rows, weights, place = a_q[image, head], weights.T, found[image, row, :, channels]
            pair = tensor(rows, operation.inputs[0]), tensor(weights, operation.inputs[1])
            place[:] = kernels.weighted(*pair, operation.factor, *output).int_repr().numpy()
    return found


def random_product(rng: np.random.Generator, heads: int, depth: int, *, scores: bool):
    """Scales whose sums mostly span the output; any zero points of input and output."""
    a, b = np.exp2(rng.uniform(-12, 0, 2))
    factor = float(depth**-0.5) if scores else 1.0
    output = a * b * factor * depth**0.5 * 2.0 ** rng.uniform(4, 9)
    scales = np.float32([a, b, output]).tolist()
    zero_points = (int(rng.integers(256)), 128, int(rng.integers(256)))
    first, second, last = map(Quantization, scales, zero_points)
    return TensorProduct("product", (first, second), last, heads, scores, depth, factor)


def compare(seed: int, tokens: int, others: int, heads: int, width: int, windows: int = 1) -> int:
    """Compare both products of an attention; return how many codes it was."""
    rng = np.random.default_rng([seed, tokens, others, heads, width])
    wide = rng.integers(0, 256, (2, windows, tokens, heads * width), np.uint8)
    keys = rng.integers(0, 256, (2, windows, others, heads * width), np.uint8)
    keys[0, 0, 0] = rng.choice([0, 255], heads * width)
    queries = random_product(rng, heads, width, scores=True)
    scores = tensor_product(wide, keys, queries)
    np.testing.assert_array_equal(scores, expected(wide, keys, queries), str(queries))
    values = random_product(rng, heads, others, scores=False)
    found = tensor_product(scores, keys, values)
    np.testing.assert_array_equal(found, expected(scores, keys, values), str(values))
    assert scores.shape == (2, windows * heads, tokens, others) and found.shape == wide.shape
    return scores.size + found.size


@pytest.mark.parametrize(
    ("tokens", "others", "heads", "width"),
    [(1, 1, 1, 1), (17, 17, 3, 8), (50, 50, 3, 64), (49, 49, 2, 32), (5, 70, 4, 16)],
)
def test_attention(tokens: int, others: int, heads: int, width: int) -> None:
    for seed in range(2):
        compare(seed, tokens, others, heads, width)


def test_windows() -> None:
    """Tokens attend to those of their window only."""
    assert compare(3, 9, 9, 2, 8, windows=4) == 2 * 4 * 9 * (2 * 9 + 2 * 8)


@pytest.mark.nightly
def test_a_million_codes() -> None:
    assert sum(compare(seed, 197, 197, 3, 64) for seed in range(100, 106)) > 1_000_000


def test_the_factor_belongs_to_the_weights() -> None:
    """The scale of the weights is a product in float64, rounded once."""
    operation = random_product(np.random.default_rng(0), 1, 2, scores=True)
    scale = np.float32(operation.inputs[1].scale * 2**-0.5)
    due = (scale * np.float32(operation.inputs[0].scale)) * (
        np.float32(1) / np.float32(operation.output.scale)
    )
    assert check_tensor_product(operation) == due


STEPS, WEIGHTS = Quantization(0.1, 3), Quantization(0.1, 128)


@pytest.mark.parametrize(
    ("inputs", "output", "depth", "sentence"),
    [
        ((STEPS, STEPS), STEPS, 4, "zero point of the second tensor must be 128, got 3"),
        ((STEPS, WEIGHTS), Quantization(1e-30, 0), 4, "sums must stay below 2.* output steps"),
        ((STEPS, WEIGHTS), STEPS, 65794, "sums of 65794 terms must fit int32, got up to 21475"),
        ((STEPS, WEIGHTS), STEPS, 0, "heads and depth must be at least 1, got 1 and 0"),
        (
            (STEPS, Quantization(1e-37, 128)),
            Quantization(1.0, 0),
            1,
            "multiplier must be a normal fp32 number",
        ),
    ],
)
def test_refuses(
    inputs: tuple[Quantization, Quantization], output: Quantization, depth: int, sentence: str
) -> None:
    with pytest.raises(ValueError, match=f"net.product: {sentence}"):
        check_tensor_product(TensorProduct("net.product", inputs, output, 1, True, depth))


@pytest.mark.parametrize(
    ("scores", "a", "b"),
    [
        (True, (1, 1, 5, 8), (1, 1, 5, 9)),
        (True, (1, 2, 5, 8), (1, 1, 5, 8)),
        (True, (2, 1, 5, 8), (1, 1, 5, 8)),
        (False, (1, 2, 5, 4), (1, 1, 5, 8)),
        (False, (1, 1, 5, 4), (1, 1, 4, 8)),
    ],
)
def test_other_shapes_are_refused(scores: bool, a: tuple[int, ...], b: tuple[int, ...]) -> None:
    operation = TensorProduct("net.product", (STEPS, WEIGHTS), STEPS, 2, scores, 4)
    with pytest.raises(ValueError, match=r"net.product: inputs must have shapes \(N, "):
        tensor_product(np.zeros(a, np.uint8), np.zeros(b, np.uint8), operation)


def test_other_types_are_refused() -> None:
    operation = TensorProduct("net.product", (STEPS, WEIGHTS), STEPS, 2, True, 4)
    good = np.zeros((1, 1, 5, 8), np.uint8)
    with pytest.raises(ValueError, match="a_q must be uint8, got int8"):
        tensor_product(good.astype(np.int8), good, operation)
    with pytest.raises(ValueError, match="b_q must be an array of uint8, got list"):
        tensor_product(good, good.tolist(), operation)
