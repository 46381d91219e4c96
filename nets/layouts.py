"""PyTorch's tensor layouts, and how the integer graph, which has images and rows, holds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from ..golden.graph import Conv2d, Layer, Linear
from .int8 import Step
from .unsupported import Unsupported

__all__ = ["Layout", "check_layouts", "image_step", "input_layouts", "pointwise"]

_T = TypeVar("_T", bound=np.generic)

Shape = tuple[int, ...]

_SUMS = ("add", "add_relu", "mul", "mul_relu", "add_scalar", "mul_scalar")
_CLAMPS = ("relu", "relu6", "hardtanh", "clamp")
_ANY_LAYOUT = (
    *(
        *_SUMS,
        *_CLAMPS,
        "clamp_codes",
        "lookup",
        "layer",
        "cat",
        "flatten",
        "reshape",
        "transpose",
        "dequantize",
    ),
)
_SIGNAL_OPS = ("max_pool1d", "avg_pool1d", "adaptive_avg_pool1d", "squeeze")
_WIDTHS = ("kernel_size", "stride", "padding", "dilation", "output_size")
_NEUTRAL = {"padding": 0}  # along the height of 1; for all others 1


class Layout(StrEnum):
    """Order of the dimensions of a PyTorch tensor.

    The graph holds a signal (N, C, L) and a sequence (N, L, C) as images (N, 1, L, C) of height 1.
    """

    ROWS = "NK"
    SIGNAL = "NCL"
    SEQUENCE = "NLC"
    IMAGE = "NCHW"

    def __str__(self) -> str:
        return f"({', '.join(self.value)})"

    def from_graph(self, codes: npt.NDArray[_T]) -> npt.NDArray[_T]:
        """Reorder the elements of a graph's tensor as PyTorch's; the reverse of `to_graph`."""
        if self in (Layout.SIGNAL, Layout.SEQUENCE):
            codes = codes[:, 0]
        if self in (Layout.IMAGE, Layout.SIGNAL):
            codes = np.moveaxis(codes, -1, 1)
        return np.ascontiguousarray(codes)

    def graph_shape(self, shape: Shape) -> Shape:
        """Return the graph's shape of a PyTorch tensor."""
        return self.to_graph(np.empty(shape, np.bool_)).shape

    def to_graph(self, tensor: npt.NDArray[_T]) -> npt.NDArray[_T]:
        """Reorder a PyTorch tensor's elements: channels last, signals and sequences of height 1."""
        if self is Layout.IMAGE:
            tensor = np.moveaxis(tensor, 1, -1)
        elif self is Layout.SIGNAL:
            tensor = np.moveaxis(tensor, 1, -1)[:, None]
        elif self is Layout.SEQUENCE:
            tensor = tensor[:, None]
        return np.ascontiguousarray(tensor)

    @property
    def channel(self) -> int:
        """Dimension of the channels."""
        return self.value.index("K" if self is Layout.ROWS else "C")


def _deciding(step: Step, layers: dict[str, Layer]) -> Layout | None:
    """Return the layout that an operator needs; None if it takes any."""
    if step.op in _SIGNAL_OPS:
        return Layout.SIGNAL
    if step.op == "layer":
        linear = isinstance(layers[step.arguments["name"]], Linear)
        return Layout.SEQUENCE if linear else Layout.SIGNAL
    return None


def input_layouts(
    shapes: Sequence[Shape], steps: Sequence[Step], layers: dict[str, Layer]
) -> dict[str, Layout]:
    """Return the layouts of a network's inputs, by step.

    For three dimensions it depends on the first operator that is not elementwise and reads the
    input: a linear layer reads a sequence, a convolution or pool a signal.

    Parameters
    ----------
    shapes : sequence of tuple of int
        (N, K), (N, C, L), (N, L, C) or (N, C, H, W) of each input.
    steps, layers
        From `importer.import_network`.
    """
    return {
        step.name: _input_layout(shapes[step.arguments.get("position", 0)], step, steps, layers)
        for step in steps
        if step.op == "quantize"
    }


def _input_layout(
    shape: Shape, source: Step, steps: Sequence[Step], layers: dict[str, Layer]
) -> Layout:
    if len(shape) != 3:
        return {2: Layout.ROWS, 4: Layout.IMAGE}[len(shape)]
    swapped, reached = False, {source.name}
    for step in steps:
        if reached.isdisjoint(step.inputs):
            continue
        reached.add(step.name)
        swapped ^= step.op == "transpose"
        found = _deciding(step, layers)
        if found is not None:
            return _SWAPPED[found] if swapped else found
    return Layout.SIGNAL


_SWAPPED = {Layout.SIGNAL: Layout.SEQUENCE, Layout.SEQUENCE: Layout.SIGNAL}


def check_layouts(step: Step, layouts: Sequence[Layout], layer: Layer | None) -> Layout:
    """Return the layout of a step's result, before dimensions are dropped.

    Parameters
    ----------
    step : Step
    layouts : sequence of Layout
        Of the step's inputs.
    layer : Layer, optional
        The step's layer.

    Raises
    ------
    ValueError
        If the inputs differ in layout, or the operator does not work on this one.
    """
    first = layouts[0]
    if len(set(layouts)) > 1:
        got = ", ".join(map(str, layouts))
        raise Unsupported(
            f"{step.name}: inputs of {step.op} must have one layout, got {got}", step.node
        )
    wanted = (Layout.ROWS, Layout.IMAGE)
    if step.op in _SIGNAL_OPS:
        wanted = (Layout.SIGNAL,)
    elif isinstance(layer, Linear):
        wanted = (Layout.ROWS, Layout.SEQUENCE)
    elif isinstance(layer, Conv2d):
        wanted = (Layout.SIGNAL if step.arguments.get("signal") else Layout.IMAGE,)
    elif step.op in _ANY_LAYOUT:
        wanted = tuple(Layout)
    if first not in wanted:
        raise Unsupported(
            f"{step.name}: input of {step.op} must have the layout "
            f"{' or '.join(map(str, wanted))}, got {first}",
            step.node,
        )
    return first


def image_step(step: Step) -> Step:
    """Return a pool of signals as one of images of height 1; other steps unchanged."""
    if step.op not in _SIGNAL_OPS or step.op == "squeeze":
        return step
    arguments = {key: _pair(key, value) for key, value in step.arguments.items()}
    return replace(step, op=step.op.replace("1d", "2d"), arguments=arguments)


def _pair(key: str, value: Any) -> Any:  # noqa: ANN401
    if key not in _WIDTHS or value == []:
        return value
    width = value[0] if isinstance(value, list) else value
    return [_NEUTRAL.get(key, 1), width]


def pointwise(layer: Linear) -> Conv2d:
    """Return the 1 x 1 convolution that a linear layer computes on a sequence."""
    fields: dict[str, Any] = {**vars(layer), "weight": layer.weight[:, :, None, None]}
    return Conv2d(**fields)
