"""XNNPACK's own sum, for hardware that rounds half up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ...golden.kernels.add import add
from ...golden.operations.add import Add
from ...golden.quantization import Quantization

__all__ = ["half_up_sum"]


def half_up_sum(found: npt.NDArray[np.uint8], ends: Sequence[Quantization]) -> Add | None:
    """Return the sum that gives the code of each pair; None if XNNPACK's does not.

    Parameters
    ----------
    found : ndarray of shape (256, 256), uint8
        Code of each pair, by the first input's code.
    ends : (Quantization, Quantization, Quantization)
        Of the two inputs and the sum.
    """
    first, second, output = ends
    codes = np.arange(256, dtype=np.uint8)
    a, b = (np.ascontiguousarray(each) for each in np.meshgrid(codes, codes, indexing="ij"))
    for relu in (False, True):
        operation = Add("sum", (first, second), output, relu, rounding="half_up")
        try:
            if np.array_equal(add(a, b, operation), found):
                return operation
        except ValueError:
            return None
    return None
