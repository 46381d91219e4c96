"""Products of PT2E programs: whether the hardware's are XNNPACK's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...golden.graph import Mul
from ...golden.kernels.mul import mul
from ...golden.quantization import Quantization

__all__ = ["is_xnnpacks", "xnnpack_products"]

_A, _B = np.indices((256, 256), np.uint8)


def xnnpack_products(sources: Sequence[Quantization], output: Quantization) -> np.ndarray:
    """Return XNNPACK's products of all pairs of codes: rint(f(acc) * f(f(sa * sb) / f(so))) + zo.

    Returns
    -------
    ndarray of shape (256, 256), uint8
    """
    f, (a, b) = np.float32, sources
    factor = f(a.scale) * f(b.scale) / f(output.scale)
    acc = (_A.astype(np.int32) - a.zero_point) * (_B.astype(np.int32) - b.zero_point)
    codes = np.rint(acc.astype(f) * factor) + f(output.zero_point)
    return codes.clip(0, 255).astype(np.uint8)


def is_xnnpacks(sources: Sequence[Quantization], output: Quantization) -> bool:
    """Whether the hardware, whose factor is qnnpack's, gives XNNPACK's products of all pairs."""
    first, second = sources
    operation = Mul("mul", (first, second), output)
    return np.array_equal(mul(_A, _B, operation), xnnpack_products(sources, output))
