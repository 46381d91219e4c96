"""Arguments of PyTorch's steps in the graph's terms: parts, upsamplings, clamps, pairs."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any

import numpy as np

from ..golden.operations.add import Add
from ..golden.operations.slice import Span
from ..golden.quantization import Quantization
from .int8 import Step
from .unsupported import Unsupported

__all__ = ["clamp_bounds", "own_output", "pair", "part_spans", "refused", "sum_of"]
__all__ += ["upsample_factors"]

_NEAREST = ("nearest", "nearest-exact")


def refused(step: Step, what: str, wanted: str, got: object) -> Unsupported:
    """Return the exception for an argument of a step that the graph cannot hold."""
    return Unsupported(f"{step.name}: {what} of {step.op} must be {wanted}, got {got}", step.node)


def part_spans(step: Step, shape: tuple[int, ...]) -> tuple[Span | None, ...]:
    """Return the elements of a part, by dimension of the graph, images excluded.

    Parameters
    ----------
    step : Step
        A "part" or a "narrow".
    shape : tuple of int
        (N, H, W, C) or (N, K), of the input.

    Returns
    -------
    tuple of Span or None
        None for whole dimensions.

    Raises
    ------
    Unsupported
        If it takes some of the images, nothing at all, or channels that are not adjacent.
    """
    sizes = (shape[0], shape[-1], *shape[1:-1])  # in PyTorch's order
    bounds = _bounds(step, sizes)
    taken = [_span(each, size) for each, size in zip(bounds, sizes, strict=True)]
    if bounds[0].stop is not None or taken[0] is not None:
        raise Unsupported(f"{step.name}: slice must take all images, got {bounds[0]}", step.node)
    for span in taken:
        if span and span[1] < 1:
            raise Unsupported(
                f"{step.name}: slice must take at least one element, got none", step.node
            )
    if taken[1] and taken[1][2] > 1:
        raise Unsupported(
            f"{step.name}: slice must take adjacent channels, got {_said(taken[1])}", step.node
        )
    return *taken[2:], taken[1]


def _bounds(step: Step, sizes: Sequence[int]) -> list[slice]:
    """Slices of all dimensions, in PyTorch's order."""
    values = step.arguments
    found = [slice(None)] * len(sizes)
    if "index" in values:
        return _indexed(values["index"], len(sizes))
    size = sizes[values["dim"]]
    if "length" in values:
        start = values["start"] % size
        length = values["length"]
    elif "chunks" in values:
        length = -(-size // values["chunks"])
        start = values["number"] * length
    else:
        number, given = values["number"], values["sizes"]
        lengths = [given] * -(-size // given) if isinstance(given, int) else list(given)
        start, length = sum(lengths[:number]), lengths[number]
    found[values["dim"]] = slice(start, start + length)
    return found


def _indexed(entries: Sequence[str | Sequence[int | None]], dimensions: int) -> list[slice]:
    """Slices of an index with or without an ellipsis."""
    found = [None if entry == "..." else slice(*entry) for entry in entries]
    split = found.index(None) if None in found else len(found)
    before, behind = found[:split], found[split + 1 :]
    between = [slice(None)] * (dimensions - len(before) - len(behind))
    return [entry for entry in (*before, *between, *behind) if entry is not None]


def _span(bounds: slice, size: int) -> Span | None:
    taken = range(*bounds.indices(size))
    return None if taken == range(size) else (taken.start, len(taken), taken.step)


def _said(span: Span) -> str:
    return f"{span[1]} from {span[0]} with step {span[2]}"


def upsample_factors(step: Step, shape: tuple[int, ...]) -> tuple[int, int]:
    """Return the factors of an upsampling (vertical, horizontal).

    Parameters
    ----------
    step : Step
        An "interpolate".
    shape : (N, H, W, C)
        Of the input.

    Raises
    ------
    Unsupported
        If the mode is not nearest, or PyTorch does not repeat each pixel equally often.
    """
    values = step.arguments
    mode = values.get("mode", "nearest")
    if mode not in _NEAREST:
        raise Unsupported(
            f"{step.name}: mode of interpolate must be nearest, got {mode}", step.node
        )
    given: Any = values.get("size") or values.get("scale_factor")
    pair = list(given) if isinstance(given, list | tuple) else [given, given]
    factors = [
        _factor(size, float(want), size_given="size" in values, exact=mode == "nearest-exact")
        for size, want in zip(shape[1:3], pair, strict=True)
    ]
    if None in factors:
        raise Unsupported(
            f"{step.name}: interpolate must repeat each pixel equally often, got "
            f"{'size' if 'size' in values else 'scale_factor'} {tuple(pair)} for an image of "
            f"{shape[1]} x {shape[2]}",
            step.node,
        )
    return factors[0] or 1, factors[1] or 1


def _factor(size: int, want: float, *, size_given: bool, exact: bool) -> int | None:
    """How often PyTorch repeats each element; None if not all of them equally often."""
    outputs = int(want) if size_given else int(size * want)
    scale = np.float32(size / outputs if size_given else 1 / want) if outputs else np.float32(0)
    places = np.arange(outputs, dtype=np.float32) + np.float32(0.5 if exact else 0)
    read = np.minimum((places * scale).astype(np.int64), size - 1)
    factor = outputs // size
    return factor if np.array_equal(read, np.arange(size).repeat(factor)) else None


def sum_of(step: Step, inputs: tuple[Quantization, Quantization]) -> Add:
    """Return the operation of an "add" or "add_relu"; runtimes give settings of their own."""
    values = step.arguments
    given: dict[str, Any] = {"rounding": values.get("rounding", "half_away")}
    for name, field in (("factors", "factors"), ("zero_points", "given_zero_points")):
        if name in values:
            given[field] = tuple(values[name])
    output = Quantization(values["scale"], values["zero_point"])
    return Add(step.name, inputs, output, step.op == "add_relu", **given)


def own_output(step: Step) -> Quantization | None:
    """Return the output quantization of a pool that has one of its own."""
    if "scale" not in step.arguments:
        return None
    return Quantization(step.arguments["scale"], step.arguments["zero_point"])


def pair(value: int | Sequence[int]) -> tuple[int, int]:
    """Expand PyTorch's size argument: one number for both axes, or one per axis."""
    if isinstance(value, int):
        return value, value
    numbers = list(value) * (2 if len(value) == 1 else 1)
    return numbers[0], numbers[1]


def clamp_bounds(step: Step) -> tuple[float | None, float | None]:
    """Smallest and largest real value that a clamp leaves; None for a bound that is not given."""
    values = step.arguments
    return {
        "relu": (0.0, inf),
        "relu6": (0.0, 6.0),
        "hardtanh": (values.get("min_val", -1.0), values.get("max_val", 1.0)),
        "clamp": (values.get("min"), values.get("max")),
    }[step.op]
