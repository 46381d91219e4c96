"""The width of a layer's weights, and the check that its codes fit."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..spec.weight_widths import packing

__all__ = ["check_weight_bits"]


def check_weight_bits(name: str, weight: npt.NDArray[np.int8], bits: int) -> None:
    """Refuse a width that there is not, and weights that do not fit theirs.

    Raises
    ------
    ValueError
        With the layer's name, the range, and the codes found.
    """
    try:
        packing(bits)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    if bits == 8 or not weight.size:
        return
    limit = 1 << bits - 1
    low, high = int(weight.min()), int(weight.max())
    if low < -limit or high >= limit:
        raise ValueError(
            f"weights of {name} must be between {-limit} and {limit - 1} for {bits} bits, got "
            f"{low} to {high}"
        )
