"""Calls of pools, and of operators that move codes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .case import Case
from .draw import EXTREMES, codes, generator, image, scale

__all__ = ["window_cases"]

# kernel, stride, padding
_WINDOWS = {
    "2x2": ([2, 2], [2, 2], [0, 0]),
    "3x3 strided": ([3, 3], [2, 2], [0, 0]),
    "3x3 padded": ([3, 3], [2, 2], [1, 1]),
    "overlapping": ([3, 3], [1, 1], [1, 1]),
    "asymmetric": ([2, 5], [1, 3], [1, 2]),
    "sparse": ([1, 2], [3, 3], [0, 1]),
    "large": ([7, 6], [7, 6], [3, 3]),
}
# the same, dilation, whether to round up
_MAXIMA = {name: (*window, [1, 1], False) for name, window in _WINDOWS.items()} | {
    "ceil": ([3, 3], [2, 2], [0, 0], [1, 1], True),
    "ceil padded": ([3, 3], [2, 2], [1, 1], [1, 1], True),
    "ceil sparse": ([2, 2], [3, 3], [1, 1], [1, 1], True),
    "dilated": ([3, 2], [2, 1], [0, 0], [2, 3], False),
    "one row": ([1, 2], [2, 2], [0, 0], [1, 1], False),
}
_SIZES = ((8, 9), (7, 12))
# rows, columns, channels: first, number, step each
_PARTS = {
    "channels": ([0, 3, 1], [0, 4, 1], [2, 3, 1]),
    "rows": ([1, 2, 1], [0, 4, 1], [0, 6, 1]),
    "steps": ([0, 2, 2], [1, 2, 2], [1, 5, 1]),
    "one pixel": ([2, 1, 1], [3, 1, 1], [5, 1, 1]),
}


def window_cases() -> Iterator[Case]:
    """Yield the calls, without results."""
    yield from _max_pools()
    yield from _avg_pools()
    yield from _means()
    yield from _mean_ties()
    yield from _moves()


def _max_pools() -> Iterator[Case]:
    names = ("kernel", "stride", "padding", "dilation", "ceil_mode")
    for name, window in _MAXIMA.items():
        for index, (height, width) in enumerate(_SIZES):
            full = f"max_pool2d.{name} {height}x{width}"
            rng = generator(full)
            zero_point = int(rng.choice(EXTREMES))
            settings = {"input": [scale(rng), zero_point]} | dict(zip(names, window, strict=True))
            shape = (1, height, width, 5)
            x = codes(rng, *shape) if index else image(rng, zero_point, *shape)
            arrays = {"x": x}
            yield Case(full, "MaxPool2d", "max_pool2d", settings, arrays)
    settings = {"input": [0.1, 3]} | dict(zip(names, _MAXIMA["2x2"], strict=True))
    arrays = {"x": np.zeros((0, 4, 4, 3), np.uint8)}
    yield Case("max_pool2d.empty", "MaxPool2d", "max_pool2d", settings, arrays)


def _average(kernel: list[int], stride: list[int], padding: list[int]) -> dict[str, Any]:
    return {"kernel": kernel, "stride": stride, "padding": padding}


def _avg_pools() -> Iterator[Case]:
    for name, window in _WINDOWS.items():
        for zero_point in EXTREMES:
            full = f"avg_pool2d.{name} {zero_point}"
            rng = generator(full)
            settings = {"input": [scale(rng), zero_point]} | _average(*window)
            arrays = {"x": image(rng, zero_point, 1, 8, 9, 5)}
            yield Case(full, "AvgPool2d", "avg_pool2d", settings, arrays)
    settings = {"input": [0.1, 3]} | _average([2, 2], [2, 2], [0, 0])
    arrays = {"x": np.zeros((0, 4, 4, 3), np.uint8)}
    yield Case("avg_pool2d.empty", "AvgPool2d", "avg_pool2d", settings, arrays)


def _means() -> Iterator[Case]:
    """Global and adaptive pools; scales on which the last bit of the factor depends."""
    for size in ([1, 1], [7, 7], [2, 2], [7, 2]):
        name = f"adaptive_avg_pool2d.{size[0]}x{size[1]}"
        rng = generator(name)
        window = [14 // size[0], 14 // size[1]]
        settings = {"input": [scale(rng), int(rng.integers(256))], "size": size}
        settings |= _average(window, window, [0, 0])
        arrays = {"x": codes(rng, 1, 14, 14, 6)}
        yield Case(name, "AvgPool2d", "adaptive_avg_pool2d", settings, arrays)
    for index, size in enumerate([[7, 7], [3, 4], [1, 1], [7, 2], [7, 2], [7, 2], [5, 5]]):
        name = f"mean.{size[0]}x{size[1]} {index}"
        rng = generator(name)
        settings = {"input": [scale(rng), EXTREMES[index % 6]]} | _average(size, size, [0, 0])
        arrays = {"x": codes(rng, 3, *size, 40)}
        yield Case(name, "AvgPool2d", "mean", settings, arrays)


def _mean_ties() -> Iterator[Case]:
    """Yield sums of half the count above a multiple of it."""
    for count in (2, 4, 8):
        x = np.full((1, 1, count, 200), 7, np.uint8)
        x[0, 0, : count // 2] = 7 + (np.arange(200) | 1)
        settings = {"input": [0.0371, 7]} | _average([1, count], [1, count], [0, 0])
        yield Case(f"avg_pool2d.ties {count}", "AvgPool2d", "avg_pool2d", settings, {"x": x})


def _moves() -> Iterator[Case]:
    rng = generator("moves")
    x = codes(rng, 2, 3, 4, 6)
    plain = {"input": [0.05, 90]}
    yield Case("flatten.image", "Flatten", "flatten", plain, {"x": x})
    for factors in ([2, 2], [3, 1], [1, 4]):
        name = f"upsample.{factors[0]}x{factors[1]}"
        yield Case(name, "Upsample", "interpolate", plain | {"factors": factors}, {"x": x})
    for groups in (2, 3, 6):
        settings = plain | {"groups": groups}
        yield Case(f"shuffle.{groups}", "Shuffle", "channel_shuffle", settings, {"x": x})
    for name, spans in _PARTS.items():
        settings = plain | {"spans": [list(span) for span in spans]}
        yield Case(f"slice.{name}", "Slice", "slice", settings, {"x": x})
