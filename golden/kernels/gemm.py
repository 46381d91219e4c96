"""Exact integer matrix products through BLAS in float32.

A float32 represents every integer up to 2**24. If the magnitudes of a sum's terms add up to no
more than that, every partial sum is exact, in any order of additions, fused or not.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["EXACT", "OFFSET", "exact_slices", "fold_bias", "matmul"]

EXACT = 1 << 24
OFFSET = 128  # subtracted from uint8 codes, for a range of -128..127


def exact_slices(weight: npt.NDArray[np.float32]) -> list[slice]:
    """Split the reduction into slices whose sums are exact in float32.

    Parameters
    ----------
    weight : ndarray of shape (channels, K), float32
        Integers in -128..127.

    Returns
    -------
    list of slice
        Ranges of K, in order. In each, 128 times a channel's sum of magnitudes is at most 2**24,
        for every channel. K <= 1024 always needs just one slice.
    """
    depth = weight.shape[1]
    limit = EXACT // OFFSET
    if depth * OFFSET <= limit:
        return [slice(0, depth)]
    magnitudes = np.abs(weight)
    count = 1
    while True:
        length = -(-depth // count)
        slices = [slice(start, min(start + length, depth)) for start in range(0, depth, length)]
        # sums up to 2**24 are exact here, and a larger one cannot round below the limit
        if all(_largest_sum(magnitudes[:, part]) <= limit for part in slices):
            return slices
        count += 1


def _largest_sum(magnitudes: npt.NDArray[np.float32]) -> float:
    return float((magnitudes @ np.ones(magnitudes.shape[1], np.float32)).max())


def fold_bias(
    weight: npt.NDArray[np.int8], bias_q: npt.NDArray[np.int32], zero_point: int
) -> npt.NDArray[np.int64]:
    """Bias for a sum over ``x_q - 128``: bias_q + (128 - zero_point) * sum of the weights.

    Parameters
    ----------
    weight : ndarray of shape (channels, ...), int8
    bias_q : ndarray of shape (channels,), int32
    zero_point : int
        Zero point of the input, in 0..255.

    Returns
    -------
    ndarray of shape (channels,), int64
    """
    sums = weight.reshape(weight.shape[0], -1).sum(axis=1, dtype=np.int64)
    return bias_q.astype(np.int64) + (OFFSET - zero_point) * sums


def matmul(
    x: npt.NDArray[np.float32],
    weight: npt.NDArray[np.float32],
    slices: list[slice],
    out: npt.NDArray[np.float32],
) -> npt.NDArray[np.float32] | npt.NDArray[np.int64]:
    """Exact product of integers held in float32.

    Parameters
    ----------
    x : ndarray of shape (pixels, K), float32
        Integers in -128..127.
    weight : ndarray of shape (channels, K), float32
        Integers in -128..127.
    slices : list of slice
        From `exact_slices` of the weight.
    out : ndarray of shape (pixels, channels), float32
        Buffer, overwritten.

    Returns
    -------
    ndarray of shape (pixels, channels)
        `out` itself for a single slice, else a new int64 array.
    """
    if len(slices) == 1:
        return np.matmul(x, weight.T, out=out)
    total = np.zeros(out.shape, np.int64)
    for part in slices:
        np.add(
            total, np.matmul(x[:, part], weight[:, part].T, out=out), out=total, casting="unsafe"
        )
    return total
