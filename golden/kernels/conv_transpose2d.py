"""Transposed convolution of uint8 codes, byte-equal to PyTorch's qnnpack kernels.

It is a convolution of the input with zeros between its pixels, whose kernel is mirrored: ATen's
``quantized/cpu/qconv.cpp`` scales its sums by the formulas of `conv2d`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ..graph import Conv2d
from ..operations.conv_transpose2d import ConvTranspose2d
from .conv2d import PackedConv2d

__all__ = ["accumulate", "check_conv_transpose2d", "conv_transpose2d"]


def check_conv_transpose2d(layer: ConvTranspose2d) -> None:
    """Raise ValueError unless padding and output padding are PyTorch's."""
    for extra, stride, dilation in zip(
        layer.output_padding, layer.stride, layer.dilation, strict=True
    ):
        if not 0 <= extra < max(stride, dilation):
            raise ValueError(
                f"{layer.name}: output_padding must be below stride or dilation, got "
                f"{layer.output_padding} with {layer.stride} and {layer.dilation}"
            )
    if min(layer.padding) < 0 or layer.end_padding is not None:
        raise ValueError(
            f"{layer.name}: padding must be at least 0 and equal at both ends, "
            f"got {layer.padding} and {layer.end_padding}"
        )


def _plain(layer: ConvTranspose2d) -> Conv2d:
    """Return the convolution of the stretched input, which lacks what negative pads cut."""
    mirrored = layer.mirrored
    (top, bottom), (left, right) = mirrored.pads
    return replace(
        mirrored, padding=(max(top, 0), max(left, 0)), end_padding=(max(bottom, 0), max(right, 0))
    )


def accumulate(x_q: npt.NDArray[np.uint8], layer: ConvTranspose2d) -> npt.NDArray[np.int32]:
    """Accumulators, bias included, int32 of shape (N, OH, OW, O); x_q as in `conv_transpose2d`."""
    return PackedConv2d(_plain(layer)).accumulate(layer.stretched(x_q))


def conv_transpose2d(x_q: npt.NDArray[np.uint8], layer: ConvTranspose2d) -> npt.NDArray[np.uint8]:
    """Output codes of a transposed convolution.

    Parameters
    ----------
    x_q : ndarray of shape (N, H, W, I), uint8
    layer : ConvTranspose2d
        Passed `overflow.verify`.

    Returns
    -------
    ndarray of shape (N, OH, OW, O), uint8

    Raises
    ------
    ValueError
        If x_q has another dtype or shape.
    """
    if x_q.dtype != np.uint8 or x_q.ndim != 4:
        raise ValueError(f"x_q must be uint8 of shape (N, H, W, C), got {x_q.dtype} {x_q.shape}")
    return PackedConv2d(_plain(layer))(layer.stretched(x_q))
