"""Cycle model: estimates a program's cycles from the durations of its instructions.

As in the hardware, units execute in order and synchronize through tokens, the program is
dispatched in order into finite queues, and loads have priority over weights on the read bus.
Instruction durations are averages, so the estimate is for choosing between tilings, not for
reporting results.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

from ..golden.feed.cell_walker import scan
from ..spec.isa import INSTRUCTION_BYTES, TABLE_BYTES, UNIT_OF, Instruction, Mode, Opcode, Unit
from ..spec.isa_names import RowFunction
from ..spec.isa_row import ROW_INSTRUCTIONS
from ..spec.parameters import Parameters
from ..spec.weight_widths import WIDTHS, tile_cycles

__all__ = ["TABLE_CYCLES", "estimate_cycles", "row_cycles"]

#: Cycles of TABLE: an entry each, and the way of the last one.
TABLE_CYCLES = TABLE_BYTES + 10

_UNITS = tuple(int(unit) for unit in Unit)
_QUEUE = 8  # instructions in a unit's queue
_LATENCY = 33  # cycles from a read request to data in the scratchpad
_START = 2  # cycles between instructions of a unit
_STORED = 42  # cycles from a store's last beat to its acknowledgement
_EXPOSED = 22  # cycles of a column tile's setup, hidden behind a long pass
_SETUP = 4
_ROWS = 26  # cycles of ROWS and of ROW_TABLE, beside rows and entries
_NORM = 297  # of a layer norm's row beside its vectors: mean, root and quotient, typically
_COMMAND = 6  # cycles between two COMPUTEs without weights


def estimate_cycles(program: Sequence[Instruction], parameters: Parameters) -> int:
    """Estimated cycles from start to interrupt, for a memory latency of 30 without stalls."""
    return round(_Timeline(program, parameters).run())


def row_cycles(function: RowFunction, elements: int, parameters: Parameters) -> int:
    """Estimated cycles from a row in the row unit to the next."""
    vectors = -(-elements // parameters.row_lanes)
    levels = (parameters.row_lanes - 1).bit_length()
    if function == RowFunction.SOFTMAX:
        return max(2 * vectors + levels + 22, 3 * vectors + 2 * levels + 16)
    return 2 * vectors + _NORM


class _Timeline:
    """Event-driven simulation of a program."""

    def __init__(self, program: Sequence[Instruction], parameters: Parameters) -> None:
        self.program, self.parameters = program, parameters
        self.time = 0.0
        self.queues: list[deque[Instruction]] = [deque() for _ in Unit]
        # [from][to]: times of arrival
        self.tokens: list[list[deque[float]]] = [[deque() for _ in Unit] for _ in Unit]
        self.running: list[Instruction | None] = [None] * len(Unit)
        self.left = [0.0] * len(Unit)  # cycles of work left
        self.load_rate = 0.0  # share of the read bus used by the current load alone
        self.load_burst = self.weight_burst = 1.0  # beats
        self.last_pass = 0  # cycles of the array's previous pass, if just ended
        self.idle_since = 0.0
        self.setup: Instruction | None = None  # the last one
        self.row_function = RowFunction.SOFTMAX
        self.finished = 0.0

    def run(self) -> float:
        """Return the completion time of the last instruction."""
        position, next_dispatch = 0, 2.0 * _LATENCY / 2 + 10
        step = max(1, INSTRUCTION_BYTES // self.parameters.axi_bytes)
        while True:
            while position < len(self.program) and self.time >= next_dispatch:
                instruction = self.program[position]
                if instruction.opcode != Opcode.END:
                    queue = self.queues[UNIT_OF[instruction.opcode]]
                    if len(queue) >= _QUEUE:
                        break
                    queue.append(instruction)
                position += 1
                next_dispatch = self.time + step
            for unit in _UNITS:
                self._start(unit)
            upcoming = [self.time + d for d in self._remaining() if d is not None]
            if position < len(self.program) and next_dispatch > self.time:
                upcoming.append(next_dispatch)
            upcoming += self._arrivals()
            if not upcoming:
                return max(self.time, self.finished) + 10
            self._advance(min(upcoming))

    def _rates(self) -> tuple[float, float, float, float]:
        if self.running[Unit.LOAD] is None or self.running[Unit.WEIGHT] is None:
            return 1.0, 1.0, 1.0, 1.0
        # Bursts of loads and weights alternate.
        share = min(self.load_rate, self.load_burst / (self.load_burst + self.weight_burst))
        load = share / self.load_rate if self.load_rate else 1.0
        return load, 1.0 - share, 1.0, 1.0

    def _remaining(self) -> list[float | None]:
        rates = self._rates()
        return [self.left[u] / rates[u] if self.running[u] and rates[u] else None for u in _UNITS]

    def _arrivals(self) -> list[float]:
        """Return times at which a token arrives that a unit may be waiting for."""
        times: list[float] = []
        for unit in _UNITS:
            if self.running[unit] is None and self.queues[unit]:
                wait = self.queues[unit][0].wait
                for other in _UNITS:
                    held = self.tokens[other][unit]
                    if wait >> other & 1 and held and held[0] > self.time:
                        times.append(held[0])
        return times

    def _advance(self, until: float) -> None:
        rates = self._rates()
        elapsed, self.time = until - self.time, until
        for unit in _UNITS:
            instruction = self.running[unit]
            if instruction is None:
                continue
            self.left[unit] -= elapsed * rates[unit]
            if self.left[unit] <= 1e-6:
                self.running[unit] = None
                if unit == Unit.COMPUTE:
                    self.idle_since = until
                self.finished = max(self.finished, until + self._latency(unit, Unit.STORE))
                gives = 0 if instruction.opcode in ROW_INSTRUCTIONS else instruction.signal
                for other in _UNITS:
                    if gives >> other & 1:
                        self.tokens[unit][other].append(until + self._latency(unit, other))

    def _start(self, unit: int) -> None:
        if self.running[unit] is not None or not self.queues[unit]:
            return
        instruction = self.queues[unit][0]
        if instruction.wait and instruction.opcode != Opcode.SETUP_ROW:
            needed = [self.tokens[u][unit] for u in _UNITS if instruction.wait >> u & 1]
            if any(not held or held[0] > self.time for held in needed):
                return
            for held in needed:
                held.popleft()
        self.running[unit] = self.queues[unit].popleft()
        self.left[unit] = self._duration(instruction)

    def _latency(self, unit: int, other: int) -> int:
        """Cycles from the end of an instruction's work to its token for another unit."""
        if unit == Unit.COMPUTE:
            return self.parameters.rows + self.parameters.cols + 16 if other == Unit.STORE else 2
        return 0 if unit == Unit.STORE else _LATENCY

    def _duration(self, instruction: Instruction) -> float:
        if instruction.opcode in (Opcode.SETUP, Opcode.SETUP_ADD, Opcode.SETUP_MUL):
            self.setup = instruction
            return _SETUP
        if instruction.opcode == Opcode.COMPUTE:
            return self._compute(instruction)
        if instruction.opcode == Opcode.TABLE:
            return TABLE_CYCLES
        if instruction.opcode in ROW_INSTRUCTIONS:
            return self._rows(instruction)
        if instruction.opcode == Opcode.GATHER:
            self.weight_burst = 1.0
            return _START + instruction["tiles"] * 2 * instruction["rows"] + self.parameters.rows
        axi, rows = self.parameters.axi_bytes, instruction["rows"]
        skew = instruction["memory"] % axi
        if instruction["memory_pitch"] % axi and rows > 1:
            skew = axi / 2 - 0.5
        beats = math.ceil((instruction["row_bytes"] + skew) / axi)
        bursts = 1 + beats // self.parameters.burst_beats
        if instruction.opcode == Opcode.FILL:
            self.load_rate = 0.0
            return _START + rows * beats
        duration = _START + rows * max(beats, 1 + bursts)
        if instruction.opcode == Opcode.LOAD:
            self.load_rate = rows * beats / duration
            self.load_burst = beats / bursts
        elif instruction.opcode == Opcode.WEIGHT:
            self.weight_burst = beats / bursts
        return duration + (_STORED if instruction.opcode == Opcode.STORE else 0)

    def _rows(self, instruction: Instruction) -> float:
        """Cycles of the row unit: a table's entries, or rows of the function that is set up."""
        if instruction.opcode == Opcode.SETUP_ROW:
            self.row_function = RowFunction(instruction["function"])
            return _START
        if instruction.opcode == Opcode.ROW_TABLE:
            return _ROWS + instruction["entries"]
        each = row_cycles(self.row_function, instruction["elements"], self.parameters)
        return _ROWS + instruction["rows"] * each

    def _compute(self, instruction: Instruction) -> float:
        if self.setup and self.setup.opcode == Opcode.SETUP_ADD:
            return _COMMAND + 2 * instruction["width"] * instruction["height"]
        if self.setup and self.setup.opcode == Opcode.SETUP_MUL:
            return self._product(instruction, self.setup)
        if self.setup and self.setup["mode"] != Mode.DENSE:
            return self._scan(instruction, self.setup)
        rows = self._tile_cycles()
        pixels = instruction["width"] * instruction["height"]
        one = max(pixels, rows)
        interval = self.parameters.columns_per_lane if instruction["last"] else 1
        last = max(pixels * interval, rows)
        hidden = self.last_pass if self.idle_since == self.time else 0
        needed = 2 * rows + _EXPOSED if instruction["first"] else rows
        exposed = min(max(needed - hidden, 0), rows + _EXPOSED)
        self.last_pass = last
        return _START + exposed + (instruction["passes"] - 1) * one + last

    def _tile_cycles(self) -> int:
        """Cycles to load a weight tile of the active width into the array."""
        code = self.setup.fields.get("weight_width", 0) if self.setup else 0
        return tile_cycles(self.parameters.rows, WIDTHS[code])

    def _product(self, instruction: Instruction, setup: Instruction) -> float:
        """Cycles of a product's reads: both operands, or one and a vector a line."""
        width, height = instruction["width"], instruction["height"]
        interval = self.parameters.columns_per_lane
        if setup.fields.get("broadcast"):
            return _COMMAND + height * (width * interval + 1)
        return _COMMAND + width * height * max(2, interval)

    def _scan(self, instruction: Instruction, setup: Instruction) -> float:
        """Cycles of a scan: the cells of a tile's lines, once per pass."""
        lines, cells = scan(setup, instruction)
        if setup["mode"] == Mode.MAX:
            return _COMMAND + lines * cells
        rows = self._tile_cycles()
        one = max(lines * cells, rows)
        hidden = self.last_pass if self.idle_since == self.time else 0
        exposed = min(max(2 * rows + _EXPOSED - hidden, 0), rows + _EXPOSED)
        self.last_pass = one
        return _START + exposed + instruction["passes"] * one
