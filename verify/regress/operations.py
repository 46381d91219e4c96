"""Random operations of all kinds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from ...golden.graph import (
    Add,
    AvgPool2d,
    Clamp,
    Concat,
    MaxPool2d,
    Mul,
    Operation,
    Quantization,
    Shuffle,
    Slice,
    Upsample,
)
from ...golden.operations.conv_transpose2d import ConvTranspose2d
from ...golden.operations.slice import Span
from .layers import random_conv2d

__all__ = ["OPERATIONS", "Shape", "cuts", "pair", "random_operation", "random_product"]
__all__ += ["random_quantization"]

Shape = tuple[int, ...]


def random_quantization(rng: np.random.Generator) -> Quantization:
    """Scales within a factor of four, so that every sum is legal."""
    return Quantization(float(np.float32(rng.uniform(0.02, 0.08))), int(rng.integers(256)))


def cuts(rng: np.random.Generator, size: int, most: int) -> Iterator[tuple[int, int]]:
    """Cut a range at random into parts of at most `most`."""
    start = 0
    while start < size:
        length = int(rng.integers(1, min(most, size - start) + 1))
        yield start, length
        start += length


def pair(rng: np.random.Generator, low: int, high: int) -> tuple[int, int]:
    """Two sizes from low to high, both included."""
    first, second = rng.integers(low, high + 1, 2)
    return int(first), int(second)


def _image(rng: np.random.Generator, least: Shape, most: int) -> Shape:
    height, width = (int(rng.integers(low, most + 1)) for low in least)
    return int(rng.integers(1, 4)), height, width, int(rng.integers(1, 50))


def _depthwise(rng: np.random.Generator) -> tuple[Operation, list[Shape]]:
    kernel = pair(rng, 1, 7)
    padding = int(rng.integers(kernel[0])), int(rng.integers(kernel[1]))
    shape = _image(rng, kernel, 16)
    layer = random_conv2d(
        rng,
        (shape[3], 1, *kernel),
        stride=pair(rng, 1, 4),
        padding=padding,
        end_padding=pair(rng, 0, kernel[0]) if rng.random() < 0.4 else None,
        groups=shape[3],
        relu=bool(rng.integers(2)),
        limits=(40, 200) if rng.random() < 0.3 else (0, 255),
    )
    return layer, [shape]


def _max_pool(rng: np.random.Generator) -> tuple[Operation, list[Shape]]:
    kernel = pair(rng, 1, 3)
    kernel = (2, kernel[1]) if kernel == (1, 1) else kernel
    operation = MaxPool2d(
        "pool",
        random_quantization(rng),
        kernel=kernel,
        stride=pair(rng, 1, 4),
        padding=(int(rng.integers(kernel[0] // 2 + 1)), int(rng.integers(kernel[1] // 2 + 1))),
        ceil_mode=bool(rng.integers(2)),
    )
    return operation, [_image(rng, kernel, 20)]


def _large_max_pool(rng: np.random.Generator) -> tuple[Operation, list[Shape]]:
    kernel = int(rng.integers(4, 14)), int(rng.integers(1, 10))
    operation = MaxPool2d(
        "pool",
        random_quantization(rng),
        kernel=kernel,
        stride=pair(rng, 1, 6),
        padding=(int(rng.integers(kernel[0] // 2 + 1)), int(rng.integers(kernel[1] // 2 + 1))),
        ceil_mode=bool(rng.integers(2)),
    )
    return operation, [_image(rng, kernel, 20)]


def _avg_pool(rng: np.random.Generator) -> tuple[Operation, list[Shape]]:
    kernel = pair(rng, 1, 5)
    operation = AvgPool2d(
        "pool",
        random_quantization(rng),
        kernel=kernel,
        stride=pair(rng, 1, 4),
        padding=(int(rng.integers(kernel[0] // 2 + 1)), int(rng.integers(kernel[1] // 2 + 1))),
    )
    return operation, [_image(rng, kernel, 16)]


def _global_pool(rng: np.random.Generator) -> tuple[Operation, list[Shape]]:
    side = int(rng.choice([2, 4, 7, 13]))
    operation = AvgPool2d("pool", random_quantization(rng), kernel=(side, side), stride=(20, 1))
    return operation, [(int(rng.integers(1, 4)), side, side, int(rng.integers(1, 70)))]


def _some_shape(rng: np.random.Generator) -> Shape:
    shape = _image(rng, (1, 1), 16)
    return shape if rng.random() < 0.7 else (shape[0], int(rng.integers(1, 600)))


def _sum(rng: np.random.Generator) -> tuple[Operation, list[Shape]]:
    first, second, output = (random_quantization(rng) for _ in range(3))
    output = replace(output, zero_point=min(output.zero_point, 254))
    operation = Add("sum", (first, second), output, relu=bool(rng.integers(2)))
    return operation, [_some_shape(rng)] * 2


def random_product(rng: np.random.Generator, first: Quantization, second: Quantization) -> Mul:
    """Return a product of most of whose codes few are clamped."""
    wide = random_quantization(rng)
    scale = float(np.float32(first.scale * second.scale * rng.uniform(80, 300)))
    output = Quantization(scale, wide.zero_point)
    return Mul("product", (first, second), output, relu=bool(rng.integers(2)))


def _product(rng: np.random.Generator) -> tuple[Operation, list[Shape]]:
    operation = random_product(rng, *(random_quantization(rng) for _ in range(2)))
    return operation, [_some_shape(rng)] * 2


def _channel_product(rng: np.random.Generator) -> tuple[Operation, list[Shape]]:
    operation = random_product(rng, *(random_quantization(rng) for _ in range(2)))
    shape = _image(rng, (1, 1), 16)
    return operation, [shape, (shape[0], 1, 1, shape[3])]


def _clamp(rng: np.random.Generator) -> tuple[Operation, list[Shape]]:
    low, high = sorted(int(code) for code in rng.integers(0, 256, 2))
    return Clamp("clamp", random_quantization(rng), low, high), [_some_shape(rng)]


def _copy(rng: np.random.Generator) -> tuple[Operation, list[Shape]]:
    quantization = random_quantization(rng)
    return Concat("copy", (quantization,), quantization), [_some_shape(rng)]


def _upsample(rng: np.random.Generator) -> tuple[Operation, list[Shape]]:
    factors = pair(rng, 1, 4)
    factors = (2, 1) if factors == (1, 1) else factors
    return Upsample("up", random_quantization(rng), factors), [_image(rng, (1, 1), 12)]


def _span(rng: np.random.Generator, size: int, most: int) -> Span | None:
    """Return a part of a dimension, or all of it."""
    if rng.random() < 0.2:
        return None
    first, step = int(rng.integers(size)), int(rng.integers(1, most + 1))
    return first, int(rng.integers(1, (size - 1 - first) // step + 2)), step


def _slice(rng: np.random.Generator) -> tuple[Operation, list[Shape]]:
    shape = _image(rng, (2, 1), 16)
    rows = _span(rng, shape[1], 3) or (1, shape[1] - 1, 1)
    spans = rows, _span(rng, shape[2], 3), _span(rng, shape[3], 1)
    return Slice("slice", random_quantization(rng), spans), [shape]


def _shuffle(rng: np.random.Generator) -> tuple[Operation, list[Shape]]:
    groups = int(rng.integers(2, 7))
    shape = _image(rng, (1, 1), 12)
    channels = groups * int(rng.integers(1, 20))
    return Shuffle("shuffle", random_quantization(rng), groups), [(*shape[:3], channels)]


def _transposed(rng: np.random.Generator) -> tuple[Operation, list[Shape]]:
    """Kernels smaller and larger than strides, one channel in a group and several."""
    kernel, stride, dilation = pair(rng, 1, 5), pair(rng, 1, 4), pair(rng, 1, 2)
    groups = int(rng.choice([1, 1, 2, 6]))
    inputs = groups * (1 if groups == 6 else int(rng.integers(1, 12)))
    outputs = groups * (1 if groups == 6 else int(rng.integers(1, 9)))
    shape = (*_image(rng, (4, 4), 9)[:3], inputs)
    plain = random_conv2d(
        rng,
        (outputs, inputs // groups, *kernel),
        stride=stride,
        padding=pair(rng, 0, 2),
        dilation=dilation if rng.random() < 0.3 else (1, 1),
        groups=groups,
        limits=(40, 200) if rng.random() < 0.3 else (0, 255),
    )
    extra = tuple(int(rng.integers(max(s, d))) for s, d in zip(stride, plain.dilation, strict=True))
    return ConvTranspose2d(**vars(plain), output_padding=(extra[0], extra[1])), [shape]


OPERATIONS: dict[str, Callable[[np.random.Generator], tuple[Operation, list[Shape]]]] = {
    "depthwise": _depthwise,
    "max_pool": _max_pool,
    "large_max_pool": _large_max_pool,
    "avg_pool": _avg_pool,
    "global_pool": _global_pool,
    "sum": _sum,
    "product": _product,
    "channel_product": _channel_product,
    "clamp": _clamp,
    "copy": _copy,
    "upsample": _upsample,
    "slice": _slice,
    "shuffle": _shuffle,
    "transposed": _transposed,
}


def random_operation(rng: np.random.Generator, kind: str) -> tuple[Operation, list[Shape]]:
    """Return a legal operation of a kind, and the shapes of its inputs.

    Parameters
    ----------
    rng : Generator
    kind : str
        One of `OPERATIONS`.
    """
    return OPERATIONS[kind](rng)
