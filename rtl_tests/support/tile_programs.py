"""Memory, loads, tiles and stores of programs that are written by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from unit_bench import instruction

from maccord.golden.array.lookup import table_bytes
from maccord.spec.isa import (
    INSTRUCTION_BYTES,
    PARAMETER_ROWS,
    TABLE_BYTES,
    Instruction,
    Opcode,
    Unit,
    encode_program,
)
from maccord.spec.parameters import Parameters
from maccord.verify.regress.operations import cuts

__all__ = ["TileProgram"]

_LOAD, _WEIGHT, _COMPUTE, _STORE = (1 << unit for unit in Unit)
_OUTPUTS = 1 << 16  # where they lie in memory
_MEMORY = 1 << 18
_PROGRAM = 3 << 16


class TileProgram:
    """Allocates memory for a program and appends its loads, tiles and stores.

    Attributes
    ----------
    outputs : list of (offset, ndarray of int8)
        What must lie in memory at the end.
    program : list of Instruction
        Without its END.
    """

    def __init__(self, rng: np.random.Generator, parameters: Parameters) -> None:
        self.parameters = parameters
        self.outputs: list[tuple[int, np.ndarray]] = []
        self._rng = rng
        self.program: list[Instruction] = []
        self._table: tuple[int, np.ndarray] | None = None  # of the layer: address, code to code
        self._memory = rng.integers(0, 256, _MEMORY, dtype=np.uint8)
        self._used = {"memory": 0, "activation": 0, "weight": 0, "output": 0, "target": _OUTPUTS}

    def image(self) -> tuple[np.ndarray, int]:
        """Memory with program and data, and the program's offset."""
        encoded = encode_program([*self.program, Instruction(Opcode.END, {})])
        code = np.frombuffer(encoded, np.uint8)
        assert self._used["memory"] <= _OUTPUTS and self._used["target"] <= _PROGRAM
        assert len(code) <= _MEMORY - _PROGRAM, len(code) // INSTRUCTION_BYTES
        memory = self._memory.copy()
        memory[_PROGRAM : _PROGRAM + code.size] = code
        return memory, _PROGRAM

    def _take(self, what: str, size: int, alignment: int = 1) -> int:
        limit = {
            "activation": self.parameters.activation_bytes,
            "weight": self.parameters.weight_bytes,
            "output": self.parameters.output_bytes,
        }.get(what, _MEMORY)
        start = -(-self._used[what] // alignment) * alignment
        self._used[what] = start + size
        assert start + size <= limit, f"{what}: {start + size} bytes are beyond {limit}"
        return start

    def _put(self, data: np.ndarray) -> int:
        """Place bytes in memory; where the bus takes weights from is aligned."""
        offset = self._take("memory", data.size, 64)
        self._memory[offset : offset + data.size] = data.reshape(-1).view(np.uint8)
        return offset

    def _emit(self, opcode: Opcode, wait: int = 0, signal: int = 0, **fields: int) -> None:
        fields = {name: int(value) for name, value in fields.items()}
        self.program.append(instruction(opcode, wait, signal, **fields))

    def _load_table(self) -> None:
        """Bring a random table to the activation scratchpad, before what the layer reads."""
        table = self._rng.integers(0, 256, TABLE_BYTES, dtype=np.uint8)
        address = self._take("activation", TABLE_BYTES)
        data = table_bytes(table).reshape(1, 1, -1)
        self._load(data, TABLE_BYTES, address, signal=0)
        self._table = (address, table)

    def _load(self, cells: np.ndarray, pitch: int, buffer: int, signal: int = _COMPUTE) -> None:
        """Bring cells, shape (lines, width, channels), to the activation scratchpad."""
        lines, width, channels = cells.shape
        self._emit(
            Opcode.LOAD,
            signal=signal,
            memory=self._put(cells),
            memory_pitch=channels,
            buffer=buffer,
            buffer_pitch=pitch,
            rows=lines * width,
            row_bytes=channels,
        )

    def _cells(self, cells: np.ndarray) -> tuple[int, int]:
        """Bring cells to the activation scratchpad; return where they are, and their pitch."""
        lines, width, channels = cells.shape
        pitch = channels + int(self._rng.integers(4))
        buffer = self._take("activation", lines * width * pitch)
        self._load(cells, pitch, buffer)
        return buffer, pitch

    def _weights(self, stream: np.ndarray) -> int:
        """Bring rows of weights, shape (rows, cols), to their scratchpad; return the first row."""
        p = self.parameters
        rows = np.zeros((len(stream), p.weight_row_bytes), np.uint8)
        rows[:, : stream.shape[1]] = stream.view(np.uint8)
        size = -(-rows.size // p.axi_bytes) * p.axi_bytes
        buffer = self._take("weight", size, max(p.axi_bytes, p.weight_row_bytes))
        data = np.zeros(size, np.uint8)
        data[: rows.size] = rows.reshape(-1)
        self._emit(
            Opcode.WEIGHT,
            signal=_COMPUTE,
            memory=self._put(data),
            buffer=buffer,
            rows=1,
            row_bytes=size,
        )
        return buffer // p.weight_row_bytes

    def _tiles(
        self,
        y: np.ndarray,
        origin: Callable[[int, int, int], int],
        streams: list[np.ndarray] | None = None,
        widest: int = 1 << 16,
        *,
        whole: bool = False,
    ) -> None:
        """Emit the COMPUTEs and STOREs of a layer.

        Parameters
        ----------
        y : ndarray of shape (height, width, channels), uint8
            Codes that are due.
        origin : callable
            Address of the first cell of the pixel at (y, x) for the column tile from a channel.
        streams : list of ndarray, optional
            Weights, of each column tile: parameters and passes.
        widest : int
            Pixels in a line of a tile.
        whole : bool
            Whether there is one tile of all pixels for each column tile.
        """
        rng, p = self._rng, self.parameters
        height, width, channels = y.shape
        pitch = channels + int(rng.integers(4))
        target = self._take("target", y.size)
        tokens = _LOAD
        if self._table is not None:
            # Loads are in order: the token of the layer's last one is the table's, too
            self._emit(Opcode.TABLE, wait=tokens, activation=self._table[0])
            y, tokens = self._table[1][y], 0
        self.outputs.append((target, (y ^ 0x80).view(np.int8).reshape(-1)))
        for tile, first in enumerate(range(0, channels, p.cols)):
            columns = min(p.cols, channels - first)
            row, passes = 0, 1
            if streams:
                passes = (len(streams[tile]) - PARAMETER_ROWS) // p.rows
                row = self._weights(streams[tile])
                tokens |= _WEIGHT
            for line, lines in [(0, height)] if whole else cuts(rng, height, 6):
                most = min(widest, p.accumulators // lines)
                for cell, cells in [(0, width)] if whole else cuts(rng, width, most):
                    output = self._take("output", lines * cells * pitch)
                    fields = {
                        "activation": origin(line, cell, first),
                        "columns": columns,
                        "width": cells,
                        "height": lines,
                        "accumulator": int(rng.integers(p.accumulators - lines * cells + 1)),
                        "output": output,
                        "output_pitch": pitch,
                    }
                    self._computes(fields, row, passes, tokens)
                    tokens = 0
                    for y0 in range(lines):
                        place = (line + y0) * width + cell
                        self._emit(
                            Opcode.STORE,
                            wait=_COMPUTE if y0 == 0 else 0,
                            memory=target + place * channels + first,
                            memory_pitch=channels,
                            buffer=output + y0 * cells * pitch,
                            buffer_pitch=pitch,
                            rows=cells,
                            row_bytes=columns,
                        )

    def _computes(self, fields: dict[str, int], row: int, passes: int, wait: int) -> None:
        """Emit a tile in one command, or at times its passes in several."""
        rng, p = self._rng, self.parameters
        parts = list(cuts(rng, passes, passes)) if rng.random() < 0.3 else [(0, passes)]
        for start, count in parts:
            ends = start + count == passes
            self._emit(
                Opcode.COMPUTE,
                wait=0 if start else wait,
                signal=_STORE if ends else 0,
                weight=row + start * p.rows + (PARAMETER_ROWS if start else 0),
                passes=count,
                first=start == 0,
                last=ends,
                **fields,
            )
