"""Average pool of uint8 codes, byte-equal to PyTorch's qnnpack kernels.

After ATen's ``quantized/cpu/AveragePool2d.cpp`` and ``AdaptiveAveragePooling.cpp``, and qnnpack's
``q8avgpool`` and ``q8gavgpool`` micro-kernels: an int32 sum, an fp32 factor, ties to even. With an
output quantization of its own, byte-equal to ONNX Runtime's ``QLinearGlobalAveragePool``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..graph import AvgPool2d

__all__ = ["avg_pool2d", "check_avg_pool2d", "mean_multiplier"]


def mean_multiplier(operation: AvgPool2d) -> np.float32:
    """Factor from the sum of a window's codes to their mean: f(f(s) / f(f(so) * f(count))).

    Where the output's scale so is the input's s, it may differ from f(1 / count): its last bit
    depends on the scale.

    Examples
    --------
    >>> from maccord.golden.graph import Quantization
    >>> mean_multiplier(AvgPool2d("pool", Quantization(0.5, 0), kernel=(2, 2), stride=(2, 2)))
    np.float32(0.25)
    """
    count = np.float32(operation.kernel[0] * operation.kernel[1])
    return np.float32(operation.input.scale) / (np.float32(operation.output.scale) * count)


def check_avg_pool2d(operation: AvgPool2d) -> None:
    """Raise ValueError unless PyTorch supports the window and its padding."""
    for what in ("kernel", "stride"):
        if min(getattr(operation, what)) < 1:
            raise ValueError(
                f"{operation.name}: {what} must be at least 1, got {getattr(operation, what)}"
            )
    for kernel, padding in zip(operation.kernel, operation.padding, strict=True):
        if not 0 <= padding <= kernel // 2:
            raise ValueError(
                f"{operation.name}: padding must be between 0 and half the kernel, "
                f"got {operation.padding}"
            )


def avg_pool2d(x_q: npt.NDArray[np.uint8], operation: AvgPool2d) -> npt.NDArray[np.uint8]:
    """Output codes of an average pool.

    Parameters
    ----------
    x_q : ndarray of shape (N, H, W, C), uint8
    operation : AvgPool2d

    Returns
    -------
    ndarray of shape (N, OH, OW, C), uint8
        clip(rint(f(f(acc) * m)) + zo, 0, 255). acc is the sum of (x_q - z), to which padding
        contributes 0; m is `mean_multiplier`, zo the output's zero point.

    Raises
    ------
    ValueError
        If x_q has another dtype or shape, or PyTorch does not support the window.

    Examples
    --------
    >>> from maccord.golden.graph import Quantization
    >>> x_q = np.array([[3, 1, 2], [0, 7, 5]], np.uint8).reshape(1, 2, 3, 1)
    >>> pool = AvgPool2d("pool", Quantization(1.0, 0), kernel=(2, 2), stride=(1, 1))
    >>> avg_pool2d(x_q, pool).ravel()
    array([3, 4], dtype=uint8)
    """
    check_avg_pool2d(operation)
    if x_q.dtype != np.uint8 or x_q.ndim != 4:
        raise ValueError(f"x_q must be uint8 of shape (N, H, W, C), got {x_q.dtype} {x_q.shape}")
    shape = operation.output_shape(x_q.shape)
    if min(shape[1:3]) < 1:
        raise ValueError(
            f"x_q must be at least as large as the window of {operation.name}, "
            f"got {x_q.shape[1]} x {x_q.shape[2]}"
        )
    acc = x_q.astype(np.int32) - operation.input.zero_point
    for axis in (0, 1):
        acc = _sum_along(acc, 1 + axis, shape[1 + axis], operation, axis)
    rounded = np.rint(acc.astype(np.float32) * mean_multiplier(operation))
    return np.clip(rounded + np.float32(operation.output.zero_point), 0, 255).astype(np.uint8)


def _sum_along(
    acc: np.ndarray, axis: int, outputs: int, operation: AvgPool2d, side: int
) -> np.ndarray:
    """Return window sums along one dimension; called once per dimension."""
    kernel, stride = operation.kernel[side], operation.stride[side]
    padding = operation.padding[side]
    widths = [(0, 0)] * acc.ndim
    widths[axis] = (padding, padding)
    lines = np.moveaxis(np.pad(acc, widths), axis, 0)
    span = (outputs - 1) * stride + 1
    result = lines[:span:stride].copy()
    for tap in range(1, kernel):
        result += lines[tap : tap + span : stride]
    return np.moveaxis(result, 0, axis)
