"""Transposed convolution against its definition: each input adds the kernel to the output."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from maccord.golden.graph import Quantization
from maccord.golden.kernels.conv_transpose2d import accumulate, conv_transpose2d
from maccord.golden.operations.conv_transpose2d import ConvTranspose2d


def layer(rng: np.random.Generator, channels: int = 3, outputs: int = 4) -> ConvTranspose2d:
    """Make one whose output has no more rows than its input asks for."""
    return ConvTranspose2d(
        "up", rng.integers(-128, 128, (outputs, channels, 3, 2)).astype(np.int8),
        np.zeros(outputs, np.float32), rng.integers(-900, 900, outputs).astype(np.int32),
        np.ones(outputs), np.full(outputs, 0.002, np.float32), Quantization(0.1, 7),
        Quantization(0.2, 120), stride=(2, 3), padding=(1, 0),
    )  # fmt: skip


@pytest.mark.parametrize("extra", [None, (1, 2)])
def test_sums(extra: tuple[int, int] | None) -> None:
    rng = np.random.default_rng(4)
    plain = layer(rng)
    found = replace(plain, output_padding=extra) if extra else plain
    x_q = rng.integers(0, 256, (2, 4, 5, 3), dtype=np.uint8)
    down, right = extra or (0, 0)
    # 4 rows 2 apart and 3 of the kernel, less 1 at both ends; 5 columns 3 apart and 2
    whole = np.zeros((2, 9 + down, 14 + right, 4), np.int64)
    for y in range(4):
        for x in range(5):
            values = x_q[:, y, x].astype(int) - 7
            part = np.einsum("nc,ockl->nklo", values, plain.weight.astype(int))
            whole[:, 2 * y : 2 * y + 3, 3 * x : 3 * x + 2] += part
    expected = whole[:, 1 : 8 + down] + plain.bias_q
    assert np.array_equal(accumulate(x_q, found), expected)
    assert found.output_shape(x_q.shape) == expected.shape
    codes = conv_transpose2d(x_q, found)
    assert codes.dtype == np.uint8
    assert codes.shape == expected.shape
    spread = np.clip(np.rint(expected * np.float64(np.float32(0.002))) + 120, 0, 255)
    assert np.array_equal(codes, spread)


@pytest.mark.parametrize("x_q", [np.zeros((1, 2, 2, 3)), np.zeros((2, 2, 3), np.uint8)])
def test_refuses(x_q: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"x_q must be uint8 of shape \(N, H, W, C\), got "):
        conv_transpose2d(x_q, layer(np.random.default_rng(1)))
