"""Instruction-level model of the accelerator: executes the same program binary as the RTL.

`Machine` decodes a program from memory and executes it in program order, bit-exact, in NumPy. It
rejects every instruction that dispatch rejects, by the same table, `maccord.spec.isa.TABLE`. It is
stricter than the hardware: it also checks static rules that the hardware does not. Programs must
not read unwritten bytes; tokens must order conflicting accesses, in a scratchpad or in memory;
tiles must not run past a scratchpad's end.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ...spec.isa import (
    INSTRUCTION_BYTES,
    UNIT_OF,
    Instruction,
    Opcode,
    Unit,
    decode,
    implemented,
    violation,
)
from ...spec.parameters import Parameters
from ...spec.registers import ErrorCode
from ..control.tokens import Clock, Tokens
from ..memory.tile_gatherer import tile_gatherer
from .access_order import AccessOrder, UnorderedError
from .compute import ComputeUnit
from .rows import Rows
from .state import Fault, Refused, Scratchpads, Unchecked, wrapped
from .table import read_table

__all__ = ["Machine", "ProgramError"]

_WITHOUT_TOKENS = (Opcode.SETUP, Opcode.SETUP_ADD, Opcode.SETUP_MUL, Opcode.SETUP_ROW)
_OFFSETS = 1 << 32  # offsets in memory wrap, so that rows may go down


class ProgramError(Exception):
    """An illegal program.

    Parameters
    ----------
    index : int
        Number of the instruction, from 0.
    code : ErrorCode
    reason : str
    at_dispatch : bool
        Whether dispatch rejects the instruction; otherwise its unit does, or a static rule that
        only the machine checks.
    unchecked : bool
        Whether it violates such a static rule: the hardware does not detect it and continues.
    """

    def __init__(
        self,
        index: int,
        code: ErrorCode,
        reason: str,
        *,
        at_dispatch: bool = False,
        unchecked: bool = False,
    ) -> None:
        super().__init__(f"instruction {index}: {reason}")
        self.index = index
        self.code = code
        self.at_dispatch = at_dispatch
        self.unchecked = unchecked


class Machine:
    """One accelerator and its memory.

    Parameters
    ----------
    parameters : Parameters
    memory : ndarray of shape (bytes,), uint8
        Modified in place by `run`.

    Attributes
    ----------
    executed : int
        Number of instructions of the last run, `END` included.
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
            If the program is illegal; memory keeps the stores executed before.
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
            except Fault as fault:
                raise ProgramError(
                    index,
                    fault.code,
                    str(fault),
                    at_dispatch=isinstance(fault, Refused),
                    unchecked=isinstance(fault, Unchecked),
                ) from None

    def _reset(self) -> None:
        p = self.parameters
        self.executed = 0
        self._pads = Scratchpads(p)
        self._compute_unit = ComputeUnit(p, self._pads)
        self._rows_unit = Rows(self._pads)
        self._memory_order = AccessOrder(self.memory.size)
        self._tokens = Tokens()

    def _decode(self, start: int) -> Instruction:
        data = self.memory[start : start + INSTRUCTION_BYTES].tobytes()
        if len(data) < INSTRUCTION_BYTES:
            raise Fault(ErrorCode.READ_ERROR, "the program runs past the end of memory")
        try:
            instruction = decode(data)
        except ValueError:
            raise Refused(
                ErrorCode.ILLEGAL_INSTRUCTION, f"opcode {data[0] & 15} is illegal"
            ) from None
        if not implemented(instruction.opcode, self.parameters):
            name = instruction.opcode.name
            raise Refused(ErrorCode.ILLEGAL_INSTRUCTION, f"this hardware has no {name}")
        broken = violation(instruction, self.parameters)
        if broken is None:
            return instruction
        name = f"{instruction.opcode.name}.{broken.subject}"
        got = instruction[broken.subject]
        raise Refused(broken.error, f"{name} {broken.says(self.parameters)}, got {got}")

    def _execute(self, instruction: Instruction) -> None:
        unit = UNIT_OF[instruction.opcode]
        if instruction.opcode in _WITHOUT_TOKENS:
            instruction = replace(instruction, wait=0, signal=0)
        if instruction.opcode in (Opcode.ROW_TABLE, Opcode.ROWS):
            instruction = replace(instruction, signal=0)
        try:
            clock = self._tokens.begin(unit, instruction)
        except ValueError as error:
            raise Fault(ErrorCode.DEADLOCK, str(error)) from None
        try:
            self._HANDLERS[instruction.opcode](self, instruction, clock)
        except UnorderedError as error:
            raise Unchecked(ErrorCode.DEADLOCK, str(error)) from None
        except ValueError as error:  # of the arithmetic: a multiplier or a clamp
            raise Unchecked(ErrorCode.ILLEGAL_INSTRUCTION, str(error)) from None
        if unit == Unit.COMPUTE and not self._gives_store(instruction):
            instruction = replace(instruction, signal=instruction.signal & ~(1 << Unit.STORE))
        try:
            self._tokens.finish(unit, instruction)
        except ValueError as error:
            raise Fault(ErrorCode.DEADLOCK, str(error)) from None

    def _gives_store(self, instruction: Instruction) -> bool:
        """Whether an instruction of COMPUTE gives STORE a token: not one without outputs."""
        computes = instruction.opcode == Opcode.COMPUTE
        return not computes or self._compute_unit.has_outputs(instruction)

    def _rows(self, instruction: Instruction, target: str, size: int) -> npt.NDArray[np.int64]:
        """Scratchpad addresses of a transfer's rows, shape (rows,), checked against its size."""
        rows, row_bytes = instruction["rows"], instruction["row_bytes"]
        starts = instruction["buffer"] + np.arange(rows) * instruction["buffer_pitch"]
        if starts[-1] + row_bytes > size:
            # Row addresses wrap at 2**24 in hardware
            seen = ((starts % (1 << 24)) + row_bytes > size).any()
            raise (Fault if seen else Unchecked)(
                ErrorCode.SCRATCHPAD_RANGE,
                f"{target} address {starts[-1] + row_bytes - 1} is beyond {size - 1}",
            )
        return starts

    def _memory_rows(self, instruction: Instruction) -> npt.NDArray[np.int64]:
        rows, row_bytes = instruction["rows"], instruction["row_bytes"]
        pitch = instruction["memory_pitch"]
        starts = (instruction["memory"] + np.arange(rows) * pitch) % _OFFSETS
        last = int(starts.max()) + row_bytes - 1
        if last >= self.memory.size:
            store = UNIT_OF[instruction.opcode] == Unit.STORE
            raise Fault(
                ErrorCode.WRITE_ERROR if store else ErrorCode.READ_ERROR,
                f"memory address {last} is beyond {self.memory.size - 1}",
            )
        return starts

    def _access_memory(
        self, instruction: Instruction, clock: Clock, starts: npt.NDArray[np.int64]
    ) -> None:
        """Check that tokens order a transfer's memory accesses."""
        unit, row_bytes = UNIT_OF[instruction.opcode], instruction["row_bytes"]
        if instruction["memory_pitch"] == row_bytes or len(starts) == 1:
            starts, row_bytes = starts[:1], row_bytes * len(starts)
        for start in starts.tolist():
            where = slice(start, start + row_bytes)
            self._memory_order.access(unit, clock, where, write=unit == Unit.STORE)

    def _load(self, instruction: Instruction, clock: Clock) -> None:
        size = self.parameters.activation_bytes
        targets = self._rows(instruction, "activation", size)
        row_bytes = instruction["row_bytes"]
        columns = np.arange(row_bytes)
        if instruction.opcode == Opcode.FILL:
            values = instruction["value"]
        else:
            sources = self._memory_rows(instruction)
            self._access_memory(instruction, clock, sources)
            values = self.memory[sources[:, None] + columns].view(np.int8)
        for target in targets:
            where = slice(int(target), int(target) + row_bytes)
            self._pads.activation_order.access(Unit.LOAD, clock, where, write=True)
        self._pads.activation[targets[:, None] + columns] = values
        self._compute_unit.forget(int(targets[0]), int(targets[-1]) + row_bytes)

    def _fetch_weights(self, instruction: Instruction, clock: Clock) -> None:
        size = self.parameters.weight_bytes
        start, length = instruction["buffer"], instruction["row_bytes"]
        if length > size:  # it wraps, in hardware
            raise Unchecked(
                ErrorCode.SCRATCHPAD_RANGE,
                f"weights of {length} bytes from {start} do not fit {size} bytes",
            )
        sources = self._memory_rows(instruction)
        self._access_memory(instruction, clock, sources)
        source = int(sources[0])
        data = self.memory[source : source + length]
        for where, part in wrapped(start, length, size):
            self._pads.weight_order.access(Unit.WEIGHT, clock, where, write=True)
            self._pads.weight[where] = data[part]
            self._pads.weight_written[where] = True

    def _gather(self, instruction: Instruction, clock: Clock) -> None:
        """Fill weight tiles with a tensor's bytes."""
        p, get = self.parameters, instruction.fields
        size = get["tiles"] * p.rows * p.weight_row_bytes
        if size > p.weight_bytes:  # it wraps, in hardware
            raise Unchecked(
                ErrorCode.SCRATCHPAD_RANGE,
                f"tiles of {size} bytes do not fit {p.weight_bytes} bytes",
            )
        for tile in range(get["tiles"]):
            memory = (get["memory"] + tile * get["tile_pitch"]) % _OFFSETS
            part = replace(instruction, fields=get | {"memory": memory})
            self._access_memory(instruction, clock, self._memory_rows(part))
        data = tile_gatherer(instruction, self.memory, p).reshape(-1)
        for where, part in wrapped(get["buffer"], size, p.weight_bytes):
            self._pads.weight_order.access(Unit.WEIGHT, clock, where, write=True)
            self._pads.weight[where] = data[part]
            self._pads.weight_written[where] = True

    def _store(self, instruction: Instruction, clock: Clock) -> None:
        sources = self._rows(instruction, "output", self.parameters.output_bytes)
        targets = self._memory_rows(instruction)
        row_bytes = instruction["row_bytes"]
        for source in sources:
            where = slice(int(source), int(source) + row_bytes)
            self._pads.output_order.access(Unit.STORE, clock, where, write=False)
        columns = np.arange(row_bytes)
        index = sources[:, None] + columns
        if not self._pads.output_written[index].all():
            raise Unchecked(ErrorCode.SCRATCHPAD_RANGE, "stores outputs that nobody computed")
        self._access_memory(instruction, clock, targets)
        self.memory[targets[:, None] + columns] = self._pads.output[index]

    def _setup(self, instruction: Instruction, clock: Clock) -> None:
        del clock
        self._compute_unit.setup(instruction)

    def _compute(self, instruction: Instruction, clock: Clock) -> None:
        self._compute_unit.compute(instruction, clock)

    def _table(self, instruction: Instruction, clock: Clock) -> None:
        self._compute_unit.table = read_table(instruction, clock, self._pads)

    def _row_setup(self, instruction: Instruction, clock: Clock) -> None:
        del clock
        self._rows_unit.setup(instruction)

    def _row_table(self, instruction: Instruction, clock: Clock) -> None:
        self._rows_unit.table(instruction, clock)

    def _run_rows(self, instruction: Instruction, clock: Clock) -> None:
        self._rows_unit.run(instruction, clock)

    def _record(self, instruction: Instruction, clock: Clock) -> None:
        """Access memory like a RECORD; the hardware's counter values are unknown here."""
        self._access_memory(instruction, clock, self._memory_rows(instruction))

    _HANDLERS: ClassVar = {
        Opcode.LOAD: _load,
        Opcode.FILL: _load,
        Opcode.WEIGHT: _fetch_weights,
        Opcode.GATHER: _gather,
        Opcode.SETUP: _setup,
        Opcode.COMPUTE: _compute,
        Opcode.STORE: _store,
        Opcode.SETUP_ADD: _setup,
        Opcode.SETUP_MUL: _setup,
        Opcode.RECORD: _record,
        Opcode.TABLE: _table,
        Opcode.SETUP_ROW: _row_setup,
        Opcode.ROW_TABLE: _row_table,
        Opcode.ROWS: _run_rows,
    }
