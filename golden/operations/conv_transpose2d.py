"""Transposed convolution."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

import numpy as np
import numpy.typing as npt

from ..graph import Conv2d

__all__ = ["ConvTranspose2d"]


@dataclass(frozen=True, eq=False)
class ConvTranspose2d(Conv2d):
    """A transposed convolution with requantization: the arithmetic of `Conv2d`, other pixels.

    Parameters
    ----------
    weight : ndarray of shape (O, I / groups, kh, kw), int8
        By output channel, unlike PyTorch's (I, O / groups, kh, kw); not mirrored.
    stride : (vertical, horizontal)
        Rows and columns of the output from an input pixel's place to the next one's.
    padding : (vertical, horizontal)
        Rows and columns that the output lacks at each edge; `end_padding` is not given.
    output_padding : (vertical, horizontal)
        Rows and columns that it has more at its end.
    """

    output_padding: tuple[int, int] = (0, 0)

    @property
    def op(self) -> str:
        """Name of the operator in reports."""
        return "conv_transpose2d"

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, int, int, int]:
        """Shape (N, OH, OW, O) of the output for an input of shape (N, H, W, I)."""
        n, height, width, _ = input_shape
        oh, ow = (
            (size - 1) * self.stride[axis]
            - 2 * self.padding[axis]
            + self.dilation[axis] * (self.weight.shape[2 + axis] - 1)
            + self.output_padding[axis]
            + 1
            for axis, size in enumerate((height, width))
        )
        return n, oh, ow, self.weight.shape[0]

    def macs(self, input_shape: tuple[int, ...]) -> int:
        """Count the multiplications for that input shape: each input with each weight."""
        return prod(input_shape[:3]) * self.weight.size

    def stretched(self, x_q: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Return the input with zeros between its pixels, cut where the padding is negative.

        Parameters
        ----------
        x_q : ndarray of shape (N, H, W, I), uint8

        Returns
        -------
        ndarray of shape (N, (H - 1) * stride + 1 or less, likewise for W, I), uint8
        """
        n, height, width, channels = x_q.shape
        (down, across), (rows, columns) = self.stride, self.mirrored.pads
        shape = n, (height - 1) * down + 1, (width - 1) * across + 1, channels
        wide = np.full(shape, self.input.zero_point, np.uint8)
        wide[:, ::down, ::across] = x_q
        for axis, (before, after) in ((1, rows), (2, columns)):
            kept = range(wide.shape[axis])[max(-before, 0) : wide.shape[axis] - max(-after, 0)]
            wide = wide.take(kept, axis)
        return wide

    @property
    def mirrored(self) -> Conv2d:
        """The convolution of the input with zeros between its pixels; pads may be negative."""
        reach = [d * (k - 1) for d, k in zip(self.dilation, self.weight.shape[2:], strict=True)]
        before = reach[0] - self.padding[0], reach[1] - self.padding[1]
        after = before[0] + self.output_padding[0], before[1] + self.output_padding[1]
        fields = {name: value for name, value in vars(self).items() if name != "output_padding"}
        layer = Conv2d(**fields)
        weight = np.ascontiguousarray(self.weight[:, :, ::-1, ::-1])
        return replace(layer, weight=weight, stride=(1, 1), padding=before, end_padding=after)
