"""The compute unit of the instruction-level machine: SETUP, SETUP_ADD, SETUP_MUL and COMPUTE."""

from __future__ import annotations

from functools import partial
from itertools import islice

import numpy as np
import numpy.typing as npt

from ...spec.isa import Instruction, Mode, Opcode, Unit
from ...spec.parameters import Parameters
from ...spec.registers import ErrorCode
from ..array.lookup import look_up
from ..array.max_window import max_window
from ..array.requantize import requantize
from ..control.tokens import Clock
from ..feed.cell_walker import mode_of, scan
from ..feed.reduction import Reduction, reduction
from .bias import Biases
from .depthwise import DepthwisePasses
from .operands import check_factors, combined, second_steps
from .state import UNLOADED, Fault, Scratchpads, Unchecked, Walk
from .weights import check_room, read_weights, width_of

__all__ = ["ComputeUnit"]

_EXACT = 1024  # number of int8 products whose sum is exact in float32
_LONGEST_WALK = 1 << 16  # no layer has a longer walk

Cells = npt.NDArray[np.float32]


def _no_walk(instruction: Instruction, walk: Walk) -> Fault:
    end = walk.position + instruction["passes"]
    return Fault(
        ErrorCode.ILLEGAL_INSTRUCTION,
        f"passes {walk.position} to {end - 1} of {walk.columns} columns do not continue a walk of "
        f"{len(walk.offsets)} passes",
    )


class ComputeUnit:
    """Executes tiles on the contents of the scratchpads.

    Parameters
    ----------
    parameters : Parameters
    scratchpads : Scratchpads

    Attributes
    ----------
    table : ndarray of shape (TABLE_BYTES,), uint8, optional
        Replaces results until the next setup.
    """

    def __init__(self, parameters: Parameters, scratchpads: Scratchpads) -> None:
        self._parameters = parameters
        self._pads = scratchpads
        self._sums = np.zeros((parameters.accumulators, parameters.cols), np.int64)
        self._bias = Biases(parameters)
        self._unknown = np.zeros(parameters.accumulators, bool)  # sums of cells nobody scanned
        self._begun = np.zeros(self._sums.shape, bool)  # sums that are not yet output
        self._depthwise = DepthwisePasses(parameters)
        self._walk: Walk | None = None
        self.table: npt.NDArray[np.uint8] | None = None
        self._vectors: dict[tuple[int, ...], tuple[int, int, Cells, npt.NDArray[np.bool_]]] = {}

    def forget(self, low: int, high: int) -> None:
        """Invalidate cached activations of addresses `low` to `high` - 1."""
        self._vectors = {
            key: entry
            for key, entry in self._vectors.items()
            if entry[1] <= low or entry[0] >= high
        }

    def setup(self, instruction: Instruction) -> None:
        """Execute SETUP, SETUP_ADD or SETUP_MUL.

        Raises
        ------
        Fault
            If the accelerator does not support the mode or the geometry.
        """
        rows = self._parameters.rows
        self._vectors.clear()
        self.table = None
        mode = mode_of(instruction)
        if instruction.opcode in (Opcode.SETUP_ADD, Opcode.SETUP_MUL):
            check_factors(instruction, self._parameters)
            self._walk = Walk(instruction, mode, np.zeros((1, rows), np.int64), np.ones(0, bool))
            return
        geometry = Reduction(
            *(instruction[name] for name in ("run", "taps", "tap_pitch", "lines")),
            line_pitch=instruction["line_pitch"],
            pack_taps=bool(instruction["pack_taps"]),
            pack_lines=bool(instruction["pack_lines"]),
        )
        if mode != Mode.DENSE:
            self._check_window(instruction)
        bits = width_of(instruction, self._parameters)
        banks = self._parameters.activation_banks
        walk = list(islice(reduction(geometry, rows), _LONGEST_WALK + 1))
        if len(walk) > _LONGEST_WALK:
            raise Unchecked(
                ErrorCode.ILLEGAL_INSTRUCTION, f"a walk has more than {_LONGEST_WALK} passes"
            )
        if any((p.b - p.a) % banks for p in walk):
            raise Unchecked(
                ErrorCode.ILLEGAL_INSTRUCTION,
                f"a vector takes two bytes from one of the {banks} activation banks",
            )
        index = np.arange(rows)
        offsets = np.stack([p.offsets(rows) for p in walk])
        used = np.stack([index < p.used for p in walk])
        self._walk = Walk(instruction, mode, offsets, used, weight_bits=bits)

    def _check_window(self, setup: Instruction) -> None:
        """Check the static rule of windows, which the hardware does not check."""
        if setup["run"] != self._parameters.rows:
            raise Unchecked(
                ErrorCode.ILLEGAL_INSTRUCTION,
                f"run must be {self._parameters.rows} where windows are scanned, "
                f"got {setup['run']}",
            )

    def compute(self, instruction: Instruction, clock: Clock) -> None:
        """Execute COMPUTE.

        Raises
        ------
        Fault
            If the accelerator does not support the tile, or its operands were never loaded.
        ValueError
            If no token orders an access after a conflicting one of another unit.
        """
        walk = self._check(instruction)
        if walk.mode == Mode.MAX:
            self._maximum(instruction, clock, walk.setup)
        elif walk.mode in (Mode.ADD, Mode.MUL):
            self._combine(instruction, clock, walk.setup)
        else:
            self._accumulate(instruction, clock, walk)

    def has_outputs(self, instruction: Instruction) -> bool:
        """Whether a COMPUTE in the active mode writes outputs; only then STORE gets a token."""
        assert self._walk is not None
        weighted = self._walk.mode in (Mode.DENSE, Mode.DEPTHWISE)
        return bool(instruction["last"]) or not weighted

    def _check(self, instruction: Instruction) -> Walk:
        """Check a tile as the activation feeder does."""
        p = self._parameters
        pixels = instruction["height"] * instruction["width"]
        if self._walk is None:
            raise Fault(ErrorCode.ILLEGAL_INSTRUCTION, "COMPUTE comes before any SETUP")
        weighted = self._walk.mode in (Mode.DENSE, Mode.DEPTHWISE)
        once = tuple(instruction[name] for name in ("passes", "first", "last")) == (1, 1, 1)
        if not weighted and not once:
            raise Fault(
                ErrorCode.ILLEGAL_INSTRUCTION,
                f"COMPUTE must have one pass, first and last, where the mode is "
                f"{self._walk.mode.name}",
            )
        limits: list[tuple[str, int, int]] = []
        if weighted:
            self._check_walk(instruction, self._walk)
            last = instruction["accumulator"] + pixels - 1
            limits.append(("accumulator", last, p.accumulators))
        else:
            limits.append(("pixel", pixels - 1, p.output_bytes))
        for name, value, limit in limits:
            if value >= limit:
                raise Fault(ErrorCode.SCRATCHPAD_RANGE, f"{name} {value} is beyond {limit - 1}")
        if self._walk.mode in (Mode.DEPTHWISE, Mode.MAX):
            cells = scan(self._walk.setup, instruction)[1]
            if cells > p.line_cells:  # the cells of a line buffer are numbered modulo its size
                raise Unchecked(
                    ErrorCode.SCRATCHPAD_RANGE,
                    f"cell of a line {cells - 1} is beyond {p.line_cells - 1}",
                )
        if weighted:
            self._check_end(instruction, self._walk, instruction["passes"])
        return self._walk

    def _check_walk(self, instruction: Instruction, walk: Walk) -> None:
        """Check what is known before the first pass: the walk, and room for the weights."""
        if instruction["first"]:
            walk.position, walk.columns = 0, instruction["columns"]
        if instruction["columns"] != walk.columns:
            raise _no_walk(instruction, walk)
        check_room(instruction, walk.weight_bits, self._parameters)
        self._check_end(instruction, walk, 1)

    def _check_end(self, instruction: Instruction, walk: Walk, passes: int) -> None:
        """Check that the walk has some more passes."""
        if walk.position + passes > len(walk.offsets):
            raise _no_walk(instruction, walk)

    def _accumulate(self, instruction: Instruction, clock: Clock, walk: Walk) -> None:
        """Accumulate sums over passes, starting from the bias, and requantize them to codes."""
        columns, passes = instruction["columns"], instruction["passes"]
        header, codes = read_weights(
            instruction, walk.weight_bits, clock, self._pads, self._parameters
        )
        pixels = instruction["height"] * instruction["width"]
        entries = slice(instruction["accumulator"], instruction["accumulator"] + pixels)
        sums = self._sums[entries, :columns]
        if instruction["first"]:
            self._unknown[entries], self._begun[entries, :columns] = False, True
            sums[:] = self._bias.open(instruction, header)
        weights = codes.astype(np.float32)
        if walk.mode == Mode.DENSE:
            self._multiply(instruction, clock, walk, sums, weights)
        else:
            read = partial(self._cells, instruction, clock)
            for number in range(passes):
                part = weights[
                    number * self._parameters.rows : (number + 1) * self._parameters.rows
                ]
                origin = instruction["activation"] + int(walk.offsets[walk.position + number, 0])
                total, unknown = self._depthwise.run(instruction, walk, origin, part, read)
                np.add(sums, total, out=sums, casting="unsafe")
                self._unknown[entries] |= unknown
        walk.position += passes
        self._bias.keep(instruction, walk.mode, sums)
        if instruction["last"]:
            if not self._begun[entries, :columns].all():  # the last pass is output, and not kept
                raise Unchecked(
                    ErrorCode.SCRATCHPAD_RANGE, "outputs sums that nobody began, or output before"
                )
            self._begun[entries, :columns] = False
            if self._unknown[entries].any():
                raise Unchecked(ErrorCode.SCRATCHPAD_RANGE, "outputs sums of cells nobody scanned")
            zero_point, low, high = (
                walk.setup[name] + 128 for name in ("zero_point", "low", "high")
            )
            acc = sums.astype(np.int32)
            results = requantize(acc, self._bias.multiplier[:columns], zero_point, low, high)
            self._place(instruction, clock, results ^ np.uint8(0x80))

    def _multiply(
        self,
        instruction: Instruction,
        clock: Clock,
        walk: Walk,
        sums: npt.NDArray[np.int64],
        weights: Cells,
    ) -> None:
        """Add the products of dense passes; `weights` has shape (passes * rows, columns)."""
        names = ("activation", "width", "height", "passes")
        key = (*(instruction[name] for name in names), walk.position)
        if key not in self._vectors:
            self._vectors[key] = self._gather(instruction, walk)
        low, high, vectors, unwritten = self._vectors[key]
        where = self._taken(instruction, walk, low, high)
        self._pads.activation_order.access(Unit.COMPUTE, clock, where, write=False)
        if weights[unwritten].any():
            raise Unchecked(ErrorCode.SCRATCHPAD_RANGE, UNLOADED)
        for start in range(0, len(weights), _EXACT):
            part = slice(start, start + _EXACT)
            np.add(sums, vectors[:, part] @ weights[part], out=sums, casting="unsafe")

    def _taken(
        self, instruction: Instruction, walk: Walk, low: int, high: int
    ) -> slice | npt.NDArray[np.int64]:
        """Bytes that dense passes read: some channels of each pixel, or all from `low` on."""
        setup, count = walk.setup, instruction["passes"]
        if setup["taps"] * setup["lines"] > 1 or count == len(walk.offsets):
            return slice(low, high)
        passes = slice(walk.position, walk.position + count)
        origins = self._cell_addresses(instruction, setup, instruction["activation"])
        return origins.reshape(-1, 1) + walk.offsets[passes][walk.used[passes]]

    def _gather(
        self, instruction: Instruction, walk: Walk
    ) -> tuple[int, int, Cells, npt.NDArray[np.bool_]]:
        """Dense activations, shape (pixels, passes * rows).

        Returns
        -------
        low, high : int
            Range of addresses read by rows with weights.
        vectors : ndarray of shape (pixels, passes * rows), float32
            0 where unwritten.
        unwritten : ndarray of shape (passes * rows,), bool
            Rows that read an unwritten byte.
        """
        passes = slice(walk.position, walk.position + instruction["passes"])
        offsets, size = walk.offsets[passes], self._pads.activation.size
        used = offsets[walk.used[passes]]
        origins = self._cell_addresses(instruction, walk.setup, instruction["activation"])
        low, high = int(origins.min() + used.min()), int(origins.max() + used.max()) + 1
        self._check_range(high)
        # Rows without a weight may run past the end.
        vectors = self._pads.activation[(origins.reshape(-1, 1) + offsets.reshape(-1)) % size]
        missing = np.isnan(vectors)
        unwritten = np.asarray(missing.any(axis=0))
        if unwritten.any():
            vectors[missing] = 0
        return low, high, vectors, unwritten

    def _maximum(self, instruction: Instruction, clock: Clock, setup: Instruction) -> None:
        window = setup["window_height"], setup["window_width"]
        stride = setup["stride_y"], setup["stride_x"]
        steps = setup["step_y"], setup["step_x"]
        self._depthwise.forget()
        shape = scan(setup, instruction)
        cells = self._cells(instruction, clock, instruction["activation"], steps, shape)
        missing = np.isnan(cells)
        if missing.any():
            if max_window(missing.view(np.int8), window, stride).any():
                raise Unchecked(ErrorCode.SCRATCHPAD_RANGE, UNLOADED)
            cells = np.where(missing, np.float32(0), cells)
        codes = max_window(cells.astype(np.int8), window, stride, setup["low"], setup["high"])
        self._place(instruction, clock, codes.view(np.uint8))

    def _combine(self, instruction: Instruction, clock: Clock, setup: Instruction) -> None:
        """Add or multiply two operands."""
        steps = setup["step_y"], setup["step_x"]
        first = instruction["activation"]
        operands = [
            self._cells(instruction, clock, origin, by)
            for origin, by in (
                (first, steps),
                (first + setup["operand_pitch"], second_steps(setup)),
            )
        ]
        if any(np.isnan(cells).any() for cells in operands):
            raise Unchecked(ErrorCode.SCRATCHPAD_RANGE, UNLOADED)
        a, b = (cells.astype(np.int8) for cells in operands)
        self._place(instruction, clock, combined(setup, a, b).view(np.uint8))

    def _cell_addresses(
        self, instruction: Instruction, setup: Instruction, origin: int
    ) -> npt.NDArray[np.int64]:
        """Addresses of a tile's pixels, shape (height, width)."""
        y = np.arange(instruction["height"])[:, None] * setup["step_y"]
        return origin + y + np.arange(instruction["width"]) * setup["step_x"]

    def _cells(
        self,
        instruction: Instruction,
        clock: Clock,
        origin: int,
        steps: tuple[int, int],
        shape: tuple[int, int] | None = None,
    ) -> Cells:
        """Vectors of `columns` bytes, `steps` apart, shape (height, width, columns); a view."""
        height, width = shape or (instruction["height"], instruction["width"])
        columns = instruction["columns"]
        end = origin + (height - 1) * steps[0] + (width - 1) * steps[1] + columns
        self._check_range(end)
        self._pads.activation_order.access(Unit.COMPUTE, clock, slice(origin, end), write=False)
        part = self._pads.activation[origin:end]
        strides = (4 * steps[0], 4 * steps[1], 4)
        return np.lib.stride_tricks.as_strided(part, (height, width, columns), strides)

    def _check_range(self, end: int) -> None:
        if end > (size := self._pads.activation.size):
            raise Unchecked(
                ErrorCode.SCRATCHPAD_RANGE, f"activation address {end - 1} is beyond {size - 1}"
            )

    def _place(self, instruction: Instruction, clock: Clock, codes: npt.NDArray[np.uint8]) -> None:
        """Write bytes, shape (..., columns), to the output scratchpad, pixel by pixel."""
        columns = instruction["columns"]
        codes = codes.reshape(-1, columns)
        if self.table is not None:
            codes = look_up(codes.view(np.int8), self.table).view(np.uint8)
        starts = instruction["output"] + np.arange(len(codes)) * instruction["output_pitch"]
        size = self._parameters.output_bytes
        if starts[-1] + columns > size:
            raise Unchecked(
                ErrorCode.SCRATCHPAD_RANGE,
                f"output address {starts[-1] + columns - 1} is beyond {size - 1}",
            )
        index = starts[:, None] + np.arange(columns)
        where = slice(int(starts[0]), int(starts[-1]) + columns)
        self._pads.output_order.access(Unit.COMPUTE, clock, where, write=True)
        self._pads.output[index] = codes
        self._pads.output_written[index] = True
