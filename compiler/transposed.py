"""Transposed convolutions: an ordinary convolution for each place of an output pixel.

With strides, each row of the output meets only some rows of the kernel: those with the same
remainder by the stride; columns likewise. The outputs of one remainder in either axis are those of
a convolution with these weights and stride 1. They lie `stride` pixels apart in memory, so the
convolutions interleave without a copy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import gcd
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..golden.graph import Conv2d
from ..golden.operations.conv_transpose2d import ConvTranspose2d
from .builder import Builder, View

if TYPE_CHECKING:
    from .plan import Plan

__all__ = ["Phase", "TransposedPlan", "phases"]

_ALIGNMENT = 64


@dataclass(frozen=True, eq=False)
class Phase:
    """The outputs of one remainder.

    Parameters
    ----------
    layer : Conv2d
        With stride 1; its padding may be negative, where it does not read all of the input.
    row, column : int
        Place of its first output.
    """

    layer: Conv2d
    row: int
    column: int


@dataclass(frozen=True, eq=False)
class TransposedPlan:
    """A transposed convolution as convolutions.

    Parameters
    ----------
    operation : ConvTranspose2d
    parts : tuple of (Phase, Plan)
    """

    operation: ConvTranspose2d
    parts: tuple[tuple[Phase, Plan], ...]

    @property
    def stream(self) -> npt.NDArray[np.uint8]:
        """Weights and parameters of all convolutions."""
        return np.concatenate([_padded(plan.stream) for _, plan in self.parts])

    @property
    def estimate(self) -> int:
        """Estimated cycles."""
        return sum(plan.estimate for _, plan in self.parts)

    def emit(self, builder: Builder, sources: tuple[View, ...], weights: int, target: View) -> None:
        """Append the operation's drafts."""
        down, across = self.operation.stride
        for phase, plan in self.parts:
            place = View(
                *(target.offset(0, phase.row, phase.column), target.images),
                height=-(-(target.height - phase.row) // down),
                width=-(-(target.width - phase.column) // across),
                channels=target.channels,
                pitch=across * target.pitch,
                line_pitch=down * target.line,
                image_pitch=target.height * target.line,
            )
            plan.emit(builder, sources, weights, place)
            weights += _padded(plan.stream).size


def _padded(stream: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return a stream's bytes up to a multiple of every bus width."""
    flat = np.ascontiguousarray(stream).reshape(-1)
    return np.pad(flat, (0, -flat.size % _ALIGNMENT))


def phases(operation: ConvTranspose2d, shape: tuple[int, ...]) -> Iterator[Phase]:
    """Yield the convolutions that make up a transposed one.

    Parameters
    ----------
    operation : ConvTranspose2d
    shape : (N, H, W, I)
        Of the input.
    """
    outputs = operation.output_shape(shape)[1:3]
    for row, column in product(*map(range, operation.stride)):
        if row < outputs[0] and column < outputs[1]:
            yield Phase(_convolution(operation, shape, (row, column)), row, column)


def _convolution(
    operation: ConvTranspose2d, shape: tuple[int, ...], place: tuple[int, int]
) -> Conv2d:
    """Return the convolution for the outputs from one place, `stride` apart."""
    outputs = operation.output_shape(shape)[1:3]
    weight = operation.weight
    before: list[int] = []
    behind: list[int] = []
    dilation: list[int] = []
    for axis, first in enumerate(place):
        stride, step = operation.stride[axis], operation.dilation[axis]
        reached = first + operation.padding[axis]
        taps = [k for k in range(weight.shape[2 + axis]) if (reached - k * step) % stride == 0]
        apart = step // gcd(step, stride)
        # Input of the first output under the first of these rows or columns of the kernel
        start = (reached - taps[0] * step) // stride if taps else 0
        count = max(len(taps), 1)
        before.append((count - 1) * apart - start)
        size = -(-(outputs[axis] - first) // stride)
        behind.append(size + (count - 1) * apart - shape[1 + axis] - before[-1])
        dilation.append(apart)
        if taps:
            weight = weight.take(taps[::-1], 2 + axis)
        else:
            weight = np.zeros_like(weight.take([0], 2 + axis))
    return Conv2d(
        name=operation.name,
        weight=np.ascontiguousarray(weight),
        bias=operation.bias,
        bias_q=operation.bias_q,
        weight_scale=operation.weight_scale,
        multiplier=operation.multiplier,
        input=operation.input,
        output=operation.output,
        padding=(before[0], before[1]),
        end_padding=(behind[0], behind[1]),
        dilation=(dilation[0], dilation[1]),
        groups=operation.groups,
        relu=operation.relu,
        limits=operation.limits,
    )
