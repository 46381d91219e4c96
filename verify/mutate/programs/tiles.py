"""Programs of random instructions, legal ones: geometry, tokens and data at their extremes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ....golden.feed.reduction import Reduction, reduction
from ....golden.machine.machine import Machine, ProgramError
from ....spec.isa import PARAMETER_ROWS, Instruction, Mode, Opcode, Unit, encode_program
from ....spec.isa_features import Feature, features
from ....spec.parameters import WINDOW, Parameters
from ..script import BASE, Script

__all__ = ["END", "PROGRAM", "assembled", "random_program", "relocated", "tile_script"]

END = Instruction(Opcode.END, {})
_SPACE = 1 << 12  # bytes of a part of memory: activations, weights, outputs, program
_ACTIVATIONS, _WEIGHTS, _OUTPUTS, PROGRAM = (part * _SPACE for part in range(4))
_OFFSETS = 1 << 32

Bytes = npt.NDArray[np.uint8]


def assembled(program: list[Instruction], rng: np.random.Generator, data: Bytes) -> Bytes:
    """Memory with data from its start, random bytes, and a program at `PROGRAM`."""
    code = np.frombuffer(encode_program([*program, END]), np.uint8)
    memory = rng.integers(0, 256, PROGRAM + max(code.size + 512, _SPACE), dtype=np.uint8)
    memory[: data.size] = data
    memory[PROGRAM : PROGRAM + code.size] = code
    return memory


class _Tiles:
    """Appends tiles to a program whose scratchpads are full of data."""

    def __init__(self, rng: np.random.Generator, parameters: Parameters) -> None:
        self.rng, self.parameters = rng, parameters
        self.program: list[Instruction] = []
        self.data = rng.integers(0, 256, _OUTPUTS, dtype=np.uint8)
        self._stored = self._output = 0  # bytes of outputs in memory, in the scratchpad
        self._weights()
        self._fills()

    def emit(self, opcode: Opcode, wait: int = 0, signal: int = 0, **fields: int) -> None:
        self.program.append(
            Instruction(opcode, {name: int(value) for name, value in fields.items()}, wait, signal)
        )

    def below(self, limit: int, low: int = 0) -> int:
        """Draw a number from `low` to below `limit`, at times one of the two ends."""
        ends = [low, limit - 1]
        return int(self.rng.choice([*ends, *self.rng.integers(low, limit, 4)]))

    def _weights(self) -> None:
        """Make a stream whose first rows are parameters that give outputs in range."""
        rng, p = self.rng, self.parameters
        exponent = int(rng.integers(4, 29))  # of the sums
        limit = 1 << min(exponent, 30)
        bias = rng.integers(-limit, limit, p.cols).astype("<i4")
        share = rng.uniform(20, 150, p.cols) / limit
        if rng.random() < 0.4:  # ties
            share = 2.0 ** np.rint(np.log2(share))
        parameters = np.empty((PARAMETER_ROWS, p.cols), np.uint8)
        parameters[:4] = bias.view(np.uint8).reshape(p.cols, 4).T
        parameters[4:] = share.astype("<f4").view(np.uint8).reshape(p.cols, 4).T
        rows = rng.integers(0, 256, (p.weight_rows, p.weight_row_bytes), dtype=np.uint8)
        if exponent < 20:
            rows = ((rows.view(np.int8).astype(int) >> rng.integers(8)).astype(np.int8)).view(
                np.uint8
            )
        rows[:PARAMETER_ROWS, : p.cols] = parameters
        stream = rows.reshape(-1)[: p.weight_bytes]
        self.data[_WEIGHTS : _WEIGHTS + stream.size] = stream

    def _fills(self) -> None:
        """Fill both scratchpads, in parts; overlapping ones are in order, as of one unit."""
        rng, p = self.rng, self.parameters
        self.emit(Opcode.FILL, rows=1, row_bytes=p.activation_bytes, value=self.below(128, -128))
        whole = {"rows": 1, "row_bytes": p.activation_bytes}
        self.emit(Opcode.LOAD, memory=_ACTIVATIONS, **whole)
        for _ in range(int(rng.integers(1, 4))):
            row = self.below(40, 1)
            rows = self.below(12, 1)
            pitch = int(rng.integers(row, row + 30))
            fields = {"rows": rows, "row_bytes": row, "buffer_pitch": pitch}
            fields["buffer"] = self.below(p.activation_bytes - rows * pitch - row)
            if rng.random() < 0.3:
                self.emit(Opcode.FILL, value=self.below(128, -128), **fields)
                continue
            step = int(rng.integers(-200, 201))
            memory = self.below(_WEIGHTS - 200 * 13) + (200 * 12 if step < 0 else 0)
            self.emit(Opcode.LOAD, memory=memory, memory_pitch=step % _OFFSETS, **fields)
        last = self.program[-1]
        self.program[-1] = Instruction(last.opcode, last.fields, 0, 1 << Unit.COMPUTE)
        size, beat = p.weight_bytes, p.axi_bytes
        first = int(rng.integers(1, size // beat)) * beat
        parts = [(0, first), (first, size - first)]
        for buffer, count in parts:
            self.emit(
                Opcode.WEIGHT, memory=_WEIGHTS + buffer, buffer=buffer, rows=1, row_bytes=count,
                signal=(buffer > 0) << Unit.COMPUTE,
            )  # fmt: skip
        self.wait = 1 << Unit.LOAD | 1 << Unit.WEIGHT

    def tile(self, kind: str) -> None:
        """Append a setup, a tile, and its store."""
        getattr(self, f"_{kind}")()

    def _clamp(self) -> dict[str, int]:
        low, high = sorted(int(n) for n in self.rng.integers(-128, 128, 2))
        if self.rng.random() < 0.7:
            low, high = -128, 127
        return {"zero_point": self.below(128, -128), "low": low, "high": high}

    def _setup(self, mode: Mode, **fields: int) -> None:
        rng, p = self.rng, self.parameters
        width = int(rng.integers(3)) if p.narrow and mode != Mode.MAX else 0
        whole = mode == Mode.DEPTHWISE  # a smaller window needs weights of 0
        window = {
            "window_height": WINDOW if whole else self.below(WINDOW + 1, 1),
            "window_width": WINDOW if whole else self.below(WINDOW + 1, 1),
        }
        window |= {"stride_y": self.below(4, 1), "stride_x": self.below(4, 1)}
        self.emit(Opcode.SETUP, mode=mode, weight_width=width,
                  **self._clamp() | (window if mode != Mode.DENSE else {}) | fields)  # fmt: skip

    def _dense(self) -> None:
        rng, p = self.rng, self.parameters
        run, taps, lines = self.below(13, 1), self.below(4, 1), self.below(4, 1)
        banks = p.activation_banks  # a vector takes one byte of each
        pitch = run + banks * int(rng.integers(2))
        line = pitch * (taps - 1) + run + banks * int(rng.integers(3))
        packs = bool(rng.integers(2)), bool(rng.integers(2))
        step = {"step_x": self.below(12), "step_y": self.below(30)}
        self._setup(Mode.DENSE, run=run, taps=taps, lines=lines, tap_pitch=pitch, line_pitch=line,
                    pack_taps=packs[0], pack_lines=packs[1], **step)  # fmt: skip
        geometry = Reduction(run, taps, pitch, lines, line, *packs)
        self._computes(sum(1 for _ in reduction(geometry, p.rows)))

    def _depthwise(self) -> None:
        run = self.parameters.rows
        line = self.below(60, 20)
        self._setup(Mode.DEPTHWISE, run=run, taps=1, lines=1, tap_pitch=self.below(20),
                    line_pitch=line, step_x=self.below(8, 1), step_y=line)  # fmt: skip
        self._computes(1)

    def _max(self) -> None:
        line = self.below(60, 20)
        self._setup(Mode.MAX, run=self.parameters.rows, taps=1, lines=1, line_pitch=line,
                    step_x=self.below(8, 1), step_y=line)  # fmt: skip
        self._computes(1)

    def _add(self) -> None:
        rng, p = self.rng, self.parameters
        shift = self.below(32, 14)
        most = min(1 << 22, max(1 << shift >> 1, 1) * 2)
        half_up = {"half_up": int(rng.integers(2))} if p.half_up else {}
        self.emit(
            Opcode.SETUP_ADD, factor_a=self.below(most), factor_b=self.below(most), shift=shift,
            zero_point_a=self.below(128, -128), zero_point_b=self.below(128, -128),
            **self._pairs(), **half_up, **self._clamp(),
        )  # fmt: skip
        self._computes(1)

    def _pairs(self) -> dict[str, int]:
        banks = self.parameters.activation_banks
        return {
            "operand_pitch": self.below(20) * banks,
            "step_x": self.below(12),
            "step_y": self.below(60),
        }

    def _mul(self) -> None:
        scale = np.float32(self.rng.uniform(20, 120) / (1 << int(self.rng.integers(7, 15))))
        self.emit(
            Opcode.SETUP_MUL, multiplier=int(scale.view(np.uint32)),
            zero_point_a=self.below(128, -128), zero_point_b=self.below(128, -128),
            broadcast=int(self.rng.integers(2)), **self._pairs(), **self._clamp(),
        )  # fmt: skip
        self._computes(1)

    def _computes(self, passes: int) -> None:
        """Append a tile, in one command or one for some of its passes each; then its store."""
        rng, p = self.rng, self.parameters
        if p.lookup and rng.random() < 0.25:
            self.emit(Opcode.TABLE, self.wait, activation=self.below(p.activation_bytes - 256))
            self.wait &= ~(1 << Unit.LOAD | 1 << Unit.WEIGHT)
        width, height = self.below(6, 1), self.below(5, 1)
        height = min(height, p.accumulators // width)
        columns = self.below(p.cols + 1, 1)
        pitch = int(rng.integers(columns, columns + 4))
        output = self._output + int(rng.integers(9))
        self._output = output + width * height * pitch
        fields = {
            "activation": self.below(p.activation_bytes // 2),
            "columns": columns, "width": width, "height": height,
            "accumulator": self.below(p.accumulators - width * height + 1),
            "output": output,
            "output_pitch": pitch,
        }  # fmt: skip
        cut = self.below(passes + 1, 1) if rng.random() < 0.4 else passes
        parts = [(0, cut)] + ([(cut, passes - cut)] if cut < passes else [])
        row = 0
        for start, count in parts:
            last = start + count == passes
            self.emit(
                Opcode.COMPUTE, self.wait, (1 << Unit.STORE) * last, weight=row, passes=count,
                first=start == 0, last=last, **fields,
            )  # fmt: skip
            self.wait = 0
            row = PARAMETER_ROWS if start == 0 else row
        self._store(fields)

    def _store(self, tile: dict[str, int]) -> None:
        """Store a tile, or a part of its bytes in other rows."""
        rng = self.rng
        whole = tile["width"] * tile["height"]
        rows, row = whole, tile["columns"]
        pitch = tile["output_pitch"]
        if rng.random() < 0.3 and pitch == row:
            rows, row, pitch = 1, whole * row, 0
        step = row + int(rng.integers(12))
        memory = _OUTPUTS + self._stored
        self._stored += rows * step + int(rng.integers(9))
        back = rng.random() < 0.2  # from the last row to the first
        first = memory + (rows - 1) * step if back else memory
        self.emit(
            Opcode.STORE, 1 << Unit.COMPUTE, memory=first,
            memory_pitch=(-step if back else step) % _OFFSETS,
            buffer=tile["output"], buffer_pitch=pitch, rows=rows, row_bytes=row,
        )  # fmt: skip


def random_program(
    rng: np.random.Generator, parameters: Parameters, tiles: int
) -> tuple[list[Instruction], Bytes, Bytes]:
    """Return a program that the instruction-level machine accepts, memory before and after it."""
    has = features(parameters)
    kinds = ["dense", "max", "add"]
    kinds += ["depthwise"] * bool(Feature.DEPTHWISE & has) + ["mul"] * parameters.product
    for builder in _attempts(rng, parameters, kinds, tiles):
        before = assembled(builder.program, rng, builder.data)
        after = before.copy()
        try:
            Machine(parameters, after).run(PROGRAM)
        except ProgramError:
            continue
        return builder.program, before, after
    raise AssertionError  # attempts do not end


def _attempts(
    rng: np.random.Generator, parameters: Parameters, kinds: list[str], tiles: int
) -> Iterator[_Tiles]:
    while True:
        builder = _Tiles(rng, parameters)
        for _ in range(tiles):
            builder.tile(str(rng.choice(kinds)))
        yield builder


def relocated(program: list[Instruction], by: int) -> list[Instruction]:
    """Move a program to a base address that many bytes lower."""
    return [
        Instruction(
            step.opcode, step.fields | {"memory": (step["memory"] + by) % _OFFSETS},
            step.wait, step.signal,
        )
        if step.opcode in (Opcode.LOAD, Opcode.WEIGHT, Opcode.STORE, Opcode.RECORD)
        else step
        for step in program
    ]  # fmt: skip


def tile_script(
    name: str, rng: np.random.Generator, parameters: Parameters, *, tiles: int = 4,
    latency: int = 8, jitter: int = 0, stall: int = 0, base: int = BASE, by: int = 0,
) -> Script:  # fmt: skip
    """Run a random program, `by` bytes behind the base address."""
    program, before, after = random_program(rng, parameters, tiles)
    if by:
        moved = relocated(program, by)
        code = np.frombuffer(encode_program([*moved, END]), np.uint8)
        before[PROGRAM : PROGRAM + code.size] = code
        after[PROGRAM : PROGRAM + code.size] = code
    script = Script(name)
    script.timing(latency, jitter, stall, int(rng.integers(1 << 31)))
    script.image(before, base)
    script.reset()
    script.start(PROGRAM + by, base - by)
    script.finish()
    script.bytes(after)
    return script
