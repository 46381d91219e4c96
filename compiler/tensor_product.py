"""Drafts of a product of two tensors: the second one's bytes are gathered as weight tiles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..golden.kernels.tensor_product import check_tensor_product
from ..golden.operations.tensor_product import TensorProduct
from ..spec.isa import PARAMETER_ROWS, Mode
from ..spec.parameters import Parameters
from .builder import Builder, View
from .drafts import Region
from .rows import RowTail

__all__ = ["TensorProductPlan", "tensor_product_plan"]

_OPEN = 70  # cycles to load the first tile and store the last one
_GATHERED = 90  # cycles from a GATHER to its first tile
_GRAIN = 64  # bytes; no two accesses of different units share one
_MOST = (1 << 16) - 1  # pixels per COMPUTE


class _Head(NamedTuple):
    """Offsets in memory of a head's activations, weights and results, and their pitches."""

    activation: int
    activation_pitch: int
    weight: int
    weight_pitch: int
    target: int
    target_pitch: int


@dataclass(frozen=True)
class TensorProductPlan:
    """Tiling of a product of two tensors: by heads, tokens and columns.

    Parameters
    ----------
    operation : TensorProduct
    parameters : Parameters
    depth : int
        Terms of a sum.
    width : int
        Columns of a head's result.
    tokens : int
        Of the first tensor.
    tile : int
        Tokens per tile.
    resident : bool
        Whether a head's weight tiles stay in the scratchpad for all its tiles of tokens.
    estimate : int
        Estimated cycles.
    """

    operation: TensorProduct
    parameters: Parameters
    depth: int
    width: int
    tokens: int
    tile: int
    resident: bool
    estimate: int

    @property
    def stream(self) -> npt.NDArray[np.uint8]:
        """Parameters of one tile of columns, which all share: no bias, and the multiplier."""
        factor = check_tensor_product(self.operation)
        parameters = np.frombuffer(np.int32(0).tobytes() + factor.astype("<f4").tobytes(), np.uint8)
        p = self.parameters
        rows = np.repeat(parameters[:, None], p.weight_row_bytes, axis=1).reshape(-1)
        return np.concatenate([np.zeros(-rows.size % p.axi_bytes, np.uint8), rows])

    def emit(
        self,
        builder: Builder,
        sources: tuple[View, ...],
        weights: int,
        target: View,
        tail: RowTail | None = None,
    ) -> None:
        """Append the operation's drafts, and those of a function of its rows."""
        _Product(self, builder, weights, tail).run(sources, target)


class _Product:
    """Drafts of one product."""

    def __init__(
        self, plan: TensorProductPlan, builder: Builder, weights: int, tail: RowTail | None
    ) -> None:
        self._plan, self._builder, self._weights, self._tail = plan, builder, weights, tail
        self._table: tuple[Region, ...] = ()
        self._parameters = builder.parameters
        rows = self._parameters.rows
        self._passes = -(-plan.depth // rows)
        self._tile_bytes = rows * self._parameters.weight_row_bytes
        self._header = plan.stream.size
        self._constant = 0
        self._starts = range(0, plan.width, self._parameters.cols)

    def run(self, sources: tuple[View, ...], target: View) -> None:
        if self._tail:
            self._table = self._tail.begin(self._builder)
        self._setup()
        self._base = target.base
        for head in self._heads(sources, target):
            kept: dict[int, int] = {}
            for start in range(0, self._plan.tokens, self._plan.tile):
                self._tile(head, start, kept)

    def _heads(self, sources: tuple[View, ...], target: View) -> Iterator[_Head]:
        (a, b), plan, heads = sources, self._plan, self._plan.operation.heads
        for image, window, head in product(range(b.images), range(b.height), range(heads)):
            line = window * heads + head
            if plan.operation.scores:
                depth = head * plan.depth
                of_a, of_b = (view.offset(image, window, 0, depth) for view in (a, b))
                of_target = target.offset(image, line)
            else:
                width = head * plan.width
                of_a = a.offset(image, line)
                of_b, of_target = (view.offset(image, window, 0, width) for view in (b, target))
            yield _Head(of_a, a.pitch, of_b, b.pitch, of_target, target.pitch)

    def _setup(self) -> None:
        """Pass the geometry; find the constant that makes up for the zero point."""
        operation, depth = self._plan.operation, self._plan.depth
        missing = 128 - operation.inputs[0].zero_point
        self._times = 0 if missing == 0 else 2 if missing == 128 else 1
        self._value = missing // self._times if self._times else 0
        fields = dict.fromkeys(("window_height", "window_width", "stride_y", "stride_x"), 0)
        fields |= {"run": depth, "taps": 1, "tap_pitch": 0, "lines": 1, "line_pitch": 0}
        fields |= {"pack_taps": 0, "pack_lines": 0, "step_x": depth, "step_y": 0}
        fields |= {"zero_point": operation.output.zero_point - 128, "low": -128, "high": 127}
        self._builder.setup(fields | {"mode": Mode.DENSE, "weight_width": 0})

    def _tile(self, head: _Head, start: int, kept: dict[int, int]) -> None:
        """Multiply a tile of tokens by all columns of a head, and store the results."""
        plan, builder = self._plan, self._builder
        depth, width = plan.depth, plan.width
        count = min(plan.tile, plan.tokens - start)
        # The constant pixel lies behind the tile, so that it lives as long
        size = -(-count * depth // _GRAIN) * _GRAIN
        buffer = builder.activation_buffer(size + depth * bool(self._times))
        if self._times:
            self._constant = buffer + size
            builder.fill(self._constant, 0, 1, depth, self._value)
        memory = head.activation + start * head.activation_pitch
        if head.activation_pitch == depth:
            builder.load(memory, 0, buffer, 0, 1, count * depth)
        else:
            builder.load(memory, head.activation_pitch, buffer, depth, count, depth)
        base = builder.output_buffer(count * width)
        for column in self._starts:
            if column not in kept:
                kept[column] = self._gather(head, column)
            columns = min(self._parameters.cols, width - column)
            self._compute(kept[column], columns, (buffer, count), (base, base + column))
        if not plan.resident:
            kept.clear()
        target = head.target + start * head.target_pitch
        if head.target_pitch == width:
            builder.store(target, 0, base, 0, 1, count * width)
        else:
            builder.store(target, head.target_pitch, base, width, count, width)
        if self._tail:
            self._tail.store(builder, base, count, target - self._base, self._table)
            self._table = ()

    def _gather(self, head: _Head, column: int) -> int:
        """Bring the parameters and a column tile's weights; return where they begin."""
        p, plan, builder = self._parameters, self._plan, self._builder
        size = self._passes * self._tile_bytes
        place = builder.weight_buffer(self._header + size)
        builder.weights(self._weights, place, self._header)
        where = (place + self._header) % p.weight_bytes
        columns = min(p.cols, plan.width - column)
        whole, rest = divmod(plan.depth, p.rows)
        for first, tiles, depth in ((0, whole, p.rows), (whole, 1, rest)):
            if not tiles or not depth:
                continue
            start = first * p.rows
            buffer = (where + first * self._tile_bytes) % p.weight_bytes
            if plan.operation.scores:  # a token is a column
                memory = head.weight + column * head.weight_pitch + start
                shape = columns, depth
                pitch = p.rows
            else:
                memory = head.weight + start * head.weight_pitch + column
                shape = depth, columns
                pitch = p.rows * head.weight_pitch
            builder.gather(
                *(memory, head.weight_pitch, buffer, shape, tiles, pitch),
                transposed=plan.operation.scores,
            )
        return place

    def _compute(
        self, place: int, columns: int, pixels: tuple[int, int], target: tuple[int, int]
    ) -> None:
        """Multiply a tile of tokens by a tile of columns."""
        p, plan, builder = self._parameters, self._plan, self._builder
        row = p.weight_row_bytes
        tiles = (place + self._header) % p.weight_bytes // row
        opening = (place + self._header - PARAMETER_ROWS * row) % p.weight_bytes // row
        (buffer, count), (base, output) = pixels, target
        fields = {"weight": opening, "passes": self._passes, "columns": columns, "height": 1}
        fields |= {"accumulator": 0, "first": 1, "output_pitch": plan.width}
        if self._times:
            builder.compute(
                fields
                | {"activation": self._constant, "width": 1, "output": 0, "last": 0}
                | {"keep": self._times},
                (self._constant, self._constant + plan.depth),
                (base, base),
            )
            fields |= {"weight": tiles, "kept": 1}
        builder.compute(
            fields | {"activation": buffer, "width": count, "output": output, "last": 1},
            (buffer, buffer + count * plan.depth),
            (base, base + count * plan.width),
        )


def tensor_product_plan(
    operation: TensorProduct, shapes: tuple[tuple[int, ...], ...], parameters: Parameters
) -> TensorProductPlan:
    """Tile a product of two tensors.

    Parameters
    ----------
    operation : TensorProduct
    shapes : of the two tensors
    parameters : Parameters

    Raises
    ------
    ValueError
        If the hardware takes no weights from memory, or a token does not fit a scratchpad.
    """
    p = parameters
    if not p.gather:
        raise ValueError(
            f"{operation.name}: gather must be True to multiply by weights of a tensor, got "
            "hardware without it; --gather generates one with it"
        )
    check_tensor_product(operation)
    first, second = shapes
    tokens, depth = first[2], operation.depth
    width = second[2] if operation.scores else second[3] // operation.heads
    passes, columns = -(-depth // p.rows), -(-width // p.cols)
    tile_bytes = p.rows * p.weight_row_bytes
    header = -(-PARAMETER_ROWS * p.weight_row_bytes // p.axi_bytes) * p.axi_bytes
    stretch = max(p.axi_bytes, p.weight_row_bytes)
    one = -(-(header + passes * tile_bytes) // stretch) * stretch  # a column tile's weights
    if one > p.weight_bytes:
        raise ValueError(
            f"weight_bytes must be at least {one} to hold a column tile of {operation.name}, got "
            f"{p.weight_bytes}"
        )
    spare = 2 * max(64, p.activation_banks)
    room = min(
        (p.activation_bytes - depth - spare) // 2 // depth, p.output_bytes // 2 // width,
        p.accumulators, _MOST,
    )  # fmt: skip
    if room < 1:
        raise ValueError(
            f"activation_bytes and output_bytes must be at least {3 * depth + spare} and "
            f"{2 * width} to hold one token of {operation.name}, got {p.activation_bytes} and "
            f"{p.output_bytes}"
        )
    parts = -(-tokens // room)
    tile = -(-tokens // parts)
    resident = 2 * columns * one <= p.weight_bytes
    constant = operation.inputs[0].zero_point != 128
    gathers = columns * (1 if resident else parts)
    computes = columns * passes * (tokens + constant * parts * p.rows)
    per_head = max(computes, gathers * (_GATHERED + passes * (2 * p.rows + 10)))
    estimate = _OPEN + second[0] * second[1] * operation.heads * per_head
    return TensorProductPlan(operation, p, depth, width, tokens, tile, resident, estimate)
