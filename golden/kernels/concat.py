"""Concatenation along the channels, byte-equal to PyTorch's ``cat``.

After ATen's ``quantized/cpu/TensorShape.cpp``: the output has the first input's quantization.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..graph import Concat, Quantization
from .quantize import dequantize, quantize_per_tensor

__all__ = ["concat", "rescale_table"]


def rescale_table(source: Quantization, target: Quantization) -> npt.NDArray[np.uint8]:
    """Map each code of the source to the code of the same real value in the target.

    Returns
    -------
    ndarray of shape (256,), uint8
        The identity if the quantizations are equal, else dequantized and quantized codes.

    Examples
    --------
    >>> rescale_table(Quantization(0.5, 0), Quantization(1.0, 10))[:4]
    array([10, 10, 11, 12], dtype=uint8)
    """
    codes = np.arange(256, dtype=np.uint8)
    if source == target:
        return codes
    return quantize_per_tensor(dequantize(codes, source), target)


def concat(inputs: Sequence[npt.NDArray[np.uint8]], operation: Concat) -> npt.NDArray[np.uint8]:
    """Output codes of a concatenation.

    Parameters
    ----------
    inputs : sequence of ndarray of shape (..., C), uint8
        One per input of the operation, equal in all dimensions but the last.
    operation : Concat

    Returns
    -------
    ndarray of shape (..., sum of C), uint8

    Raises
    ------
    ValueError
        If the number, the dtypes or the shapes of the inputs do not fit.

    Examples
    --------
    >>> half, one = Quantization(0.5, 0), Quantization(1.0, 10)
    >>> parts = [np.array([[7]], np.uint8), np.array([[2, 4]], np.uint8)]
    >>> concat(parts, Concat("cat", (one, half), one))
    array([[ 7, 11, 12]], dtype=uint8)
    """
    if len(inputs) != len(operation.inputs):
        raise ValueError(
            f"{operation.name}: number of inputs must be {len(operation.inputs)}, got {len(inputs)}"
        )
    for codes in inputs:
        if codes.dtype != np.uint8:
            raise ValueError(f"{operation.name}: inputs must be uint8, got {codes.dtype}")
    operation.output_shape(*(codes.shape for codes in inputs))
    parts = [
        codes if source == operation.output else rescale_table(source, operation.output)[codes]
        for codes, source in zip(inputs, operation.inputs, strict=True)
    ]
    return np.concatenate(parts, axis=-1)
