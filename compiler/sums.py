"""Drafts of a sum or product of two tensors of one shape, vector by vector in memory order."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..golden.graph import Add, Mul
from ..golden.kernels.add import check_add
from ..golden.kernels.mul import check_mul
from ..golden.kernels.tokens import check_add_constant
from ..golden.operations.tokens import AddConstant
from ..spec.parameters import Parameters
from .builder import Builder, View
from .features import check_rounding

__all__ = ["ConstantSumPlan", "SumPlan", "constant_sum_plan", "product_fields", "sum_plan"]

_OPEN = 70  # cycles to load the first tile and store the last one
_COMMAND = 8
_PARTS = 8  # tiles in flight
_LEAST = 1024  # minimum bytes per tile
_MOST = (1 << 16) - 1  # maximum rows per transfer and vectors per COMPUTE


@dataclass(frozen=True)
class SumPlan:
    """Tiling of a sum or product.

    Parameters
    ----------
    operation : Add or Mul
    pixels : int
        Pixels per tile.
    estimate : int
        Estimated cycles.
    channels : int
        Of a pixel.
    """

    operation: Add | Mul
    pixels: int
    estimate: int
    channels: int

    @property
    def stream(self) -> npt.NDArray[np.uint8]:
        """No weights."""
        return np.zeros(0, np.uint8)

    def in_one(self, parameters: Parameters) -> SumPlan:
        """Return a plan with as few tiles as fit a quarter of the scratchpads."""
        room = min(parameters.activation_bytes // 2, parameters.output_bytes) // 4
        return replace(self, pixels=min(max(room // self.channels, 1), _MOST))

    def emit(self, builder: Builder, sources: tuple[View, ...], weights: int, target: View) -> None:
        """Append the operation's drafts."""
        del weights
        p, cols = builder.parameters, builder.parameters.cols
        channels = target.channels
        align = max(64, p.activation_banks)
        operand = -(-self.pixels * channels // align) * align
        steps = {"operand_pitch": operand, "step_x": cols, "step_y": 0}
        if isinstance(self.operation, Add):
            builder.setup_add(_sum_fields(self.operation) | steps)
        else:
            builder.setup_mul(product_fields(self.operation) | steps)
        for start in range(0, target.pixels, self.pixels):
            count = min(self.pixels, target.pixels - start)
            size = count * channels
            buffer = builder.activation_buffer(operand + size)
            for source, place in zip(sources, (buffer, buffer + operand), strict=True):
                memory = source.base + start * source.pitch
                if source.dense:
                    builder.load(memory, 0, place, 0, 1, size)
                else:
                    builder.load(memory, source.pitch, place, channels, count, channels)
            base = builder.output_buffer(size)
            for offset, columns, width in _vectors(size, cols):
                fields = {
                    "activation": buffer + offset,
                    "weight": 0,
                    "passes": 1,
                    "columns": columns,
                    "width": width,
                    "height": 1,
                    "accumulator": 0,
                    "output": base + offset,
                    "output_pitch": cols,
                    "first": 1,
                    "last": 1,
                }
                builder.compute(fields, (buffer, buffer + operand + size), (base, base + size))
            memory = target.base + start * target.pitch
            if target.dense:
                builder.store(memory, 0, base, 0, 1, size)
            else:
                builder.store(memory, target.pitch, base, channels, count, channels)


@dataclass(frozen=True, eq=False)
class ConstantSumPlan:
    """A sum whose second operand is a constant in the weights' place.

    Parameters
    ----------
    sum : SumPlan
    constant : ndarray of the tensor's shape, uint8
    """

    sum: SumPlan
    constant: npt.NDArray[np.uint8]

    @property
    def stream(self) -> npt.NDArray[np.uint8]:
        """The constant, as the hardware has codes."""
        return self.constant ^ np.uint8(0x80)

    @property
    def estimate(self) -> int:
        """Estimated cycles."""
        return self.sum.estimate

    def emit(self, builder: Builder, sources: tuple[View, ...], weights: int, target: View) -> None:
        """Append the operation's drafts."""
        images, height, width, channels = self.constant.shape
        constant = View(weights, images, height, width, channels, channels)
        self.sum.emit(builder, (*sources, constant), weights, target)


def constant_sum_plan(
    operation: AddConstant, shape: tuple[int, ...], parameters: Parameters
) -> ConstantSumPlan:
    """Tile a sum of a tensor and a constant, repeated over its rows.

    Raises
    ------
    ValueError
        As `sum_plan`.
    """
    check_add_constant(operation)
    ends = (operation.input, operation.constant_quantization), operation.output
    times = shape[0], shape[1] // operation.constant.shape[1], 1, 1
    plan = sum_plan(Add(operation.name, *ends), shape, parameters)
    return ConstantSumPlan(plan, np.tile(operation.constant, times))


def _sum_fields(operation: Add) -> dict[str, int]:
    """Fields of SETUP_ADD, without the geometry."""
    factors = check_add(operation)
    numbers = {"factor_a": factors.a, "factor_b": factors.b, "shift": factors.shift}
    numbers["half_up"] = int(factors.half_up)
    return numbers | _zero_points(operation)


def product_fields(operation: Mul) -> dict[str, int]:
    """Fields of SETUP_MUL, without the geometry."""
    multiplier = int(check_mul(operation).view(np.uint32))
    return {"multiplier": multiplier} | _zero_points(operation)


def _zero_points(operation: Add | Mul) -> dict[str, int]:
    first, second, output = operation.zero_points
    return {
        "zero_point_a": first - 128,
        "zero_point_b": second - 128,
        "zero_point": output - 128,
        "low": (operation.output.zero_point if operation.relu else 0) - 128,
        "high": 127,
    }


def _vectors(size: int, cols: int) -> list[tuple[int, int, int]]:
    """Split bytes into full vectors and a remainder: offset, columns, vectors."""
    whole = size // cols
    parts = [(at * cols, cols, min(_MOST, whole - at)) for at in range(0, whole, _MOST)]
    if size % cols:
        parts.append((whole * cols, size % cols, 1))
    return parts


def sum_plan(operation: Add | Mul, shape: tuple[int, ...], parameters: Parameters) -> SumPlan:
    """Tile a sum or product by whole pixels, with several tiles in the scratchpads.

    Raises
    ------
    ValueError
        If a single pixel does not fit, or the scales are out of range.
    """
    cycles_per_vector = 2  # both operands' reads
    if isinstance(operation, Add):
        check_add(operation)
        check_rounding(operation, parameters)
    else:
        check_mul(operation)
        cycles_per_vector = max(2, parameters.columns_per_lane)
    channels = shape[-1]
    pixels = 1
    for size in shape[:-1]:
        pixels *= size
    p = parameters
    spare = 2 * max(64, p.activation_banks)
    room = min((p.activation_bytes - spare) // 2, p.output_bytes)
    if channels > room:
        need = 2 * channels + spare
        raise ValueError(
            f"activation_bytes and output_bytes must be at least {need} and {channels} to hold "
            f"one pixel of {operation.name}, got {p.activation_bytes} and {p.output_bytes}"
        )
    total = pixels * channels
    wanted = min(max(total // _PARTS, _LEAST), room // _PARTS)
    tile = min(max(wanted // channels, 1), pixels, _MOST)
    tiles = -(-pixels // tile)
    vectors = -(-tile * channels // p.cols)
    slowest = max(2 * tile * channels / p.axi_bytes, cycles_per_vector * vectors)
    cycles = tiles * (slowest + _COMMAND) + _OPEN
    estimate = round(cycles + 2 * tile * channels / p.axi_bytes)
    return SumPlan(operation, tile, estimate, channels)
