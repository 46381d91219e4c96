"""Programs of softmax and layer norm in the output scratchpad, with what the golden rows say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from tile_programs import TileProgram

from maccord.golden.graph import Quantization
from maccord.golden.row.layer_norm import layer_norm
from maccord.golden.row.softmax import exponentials, softmax
from maccord.spec.isa import Mode, Opcode, Unit
from maccord.spec.isa_names import RowFunction
from maccord.spec.parameters import Parameters

__all__ = ["ROW_PARAMETERS", "Place", "RowProgram"]

_COMPUTE, _STORE = 1 << Unit.COMPUTE, 1 << Unit.STORE
#: A small array with rows; one model for all tests.
ROW_PARAMETERS = Parameters(
    rows=4,
    cols=4,
    axi_bytes=8,
    activation_bytes=1 << 15,
    weight_bytes=1 << 10,
    output_bytes=1 << 14,
    accumulators=16,
    line_cells=512,
    lookup=True,
    gather=True,
    row_lanes=4,
    row_elements=256,
)


@dataclass(frozen=True)
class Place:
    """Rows in the output scratchpad."""

    buffer: int
    pitch: int
    rows: int
    elements: int


class RowProgram(TileProgram):
    """A program under construction: tables and rows, copied by COMPUTE, and stored."""

    def begin(self) -> None:
        """Set COMPUTE up to copy bytes, a pixel of all columns each cycle."""
        ones = dict.fromkeys(("window_height", "window_width", "stride_y", "stride_x"), 1)
        self._emit(
            Opcode.SETUP,
            mode=Mode.MAX,
            run=self.parameters.rows,
            taps=1,
            lines=1,
            step_x=self.parameters.cols,
            low=-128,
            high=127,
            **ones,
        )

    def copy(self, data: np.ndarray, output: int, signal: int = _STORE) -> None:
        """Bring bytes to the output scratchpad, and up to a pixel of noise behind them."""
        cols = self.parameters.cols
        pixels = -(-data.size // cols)
        padded = self._rng.integers(0, 256, (1, 1, pixels * cols), dtype=np.uint8)
        padded[0, 0, : data.size] = data.reshape(-1).view(np.uint8)
        address = self._take("activation", padded.size)
        self._load(padded, padded.size, address)
        self._emit(
            Opcode.COMPUTE,
            wait=1 << Unit.LOAD,
            signal=signal,
            activation=address,
            passes=1,
            columns=cols,
            width=pixels,
            height=1,
            output=output,
            output_pitch=cols,
            first=1,
            last=1,
        )

    def place(self, rows: int, elements: int, gap: int = 0) -> Place:
        """Take room for rows in the output scratchpad, at any alignment."""
        pitch = elements + gap
        odd = int(self._rng.integers(4))
        size = odd + rows * pitch + self.parameters.cols
        return Place(self._take("output", size) + odd, pitch, rows, elements)

    def codes(self, place: Place, x_q: np.ndarray, signal: int = _STORE) -> None:
        """Bring rows of codes to their place, noise between them."""
        span = self._rng.integers(0, 256, (place.rows, place.pitch), dtype=np.uint8)
        span[:, : place.elements] = x_q ^ 0x80
        self.copy(span, place.buffer, signal)

    def table(self, function: RowFunction, data: np.ndarray, **fields: int) -> None:
        """Set a function up, and load its table: an array of one entry per row of bytes."""
        place = self.place(1, data.size)
        self.copy(data, place.buffer)
        self._emit(Opcode.SETUP_ROW, wait=15, signal=15, function=function, **fields)
        self._emit(
            Opcode.ROW_TABLE, wait=_COMPUTE, signal=15, buffer=place.buffer, entries=len(data)
        )

    def softmax_table(self, scale: float, classes: int) -> np.ndarray:
        """Load the exponentials; return them. The bits that the hardware ignores are random."""
        terms = exponentials(scale, classes)
        noise = self._rng.integers(0, 1 << 9, 256).astype("<u4") << 23
        self.table(RowFunction.SOFTMAX, (terms | noise).astype("<u4").view(np.uint8).reshape(-1, 4))
        return terms

    def norm_table(self, length: int) -> tuple:
        """Load a random layer norm; return gamma, beta, eps and quantizations."""
        rng = self._rng
        given, output = (
            Quantization(float(np.float32(np.exp2(rng.uniform(-6, 0)))), int(rng.integers(256)))
            for _ in range(2)
        )
        gamma = rng.normal(1, 0.5, length).astype(np.float32)
        beta = rng.normal(0, 0.5, length).astype(np.float32)
        inverse = np.float32(1) / np.float32(output.scale)
        self.table(
            RowFunction.LAYER_NORM,
            np.stack([gamma, beta], axis=-1).astype("<f4").view(np.uint8).reshape(-1, 8),
            zero_point=given.zero_point,
            scale=int(np.float32(given.scale).view(np.uint32)),
            eps=int(np.float64(1e-5).view(np.uint64)),
            multiplier=int(inverse.view(np.uint32)),
            output_zero_point=output.zero_point - 128,
        )
        return gamma, beta, 1e-5, given, output

    def run(self, place: Place, wait: int = _COMPUTE) -> None:
        """Replace rows by the function of them."""
        self._emit(
            Opcode.ROWS,
            wait=wait,
            signal=15,
            buffer=place.buffer,
            buffer_pitch=place.pitch,
            rows=place.rows,
            elements=place.elements,
        )

    def store(self, place: Place, y_q: np.ndarray, wait: int = 0) -> None:
        """Store rows; `y_q` are the codes that are due."""
        size = place.rows * place.elements
        target = self._take("target", size + 3)
        self._emit(
            Opcode.STORE,
            wait=wait,
            memory=target,
            memory_pitch=place.elements,
            buffer=place.buffer,
            buffer_pitch=place.pitch,
            rows=place.rows,
            row_bytes=place.elements,
        )
        self.outputs.append((target, (y_q ^ 0x80).reshape(-1).view(np.int8)))

    def softmax(self, x_q: np.ndarray, terms: np.ndarray, gap: int = 0) -> None:
        """Copy, softmax, store."""
        place = self.place(len(x_q), x_q.shape[1], gap)
        self.codes(place, x_q)
        self.run(place)
        self.store(place, softmax(x_q, terms))

    def layer_norm(self, x_q: np.ndarray, norm: tuple, gap: int = 0) -> None:
        """Copy, layer norm, store."""
        place = self.place(len(x_q), x_q.shape[1], gap)
        self.codes(place, x_q)
        self.run(place)
        self.store(place, layer_norm(x_q, *norm))

    def function(self, function: RowFunction) -> None:
        """Select a function again, with the table of before."""
        self._emit(Opcode.SETUP_ROW, function=function)

    def busy(self, pixels: int) -> None:
        """Copy noise with COMPUTE, a write each cycle; `store_busy` stores it."""
        size = pixels * self.parameters.cols
        place = self.place(1, size)
        data = self._rng.integers(0, 256, size, dtype=np.uint8)
        self.copy(data, place.buffer, signal=_STORE)
        self._late.append((place, data ^ 0x80))

    def store_busy(self) -> None:
        """Store what `busy` has copied."""
        for place, codes in self._late:
            self.store(place, codes.reshape(1, -1), wait=_COMPUTE)
        self._late.clear()

    _late: list[tuple[Place, np.ndarray]]

    def __init__(self, rng: np.random.Generator, parameters: Parameters = ROW_PARAMETERS) -> None:
        super().__init__(rng, parameters)
        self._late = []
        self.begin()
