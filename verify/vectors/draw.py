"""Random codes and quantizations of the recorded calls."""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt

__all__ = ["CODES", "EXTREMES", "PAIRS", "codes", "generator", "image", "scale"]

_SEED = 20130
CODES = np.arange(256, dtype=np.uint8)
EXTREMES = (0, 1, 127, 128, 254, 255)  # zero points
PAIRS = np.stack(np.divmod(np.arange(1 << 16), 256)).astype(np.uint8).reshape(2, 256, 256)

Codes = npt.NDArray[np.uint8]


def generator(name: str) -> np.random.Generator:
    """Random numbers of a case; those of the others do not depend on it."""
    return np.random.default_rng([_SEED, zlib.crc32(name.encode())])


def scale(rng: np.random.Generator, low: float = 0.001, high: float = 0.1) -> float:
    """Draw a scale that fp32 represents, uniform in its logarithm."""
    return float(np.float32(np.exp(rng.uniform(np.log(low), np.log(high)))))


def codes(rng: np.random.Generator, *shape: int) -> Codes:
    """Draw codes."""
    return rng.integers(0, 256, shape, np.uint8)


def image(rng: np.random.Generator, zero_point: int, *shape: int) -> Codes:
    """Draw codes (N, H, W, C), with rows of both extremes and of the zero point."""
    x = codes(rng, *shape)
    for row, code in enumerate((0, 255, zero_point)):
        if row < x.shape[1] - 1:
            x[:1, row] = code
    return x
