"""Drafts of softmax and layer norm: rows are copied to the output scratchpad and replaced there."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..golden.kernels.layer_norm import check_layer_norm
from ..golden.kernels.softmax import check_softmax
from ..golden.operations.layer_norm import LayerNorm
from ..golden.operations.softmax import Softmax
from ..spec.isa_names import RowFunction
from ..spec.parameters import Parameters
from .builder import Builder, View
from .copies import copy, copy_cycles, setup_copy
from .drafts import Region
from .timing import row_cycles

__all__ = ["RowPlan", "RowTail", "row_plan", "row_table", "setup_fields"]

_OPEN = 70  # cycles to load the first tile and store the last one
_PARTS = 4  # tiles in flight


@dataclass(frozen=True, eq=False)
class RowPlan:
    """Rows tiled for one accelerator.

    Parameters
    ----------
    operation : Softmax or LayerNorm
    rows : int
        Of the tensor.
    elements : int
        Of a row.
    tile : int
        Rows per tile.
    estimate : int
        Estimated cycles.
    """

    operation: Softmax | LayerNorm
    rows: int
    elements: int
    tile: int
    estimate: int

    @property
    def stream(self) -> npt.NDArray[np.uint8]:
        """The function's table."""
        return row_table(self.operation)

    def in_one(self, parameters: Parameters) -> RowPlan:
        """Return a plan with as few tiles as fit a quarter of the scratchpads."""
        room = min(parameters.activation_bytes, parameters.output_bytes) // _PARTS
        return replace(self, tile=min(max(room // self.elements, 1), self.rows))

    def emit(self, builder: Builder, sources: tuple[View, ...], weights: int, target: View) -> None:
        """Append the operation's drafts."""
        (source,), elements = sources, self.elements
        setup_copy(builder)
        table = builder.row_table(setup_fields(self.operation), weights, self.stream.size, copy)
        for start in range(0, self.rows, self.tile):
            count = min(self.tile, self.rows - start)
            size = count * elements
            buffer = builder.activation_buffer(size)
            memory = source.base + start * source.pitch
            if source.dense:
                builder.load(memory, 0, buffer, 0, 1, size)
            else:
                builder.load(memory, source.pitch, buffer, elements, count, elements)
            base = builder.output_buffer(size)
            copy(builder, buffer, base, size)
            builder.rows(base, count, elements)
            memory = target.base + start * target.pitch
            if target.dense:
                builder.store(memory, 0, base, 0, 1, size, frees=table)
            else:
                builder.store(memory, target.pitch, base, elements, count, elements, frees=table)
            table = ()


@dataclass(frozen=True, eq=False)
class RowTail:
    """A function of rows behind an operation whose results are whole rows.

    Parameters
    ----------
    plan : RowPlan
    weights : int
        Byte offset of its table in memory.
    target : View
        Where its results go.
    """

    plan: RowPlan
    weights: int
    target: View

    def begin(self, builder: Builder) -> tuple[Region, ...]:
        """Bring the table; return its place, which the next store frees."""
        setup_copy(builder)
        fields, size = setup_fields(self.plan.operation), self.plan.stream.size
        return builder.row_table(fields, self.weights, size, copy)

    def store(
        self, builder: Builder, base: int, count: int, offset: int, table: tuple[Region, ...]
    ) -> None:
        """Replace adjacent rows at `base`, and store them from byte `offset` of the target on."""
        elements = self.plan.elements
        builder.rows(base, count, elements)
        size = count * elements
        builder.store(self.target.base + offset, 0, base, 0, 1, size, frees=table)


def row_table(operation: Softmax | LayerNorm) -> npt.NDArray[np.uint8]:
    """Bytes of the table that ROW_TABLE copies: exponentials, or gamma and beta."""
    if isinstance(operation, Softmax):
        return check_softmax(operation).astype("<u4").view(np.uint8)
    entries = np.stack([operation.gamma, operation.beta], axis=1).astype("<f4")
    return entries.reshape(-1).view(np.uint8)


def setup_fields(operation: Softmax | LayerNorm) -> dict[str, int]:
    """Fields of SETUP_ROW."""
    if isinstance(operation, Softmax):
        return {"function": RowFunction.SOFTMAX}
    multiplier = np.float32(1) / np.float32(operation.output.scale)
    return {
        "function": RowFunction.LAYER_NORM,
        "zero_point": operation.input.zero_point,
        "scale": int(np.float32(operation.input.scale).view(np.uint32)),
        "eps": int(np.float64(operation.eps).view(np.uint64)),
        "multiplier": int(multiplier.view(np.uint32)),
        "output_zero_point": operation.output.zero_point - 128,
    }


def row_plan(
    operation: Softmax | LayerNorm, shape: tuple[int, ...], parameters: Parameters
) -> RowPlan:
    """Tile a softmax or layer norm by whole rows.

    Raises
    ------
    ValueError
        If the hardware has no row unit, or a row does not fit it or a scratchpad.
    """
    p, elements = parameters, shape[-1]
    if not p.row_lanes:
        raise ValueError(
            f"{operation.name}: row_lanes must not be 0 to compute on rows, got hardware without "
            "it; --row-lanes 4 generates one with it"
        )
    if isinstance(operation, LayerNorm):
        check_layer_norm(operation)
    if elements > p.row_elements:
        raise ValueError(
            f"{operation.name}: row_elements must be at least {elements}, the elements of a row, "
            f"got {p.row_elements}; --row-elements sets it"
        )
    room = min(p.activation_bytes, p.output_bytes) // _PARTS
    need = max(elements, row_table(operation).size)
    if need > room:
        raise ValueError(
            f"activation_bytes and output_bytes must be at least {_PARTS * need} to hold rows of "
            f"{operation.name}, got {p.activation_bytes} and {p.output_bytes}"
        )
    rows = int(np.prod(shape[:-1]))
    tile = min(max(room // elements, 1), -(-rows // _PARTS), rows)
    each = row_cycles(RowFunction(setup_fields(operation)["function"]), elements, p)
    table = copy_cycles(row_table(operation).size, p)
    estimate = _OPEN + table + rows * each + copy_cycles(tile * elements, p)
    return RowPlan(operation, rows, elements, tile, estimate)
