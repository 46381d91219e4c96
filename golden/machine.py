"""The accelerator at the level of its instructions: runs the very program that the RTL runs.

`Machine` decodes a program from memory and executes it in program order, exactly, in NumPy. It
is stricter than the hardware: it also refuses a program that reads bytes nobody wrote, or whose
tokens leave two conflicting accesses unordered.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from .isa import (
    INSTRUCTION_BYTES,
    PARAMETER_ROWS,
    UNIT_OF,
    Instruction,
    Opcode,
    Unit,
    decode,
)
from .parameters import Parameters
from .reduction import Reduction, reduction
from .registers import ErrorCode
from .requantize import requantize
from .tokens import AccessOrder, Clock, Tokens

__all__ = ["Machine", "ProgramError"]

_EXACT = 1024  # products of int8 whose sum float32 holds exactly


class ProgramError(Exception):
    """A program that the accelerator must refuse.

    Parameters
    ----------
    index : int
        Number of the instruction, from 0.
    code : ErrorCode
    reason : str
    """

    def __init__(self, index: int, code: ErrorCode, reason: str) -> None:
        super().__init__(f"instruction {index}: {reason}")
        self.index = index
        self.code = code


class _Fault(Exception):
    """What is wrong with an instruction, before its number is known."""

    def __init__(self, code: ErrorCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code


@dataclass
class _Walk:
    """State of the compute unit from one COMPUTE to the next."""

    setup: Instruction
    offsets: npt.NDArray[np.int64]  # (passes, rows)
    used: npt.NDArray[np.bool_]  # (passes, rows)
    position: int = 0
    columns: int = 0
    multiplier: npt.NDArray[np.float32] = field(default_factory=lambda: np.ones(0, np.float32))


class Machine:
    """One accelerator and its memory.

    Parameters
    ----------
    parameters : Parameters
    memory : ndarray of shape (bytes,), uint8
        Changed in place by `run`.

    Attributes
    ----------
    executed : int
        Instructions of the last run, `END` included.
    """

    def __init__(self, parameters: Parameters, memory: npt.NDArray[np.uint8]) -> None:
        self.parameters = parameters
        self.memory = memory
        self.executed = 0

    def run(self, program: int) -> None:
        """Execute a program, up to its `END`.

        Parameters
        ----------
        program : int
            Byte offset of its first instruction in memory.

        Raises
        ------
        ProgramError
            If the program is illegal; memory keeps what was stored until then.
        """
        self._reset()
        while True:
            index = self.executed
            start = program + index * INSTRUCTION_BYTES
            try:
                instruction = self._decode(start)
                self.executed += 1
                if instruction.opcode == Opcode.END:
                    return
                self._execute(instruction)
            except _Fault as fault:
                raise ProgramError(index, fault.code, str(fault)) from None

    def _reset(self) -> None:
        p = self.parameters
        self.executed = 0
        # NaN stands for a byte that nobody wrote.
        self._activation = np.full(p.activation_bytes, np.nan, np.float32)
        self._weight = np.zeros(p.weight_bytes, np.uint8)
        self._weight_written = np.zeros(p.weight_bytes, bool)
        self._output = np.zeros(p.output_bytes, np.uint8)
        self._output_written = np.zeros(p.output_bytes, bool)
        self._sums = np.zeros((p.accumulators, p.cols), np.int64)
        self._walk: _Walk | None = None
        self._windows: dict[tuple[int, ...], tuple[int, int, np.ndarray, np.ndarray]] = {}
        self._tokens = Tokens()
        sizes = p.activation_bytes, p.weight_bytes, p.output_bytes
        self._order = dict(zip("awo", map(AccessOrder, sizes), strict=True))

    def _decode(self, start: int) -> Instruction:
        data = self.memory[start : start + INSTRUCTION_BYTES].tobytes()
        if len(data) < INSTRUCTION_BYTES:
            raise _Fault(ErrorCode.READ_ERROR, "the program runs past the end of memory")
        try:
            return decode(data)
        except ValueError:
            raise _Fault(
                ErrorCode.ILLEGAL_INSTRUCTION, f"opcode {data[0] & 15} is illegal"
            ) from None

    def _execute(self, instruction: Instruction) -> None:
        unit = UNIT_OF[instruction.opcode]
        try:
            clock = self._tokens.begin(unit, instruction)
            self._HANDLERS[instruction.opcode](self, instruction, clock)
            self._tokens.finish(unit, instruction)
        except ValueError as error:
            raise _Fault(ErrorCode.DEADLOCK, str(error)) from None

    def _rows(self, instruction: Instruction, target: str, size: int) -> npt.NDArray[np.int64]:
        """Scratchpad addresses of a transfer's rows, shape (rows,), all within its size."""
        rows, row_bytes = instruction["rows"], instruction["row_bytes"]
        if rows == 0 or row_bytes == 0:
            raise _Fault(ErrorCode.ILLEGAL_INSTRUCTION, "rows and row_bytes must not be 0")
        starts = instruction["buffer"] + np.arange(rows) * instruction["buffer_pitch"]
        if starts[-1] + row_bytes > size:
            raise _Fault(
                ErrorCode.SCRATCHPAD_RANGE,
                f"{target} address {starts[-1] + row_bytes - 1} is beyond {size - 1}",
            )
        return starts

    def _memory_rows(self, instruction: Instruction) -> npt.NDArray[np.int64]:
        rows, row_bytes = instruction["rows"], instruction["row_bytes"]
        starts = instruction["memory"] + np.arange(rows) * instruction["memory_pitch"]
        if starts[-1] + row_bytes > self.memory.size:
            store = instruction.opcode == Opcode.STORE
            raise _Fault(
                ErrorCode.WRITE_ERROR if store else ErrorCode.READ_ERROR,
                f"memory address {starts[-1] + row_bytes - 1} is beyond {self.memory.size - 1}",
            )
        return starts

    def _load(self, instruction: Instruction, clock: Clock) -> None:
        size = self.parameters.activation_bytes
        targets = self._rows(instruction, "activation", size)
        row_bytes = instruction["row_bytes"]
        columns = np.arange(row_bytes)
        if instruction.opcode == Opcode.FILL:
            values = instruction["value"]
        else:
            sources = self._memory_rows(instruction)
            values = self.memory[sources[:, None] + columns].view(np.int8)
        for target in targets:
            where = slice(int(target), int(target) + row_bytes)
            self._order["a"].access(Unit.LOAD, clock, where, write=True)
        self._activation[targets[:, None] + columns] = values
        low, high = int(targets[0]), int(targets[-1]) + row_bytes
        self._windows = {
            key: entry
            for key, entry in self._windows.items()
            if entry[1] <= low or entry[0] >= high
        }

    def _fetch_weights(self, instruction: Instruction, clock: Clock) -> None:
        axi, size = self.parameters.axi_bytes, self.parameters.weight_bytes
        start, length = instruction["buffer"], instruction["row_bytes"]
        for name in ("memory", "buffer", "row_bytes"):
            if instruction[name] % axi:
                raise _Fault(
                    ErrorCode.ILLEGAL_INSTRUCTION,
                    f"{name} of WEIGHT must be a multiple of {axi}, got {instruction[name]}",
                )
        if instruction["rows"] != 1:
            raise _Fault(ErrorCode.ILLEGAL_INSTRUCTION, "WEIGHT must have one row")
        if not 0 < length <= size or start >= size:
            raise _Fault(
                ErrorCode.SCRATCHPAD_RANGE,
                f"weights of {length} bytes from {start} do not fit {size} bytes",
            )
        source = int(self._memory_rows(instruction)[0])
        data = self.memory[source : source + length]
        for where, part in _wrapped(start, length, size):
            self._order["w"].access(Unit.WEIGHT, clock, where, write=True)
            self._weight[where] = data[part]
            self._weight_written[where] = True

    def _store(self, instruction: Instruction, clock: Clock) -> None:
        sources = self._rows(instruction, "output", self.parameters.output_bytes)
        targets = self._memory_rows(instruction)
        row_bytes = instruction["row_bytes"]
        for source in sources:
            where = slice(int(source), int(source) + row_bytes)
            self._order["o"].access(Unit.STORE, clock, where, write=False)
        columns = np.arange(row_bytes)
        index = sources[:, None] + columns
        if not self._output_written[index].all():
            raise _Fault(ErrorCode.SCRATCHPAD_RANGE, "stores outputs that nobody computed")
        self.memory[targets[:, None] + columns] = self._output[index]

    def _setup(self, instruction: Instruction, clock: Clock) -> None:
        del clock
        banks = self.parameters.activation_banks
        geometry = Reduction(
            *(instruction[name] for name in ("run", "taps", "tap_pitch", "lines")),
            line_pitch=instruction["line_pitch"],
            pack_taps=bool(instruction["pack_taps"]),
            pack_lines=bool(instruction["pack_lines"]),
        )
        if min(geometry.run, geometry.taps, geometry.lines) < 1:
            raise _Fault(ErrorCode.ILLEGAL_INSTRUCTION, "run, taps and lines must not be 0")
        walk = list(reduction(geometry, self.parameters.rows))
        if any((p.b - p.a) % banks for p in walk):
            raise _Fault(
                ErrorCode.ILLEGAL_INSTRUCTION,
                f"a vector takes two bytes from one of the {banks} activation banks",
            )
        lanes = np.arange(self.parameters.rows)
        offsets = np.stack([p.offsets(self.parameters.rows) for p in walk])
        self._walk = _Walk(instruction, offsets, np.stack([lanes < p.used for p in walk]))

    def _compute(self, instruction: Instruction, clock: Clock) -> None:
        walk, p = self._walk, self.parameters
        pixels = instruction["height"] * instruction["width"]
        columns, passes = instruction["columns"], instruction["passes"]
        self._check_compute(instruction, pixels)
        assert walk is not None
        if instruction["first"]:
            walk.position, walk.columns = 0, columns
        end = walk.position + passes
        if end > len(walk.offsets) or columns != walk.columns:
            raise _Fault(
                ErrorCode.ILLEGAL_INSTRUCTION,
                f"passes {walk.position} to {end - 1} of {walk.columns} columns do not continue "
                f"a walk of {len(walk.offsets)} passes",
            )
        rows = self._weight_rows(instruction, clock)
        entries = slice(instruction["accumulator"], instruction["accumulator"] + pixels)
        sums = self._sums[entries, :columns]
        if instruction["first"]:
            header = np.ascontiguousarray(rows[:PARAMETER_ROWS, :columns].T)
            sums[:] = header[:, :4].copy().view("<i4")[:, 0]
            walk.multiplier = header[:, 4:].copy().view("<f4")[:, 0]
            rows = rows[PARAMETER_ROWS:]
        weights = rows[:, :columns].view(np.int8).astype(np.float32)
        windows, unwritten = self._window(instruction, clock, walk, end)
        if weights[unwritten].any():
            raise _Fault(ErrorCode.SCRATCHPAD_RANGE, "computes with activations nobody loaded")
        for start in range(0, passes * p.rows, _EXACT):
            part = slice(start, start + _EXACT)
            np.add(sums, windows[:, part] @ weights[part], out=sums, casting="unsafe")
        walk.position = end
        if instruction["last"]:
            self._requantize(instruction, clock, sums, walk)

    def _check_compute(self, instruction: Instruction, pixels: int) -> None:
        p = self.parameters
        columns = instruction["columns"]
        if self._walk is None:
            raise _Fault(ErrorCode.ILLEGAL_INSTRUCTION, "COMPUTE comes before any SETUP")
        if not 1 <= columns <= p.cols or pixels == 0 or instruction["passes"] == 0:
            raise _Fault(
                ErrorCode.ILLEGAL_INSTRUCTION,
                f"COMPUTE must have 1 to {p.cols} columns and at least one pixel and pass",
            )
        limits = (
            ("activation", instruction["activation"], p.activation_bytes),
            ("accumulator", instruction["accumulator"] + pixels - 1, p.accumulators),
            ("weight row", instruction["weight"], p.weight_rows),
        )
        for name, value, limit in limits:
            if value >= limit:
                raise _Fault(ErrorCode.SCRATCHPAD_RANGE, f"{name} {value} is beyond {limit - 1}")

    def _weight_rows(self, instruction: Instruction, clock: Clock) -> npt.NDArray[np.uint8]:
        """Rows of the weight scratchpad that a COMPUTE takes, shape (rows, row bytes)."""
        p = self.parameters
        count = instruction["passes"] * p.rows + PARAMETER_ROWS * instruction["first"]
        if count > p.weight_rows:
            raise _Fault(
                ErrorCode.SCRATCHPAD_RANGE,
                f"{count} rows of weights do not fit the scratchpad's {p.weight_rows}",
            )
        data = np.empty(count * p.weight_row_bytes, np.uint8)
        start = instruction["weight"] * p.weight_row_bytes
        for where, part in _wrapped(start, data.size, p.weight_bytes):
            if not self._weight_written[where].all():
                raise _Fault(ErrorCode.SCRATCHPAD_RANGE, "computes with weights nobody loaded")
            self._order["w"].access(Unit.COMPUTE, clock, where, write=False)
            data[part] = self._weight[where]
        return data.reshape(count, p.weight_row_bytes)

    def _window(
        self, instruction: Instruction, clock: Clock, walk: _Walk, end: int
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
        """Activations (pixels, passes * rows), 0 where unwritten, and lanes that met such."""
        names = ("activation", "width", "height")
        key = (*(instruction[name] for name in names), walk.position, end, id(walk))
        if key not in self._windows:
            self._windows[key] = self._gather(instruction, walk, end)
        low, high, windows, unwritten = self._windows[key]
        self._order["a"].access(Unit.COMPUTE, clock, slice(low, high), write=False)
        return windows, unwritten

    def _gather(
        self, instruction: Instruction, walk: _Walk, end: int
    ) -> tuple[int, int, npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
        """The range of addresses that lanes with weights read, and what `_window` gives."""
        step_y, step_x = walk.setup["step_y"], walk.setup["step_x"]
        y = np.arange(instruction["height"])[:, None] * step_y
        origins = instruction["activation"] + y + np.arange(instruction["width"]) * step_x
        passes = slice(walk.position, end)
        offsets, size = walk.offsets[passes], self._activation.size
        used = offsets[walk.used[passes]]
        low, high = int(origins.min() + used.min()), int(origins.max() + used.max()) + 1
        if high > size:
            raise _Fault(
                ErrorCode.SCRATCHPAD_RANGE, f"activation address {high - 1} is beyond {size - 1}"
            )
        # Lanes without weight may run over the end.
        windows = self._activation[(origins.reshape(-1, 1) + offsets.reshape(-1)) % size]
        missing = np.isnan(windows)
        unwritten = np.asarray(missing.any(axis=0))
        if unwritten.any():
            windows[missing] = 0
        return low, high, windows, unwritten

    def _requantize(
        self, instruction: Instruction, clock: Clock, sums: npt.NDArray[np.int64], walk: _Walk
    ) -> None:
        columns, pitch = instruction["columns"], instruction["output_pitch"]
        starts = instruction["output"] + np.arange(len(sums)) * pitch
        if starts[-1] + columns > self.parameters.output_bytes:
            raise _Fault(
                ErrorCode.SCRATCHPAD_RANGE,
                f"output address {starts[-1] + columns - 1} is beyond "
                f"{self.parameters.output_bytes - 1}",
            )
        setup = walk.setup
        zero_point, low, high = (setup[name] + 128 for name in ("zero_point", "low", "high"))
        codes = requantize(sums.astype(np.int32), walk.multiplier, zero_point, low, high)
        index = starts[:, None] + np.arange(columns)
        where = slice(int(starts[0]), int(starts[-1]) + columns)
        self._order["o"].access(Unit.COMPUTE, clock, where, write=True)
        self._output[index] = codes ^ 0x80
        self._output_written[index] = True

    _HANDLERS = {
        Opcode.LOAD: _load,
        Opcode.FILL: _load,
        Opcode.WEIGHT: _fetch_weights,
        Opcode.SETUP: _setup,
        Opcode.COMPUTE: _compute,
        Opcode.STORE: _store,
    }


def _wrapped(start: int, length: int, size: int) -> list[tuple[slice, slice]]:
    """Pieces of a range that wraps at `size`: where they lie, and which part they are."""
    head = min(length, size - start)
    pieces = [(slice(start, start + head), slice(0, head))]
    if length > head:
        pieces.append((slice(0, length - head), slice(head, length)))
    return pieces
