"""Programs whose sums, products and additions lie next to a tie, where each low bit counts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ....golden.machine.machine import Machine
from ....spec.isa import PARAMETER_ROWS, Instruction, Mode, Opcode, Unit
from ....spec.parameters import Parameters
from ..script import Script
from .tiles import PROGRAM, assembled

__all__ = ["ties_script"]

_WEIGHTS, _OUTPUTS = 1 << 12, 1 << 13
_TRIES = 1 << 16  # sums among which the nearest to a tie are looked for

Bytes = npt.NDArray[np.uint8]


def _parameters(rng: np.random.Generator, count: int) -> tuple[Bytes, Bytes]:
    """Biases and multipliers whose products lie next to a tie, as bytes (count, 4) each.

    Half of the multipliers are a few units in the last place from a power of two.
    """
    exponent = rng.integers(2, 31, count)
    limit = np.minimum(2.0**exponent, 2.0**31 - 1)
    multiplier = (rng.uniform(0.5, 1, count) * 200 / limit).astype(np.float32)
    near = rng.random(count) < 0.5
    power = 2.0 ** np.rint(np.log2(multiplier.astype(float)))
    units = rng.choice([0, 1, 2, 4, 8, 16, 1 << 10, 1 << 16], count) * 2.0**-23
    multiplier[near] = (power * (1 + units)).astype(np.float32)[near]
    sums = rng.integers(-(2**31), 2**31, (count, _TRIES)) // (2.0**31 / limit)[:, None]
    sums = np.rint(sums)
    scaled = sums * multiplier.astype(float)[:, None]
    off = np.abs(scaled - np.floor(scaled) - 0.5)
    chosen = np.argsort(off, axis=1)[np.arange(count), rng.integers(0, 3, count)]
    bias = sums[np.arange(count), chosen].astype("<i4")
    closest = np.flatnonzero(rng.random(count) < 0.5)
    for column in closest:
        bias[column], multiplier[column] = _closest(rng, int(exponent[column]))
    return bias.view(np.uint8).reshape(count, 4), multiplier.astype("<f4").view(np.uint8).reshape(
        count, 4
    )


def _closest(rng: np.random.Generator, exponent: int) -> tuple[int, float]:
    """Draw a sum and a multiplier whose product is no tie, but nearly.

    Many multipliers are tried, each with the sum that comes closest to a tie; sums have 24
    significant bits, as float32 has. The product is exact in float64's 53 bits.
    """
    limit = 2.0 ** min(exponent, 30)
    multiplier = (rng.uniform(0.5, 1, _TRIES) * 240 / limit).astype(np.float32).astype(float)
    tie = rng.integers(-120, 120, _TRIES) + 0.5
    grain = max(limit / 2**24, 1)
    sums = np.rint(tie / multiplier / grain) * grain
    off = np.abs(sums * multiplier - tie)
    off[(off == 0) | (np.abs(sums) >= 2**31)] = 1
    chosen = np.argsort(off)[rng.integers(0, 3)]
    return int(sums[chosen]), float(multiplier[chosen])


def _sums(rng: np.random.Generator, p: Parameters) -> tuple[list[Instruction], Bytes]:
    """Tiles of one pixel and weights of 0: the sums are the biases."""
    stride = PARAMETER_ROWS + p.rows
    tiles = p.weight_rows // stride
    bias, multiplier = _parameters(rng, tiles * p.cols)
    rows = np.zeros((p.weight_rows, p.weight_row_bytes), np.uint8)
    for tile in range(tiles):
        own = slice(tile * p.cols, (tile + 1) * p.cols)
        rows[tile * stride :][:4, : p.cols] = bias[own].T
        rows[tile * stride :][4:8, : p.cols] = multiplier[own].T
    data = rng.integers(0, 256, _OUTPUTS, dtype=np.uint8)
    data[_WEIGHTS : _WEIGHTS + rows.size] = rows.reshape(-1)
    ready, compute, store = 1 << Unit.WEIGHT, 1 << Unit.COMPUTE, 1 << Unit.STORE
    whole = {"rows": 1, "row_bytes": p.activation_bytes}
    program = [
        Instruction(Opcode.FILL, whole, 0, compute),
        Instruction(
            Opcode.WEIGHT, {"memory": _WEIGHTS, "rows": 1, "row_bytes": p.weight_bytes}, 0, compute
        ),
        Instruction(
            Opcode.SETUP,
            {"run": p.rows, "taps": 1, "lines": 1, "mode": Mode.DENSE, "low": -128, "high": 127,
             "zero_point": int(rng.integers(-5, 6))},
        ),
    ]  # fmt: skip
    for tile in range(tiles):
        fields = {"passes": 1, "columns": p.cols, "width": 1, "height": 1, "first": 1, "last": 1}
        fields |= {"weight": tile * stride, "output": tile * p.cols, "output_pitch": p.cols}
        wait = 0 if tile else ready | 1 << Unit.LOAD
        program.append(Instruction(Opcode.COMPUTE, fields, wait, store * (tile == tiles - 1)))
    return [*program, _stored(tiles * p.cols)], data


def _stored(count: int) -> Instruction:
    fields = {"memory": _OUTPUTS, "rows": 1, "row_bytes": count}
    return Instruction(Opcode.STORE, fields, 1 << Unit.COMPUTE)


def _pairs(
    rng: np.random.Generator, p: Parameters, setup: Instruction, scaled: npt.NDArray[np.float64]
) -> tuple[list[Instruction], Bytes]:
    """Two operands; `scaled` has the result of each pair of bytes, before it is rounded."""
    off = np.abs(scaled - np.floor(scaled) - 0.5)
    off[np.abs(scaled) > 120] = 1
    count = 64 * p.cols
    nearest = np.argsort(off, axis=None)[: 4 * count]
    chosen = rng.choice(nearest, count)
    data = rng.integers(0, 256, _OUTPUTS, dtype=np.uint8)
    data[:count], data[1024 : 1024 + count] = chosen // 256, chosen % 256
    program = [
        Instruction(
            Opcode.LOAD, {"memory": 0, "rows": 1, "row_bytes": 2048}, 0, 1 << Unit.COMPUTE
        ),
        setup,
        Instruction(
            Opcode.COMPUTE,
            {"passes": 1, "columns": p.cols, "width": 64, "height": 1, "first": 1, "last": 1,
             "output_pitch": p.cols},
            1 << Unit.LOAD, 1 << Unit.STORE,
        ),
        _stored(count),
    ]  # fmt: skip
    return program, data


def _grid(zero_a: int, zero_b: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    steps = np.arange(256, dtype=np.uint8).view(np.int8).astype(float)
    return (steps - zero_a)[:, None], (steps - zero_b)[None, :]


def _additions(rng: np.random.Generator, p: Parameters) -> tuple[list[Instruction], Bytes]:
    shift = int(rng.integers(14, 31))
    most = min(1 << 22, 1 << shift)
    factors = rng.integers(most // 4, most, 2).tolist()
    zeros = rng.integers(-128, 128, 2).tolist()
    a, b = _grid(*zeros)
    scaled = (a * factors[0] + b * factors[1]) / 2.0**shift
    fields = {
        "factor_a": factors[0], "factor_b": factors[1], "shift": shift, "zero_point_a": zeros[0],
        "zero_point_b": zeros[1], "operand_pitch": 1024, "step_x": p.cols, "low": -128,
        "high": 127,
    } | ({"half_up": int(rng.integers(2))} if p.half_up else {})  # fmt: skip
    return _pairs(rng, p, Instruction(Opcode.SETUP_ADD, fields), scaled)


def _products(rng: np.random.Generator, p: Parameters) -> tuple[list[Instruction], Bytes]:
    zeros = rng.integers(-128, 128, 2).tolist()
    multiplier = np.float32(rng.uniform(0.5, 1) * 2.0 ** int(rng.integers(-10, 1)))
    if rng.random() < 0.5:
        units = int(rng.choice([0, 1, 2, 4, 8, 16]))
        multiplier = np.float32(2.0 ** int(rng.integers(-9, 1)) * (1 + units * 2.0**-23))
    a, b = _grid(*zeros)
    fields = {
        "multiplier": int(multiplier.view(np.uint32)), "zero_point_a": zeros[0],
        "zero_point_b": zeros[1], "operand_pitch": 1024, "step_x": p.cols, "low": -128,
        "high": 127,
    }  # fmt: skip
    return _pairs(rng, p, Instruction(Opcode.SETUP_MUL, fields), a * b * float(multiplier))


def ties_script(name: str, rng: np.random.Generator, parameters: Parameters) -> Script:
    """Run sums, additions and products next to ties, one program each."""
    script = Script(name)
    script.timing(4)
    script.reset()
    for make in (_sums, _additions, *((_products,) if parameters.product else ())):
        program, data = make(rng, parameters)
        before = assembled(program, rng, data)
        after = before.copy()
        Machine(parameters, after).run(PROGRAM)
        script.image(before)
        script.start(PROGRAM)
        script.finish(counters=False)
        script.bytes(after)
    return script
