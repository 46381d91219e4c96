"""Max pools of any size: a chain of windows that the hardware scans.

A maximum over a large window is the maximum over maxima of smaller ones: 13 x 13 is six times
3 x 3. Each pass but the last writes scratch memory, and each scans little more than the input,
because padding is neutral: windows whose elements a neighbour's window has, too, are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from ..golden.graph import MaxPool2d
from ..spec.isa import WINDOW, Mode
from ..spec.parameters import Parameters
from .builder import Builder, View
from .window import MAX_STRIDE, WindowPlan, window_plan
from .window_stream import Window

__all__ = ["PoolChain", "max_pool_plan"]

_ALIGNMENT = 4096
_NO_WEIGHTS = np.zeros((0, 0), np.uint8)


@dataclass(frozen=True)
class Piece:
    """One pass of a max pool along one axis.

    Parameters
    ----------
    kernel, stride : int
        `kernel` is at most `WINDOW`.
    start : int
        First input of the first window; negative where that is padding.
    outputs : int
    """

    kernel: int
    stride: int
    start: int
    outputs: int


@dataclass(frozen=True, eq=False)
class PoolChain:
    """A max pool in several passes.

    Parameters
    ----------
    passes : tuple of WindowPlan
    """

    passes: tuple[WindowPlan, ...]

    @property
    def stream(self) -> npt.NDArray[np.uint8]:
        """No weights."""
        return _NO_WEIGHTS

    @property
    def estimate(self) -> int:
        """Estimated cycles."""
        return sum(plan.estimate for plan in self.passes)

    @property
    def scratch(self) -> int:
        """Bytes of memory for the outputs of all passes but the last, in two turns."""
        return sum(map(self._room, (0, 1)))

    def _room(self, turn: int) -> int:
        sizes = [image.offset(image.images) for image in self._between(0, 0)]
        return -(-max(sizes[turn::2], default=0) // _ALIGNMENT) * _ALIGNMENT

    def _between(self, first: int, second: int) -> Iterator[View]:
        """Yield views of what passes hand on, in turns at two places."""
        for turn, plan in enumerate(self.passes[:-1]):
            (images, _, _, channels), (height, width) = (
                plan.tiling.shape,
                plan.tiling.window.outputs,
            )
            base = second if turn % 2 else first
            yield View(base, images, height, width, channels, channels)

    def emit(self, builder: Builder, sources: tuple[View, ...], weights: int, target: View) -> None:
        """Append the pool's drafts."""
        base = builder.scratch
        between = self._between(base, base + self._room(0))
        ends = [*sources, *between, target]
        for plan, source, result in zip(self.passes, ends[:-1], ends[1:], strict=True):
            plan.emit(builder, (source,), weights, result)


def max_pool_plan(
    operation: MaxPool2d, shape: tuple[int, int, int, int], parameters: Parameters
) -> WindowPlan | PoolChain:
    """Tile a max pool.

    Parameters
    ----------
    operation : MaxPool2d
    shape : (images, height, width, channels)
    parameters : Parameters

    Raises
    ------
    ValueError
        If it has a dilation or a stride that the hardware does not support, or does not fit.
    """
    if operation.dilation != (1, 1):
        raise ValueError(
            f"dilation of a max pool must be 1 to run in hardware, got {operation.dilation}"
        )
    images, height, width, channels = shape
    outputs = operation.output_shape(shape)[1:3]
    axes = [
        _pieces(
            *(operation.kernel[axis], operation.stride[axis] if outputs[axis] > 1 else 1),
            *(operation.padding[axis], size, outputs[axis]),
        )
        for axis, size in enumerate((height, width))
    ]
    passes: list[WindowPlan] = []
    for index in range(max(map(len, axes))):
        vertical, horizontal = (
            pieces[index] if index < len(pieces) else Piece(1, 1, 0, pieces[-1].outputs)
            for pieces in axes
        )
        window = Window(
            *(Mode.MAX, (vertical.kernel, horizontal.kernel)),
            (vertical.stride, horizontal.stride),
            (-vertical.start, -horizontal.start),
            (vertical.outputs, horizontal.outputs),
            *(-128, 0, -128, 127),
        )
        size = images, height, width, channels
        passes.append(window_plan(window, size, None, parameters))
        height, width = window.outputs
    return passes[0] if len(passes) == 1 else PoolChain(tuple(passes))


def _pieces(kernel: int, stride: int, padding: int, size: int, outputs: int) -> list[Piece]:
    """Return the passes along one axis of `size` inputs."""
    strides = _strides(kernel, stride)
    if strides is None:
        raise ValueError(
            f"stride of a max pool must be a product of factors up to {MAX_STRIDE} that its "
            f"window allows, got {stride} with a window of {kernel}"
        )
    pieces: list[Piece] = []
    start = -padding
    for first, step in strides[:-1]:
        rest, ahead = (kernel - first) // step + 1, stride // step
        count = (outputs - 1) * ahead + rest
        low, high = 0, count - 1
        # A window at an edge has no element that its inner neighbour lacks, and every window of
        # the passes to come that has it has that neighbour, too.
        while low < min(rest - 1, high) and start + (low + 1) * step <= 0:
            low += 1
        while high > max(count - rest, low) and start + (high - 1) * step + first >= size:
            high -= 1
        pieces.append(Piece(first, step, start + low * step, high - low + 1))
        kernel, stride, size, start = rest, ahead, high - low + 1, -low
    return [*pieces, Piece(*strides[-1], start, outputs)]


@cache
def _strides(kernel: int, stride: int) -> tuple[tuple[int, int], ...] | None:
    """Windows and strides of the passes that make up a pool; None if there are none.

    A pass by `step` shrinks what the later ones read. Its windows must leave no gaps.

    Examples
    --------
    >>> _strides(5, 1), _strides(8, 8)
    (((3, 1), (3, 1)), ((2, 2), (2, 2), (2, 2)))
    """
    if kernel <= WINDOW:
        return ((kernel, stride),) if stride <= MAX_STRIDE else None
    best = None
    for first in range(WINDOW, 1, -1):
        for step in range(1, first + 1):
            if stride % step or (kernel - first) % step:
                continue
            later = _strides((kernel - first) // step + 1, stride // step)
            if later is not None:
                found = (first, step), *later
                if best is None or _work(found) < _work(best):
                    best = found
    return best


def _work(passes: tuple[tuple[int, int], ...]) -> tuple[int, float]:
    """Sort key: fewest passes, then fewest elements, as parts of the input."""
    left, total = 1.0, 0.0
    for _, stride in passes:
        total += left
        left /= stride * stride
    return len(passes), total
