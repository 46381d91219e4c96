"""Sums, products, additions and maxima in which one low bit decides a result."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ....spec.isa import PARAMETER_ROWS, SMALLEST_SHIFT, Instruction, Mode, Opcode, Unit
from ....spec.parameters import Parameters
from ..script import Script
from .judged import OUTPUTS, run_judged

__all__ = ["carries_script", "fractions_script", "maxima_script", "second_script"]

_WEIGHTS = 1 << 12
_LOAD, _WEIGHT, _COMPUTE, _STORE = (1 << unit for unit in Unit)
_LARGEST = 22  # bit of the largest factor of an addition

Bytes = npt.NDArray[np.uint8]


def _stored(count: int) -> Instruction:
    return Instruction(Opcode.STORE, {"memory": OUTPUTS, "rows": 1, "row_bytes": count}, _COMPUTE)


def _as_bytes(values: npt.NDArray[np.generic], columns: int) -> Bytes:
    """One row of bytes for each byte of a word, a column for each word."""
    return values.view(np.uint8).reshape(columns, 4).T


def carries_script(name: str, rng: np.random.Generator, parameters: Parameters) -> Script:
    """Additions that are a power of two off a tie, for each that the shift drops."""
    p = parameters
    script = Script(name)
    script.timing(4)
    script.reset()
    count = 16 * p.cols
    near, factors = np.repeat([1, -1], 8), np.tile([-3, -2, -1, 0, 1, 2, 3, 5], 2)
    for shift in (SMALLEST_SHIFT, 18, _LARGEST + 1):
        data = rng.integers(0, 256, OUTPUTS, dtype=np.uint8)
        for start, operand in ((0, near), (1024, factors)):
            rows = np.tile(np.repeat(operand, p.cols), _LARGEST + 1).astype(np.int8)
            data[start : start + rows.size] = rows.view(np.uint8)
        program = [
            Instruction(Opcode.LOAD, {"rows": 1, "row_bytes": 2048}, 0, _COMPUTE),
        ]
        bits = [*range(shift - 1), _LARGEST]
        for number, bit in enumerate(bits):
            fields = {"factor_a": 1 << bit, "factor_b": 1 << shift - 1, "shift": shift}
            fields |= {"operand_pitch": 1024, "step_x": p.cols, "low": -128, "high": 127}
            if p.half_up and shift == 18:
                fields["half_up"] = 1
            tile = {"activation": count * number, "passes": 1, "columns": p.cols, "width": 16}
            tile |= {"height": 1, "first": 1, "last": 1, "output": count * number}
            tile["output_pitch"] = p.cols
            last = number == len(bits) - 1
            program += [
                Instruction(Opcode.SETUP_ADD, fields),
                Instruction(Opcode.COMPUTE, tile, _LOAD * (not number), _STORE * last),
            ]
        run_judged(script, [*program, _stored(count * len(bits))], rng, p, data=data)
    return script


def _dense(
    script: Script, rng: np.random.Generator, p: Parameters, tiles: list[tuple[Bytes, Bytes, int]],
    pixels: int,
) -> None:  # fmt: skip
    """Run dense tiles with given biases and multipliers; one weight of one row is not 0.

    The pixels' activations there are 0, 1, 2 and so on.
    """
    stride = PARAMETER_ROWS + p.rows
    tiles = tiles[: p.weight_rows // stride]
    rows = np.zeros((p.weight_rows, p.weight_row_bytes), np.uint8)
    for number, (bias, multiplier, weight) in enumerate(tiles):
        own = rows[number * stride :]
        own[:4, : p.cols], own[4:8, : p.cols] = bias, multiplier
        own[PARAMETER_ROWS, : p.cols] = weight
    data = rng.integers(0, 256, OUTPUTS, dtype=np.uint8)
    data[: 2 * pixels : 2] = range(pixels)
    data[_WEIGHTS : _WEIGHTS + rows.size] = rows.flat
    program = [
        Instruction(Opcode.LOAD, {"rows": 1, "row_bytes": p.activation_bytes}, 0, _COMPUTE),
        Instruction(Opcode.WEIGHT, {"memory": _WEIGHTS, "rows": 1, "row_bytes": p.weight_bytes}, 0,
                    _COMPUTE),
        Instruction(
            Opcode.SETUP,
            {"run": 1, "taps": 1, "lines": 1, "mode": Mode.DENSE, "low": -128, "high": 127,
             "zero_point": int(rng.integers(-5, 6)), "step_x": 2},
        ),
    ]  # fmt: skip
    count = pixels * p.cols
    for number in range(len(tiles)):
        fields = {"passes": 1, "columns": p.cols, "width": pixels, "height": 1, "first": 1}
        fields |= {"last": 1, "weight": number * stride, "output": number * count}
        fields["output_pitch"] = p.cols
        wait, last = (0 if number else _LOAD | _WEIGHT), number == len(tiles) - 1
        program.append(Instruction(Opcode.COMPUTE, fields, wait, _STORE * last))
    run_judged(script, [*program, _stored(count * len(tiles))], rng, p, data=data)


def fractions_script(name: str, rng: np.random.Generator, parameters: Parameters) -> Script:
    """Requantize sums a sixteenth of a code apart: every pattern of the bits behind the point."""
    p = parameters
    script = Script(name)
    script.timing(4)
    script.reset()
    tiles = []
    for _ in range(p.weight_rows // (PARAMETER_ROWS + p.rows)):
        finer = int(rng.integers(7))  # binary digits of the sum behind a sixteenth
        bias = (rng.integers(-100 * 16, 100 * 16, p.cols) << finer).astype("<i4")
        multiplier = np.full(p.cols, 2.0 ** -(4 + finer), "<f4")
        tiles.append((_as_bytes(bias, p.cols), _as_bytes(multiplier, p.cols), 1 << finer))
    _dense(script, rng, p, tiles, p.accumulators)
    return script


def second_script(name: str, rng: np.random.Generator, parameters: Parameters) -> Script:
    """Products half a unit of float32's last place from a tie: the rounding before the last one.

    A product rounds to the tie or to the number beside it. Sums have 24 significant bits; a
    product with any multiplier lies within a unit of the one that is sought.
    """
    p = parameters
    script = Script(name)
    script.timing(4)
    script.reset()
    tiles = []
    for _ in range(p.weight_rows // (PARAMETER_ROWS + p.rows)):
        tie = rng.integers(-120, 120, p.cols) + 0.5
        unit = 2.0 ** (np.floor(np.log2(np.abs(tie))) - 23)
        sought = tie + rng.choice([-0.5, 0.5], p.cols) * unit
        multiplier = (np.abs(sought) / rng.uniform(2**23, 2**24, p.cols)).astype(np.float32)
        bias = np.rint(sought / multiplier.astype(float)).astype("<i4")
        bias = np.clip(bias, -(2**24), 2**24).astype("<i4")
        tiles.append((_as_bytes(bias, p.cols), _as_bytes(multiplier.astype("<f4"), p.cols), 0))
    _dense(script, rng, p, tiles, 1)
    return script


def maxima_script(name: str, rng: np.random.Generator, parameters: Parameters) -> Script:
    """Maxima of windows whose cells differ by little."""
    p = parameters
    script = Script(name)
    script.timing(4)
    script.reset()
    for span in (2, 4, 8):
        data = rng.integers(0, 256, OUTPUTS, dtype=np.uint8)
        near = rng.integers(-128, 128 - span) + rng.integers(0, span, 1 << 11)
        data[: 1 << 11] = near.astype(np.int8).view(np.uint8)
        program = [
            Instruction(Opcode.LOAD, {"rows": 1, "row_bytes": p.activation_bytes}, 0, _COMPUTE)
        ]
        count = 0
        for high in (1, 2, 3):
            for wide in (1, 2, 3):
                fields = {"run": p.rows, "taps": 1, "lines": 1, "mode": Mode.MAX, "low": -128}
                fields |= {"high": 127, "window_height": high, "window_width": wide}
                fields |= {"stride_y": 1, "stride_x": 1, "step_x": p.cols, "step_y": 32}
                tile = {"activation": 200 * count % 1600, "passes": 1, "columns": p.cols}
                tile |= {"width": 8, "height": 6, "first": 1, "last": 1}
                tile |= {"output": 48 * p.cols * count, "output_pitch": p.cols}
                program += [
                    Instruction(Opcode.SETUP, fields),
                    Instruction(Opcode.COMPUTE, tile, _LOAD * (not count), _STORE * (count == 8)),
                ]
                count += 1
        run_judged(script, [*program, _stored(48 * p.cols * 9)], rng, p, data=data)
    return script
