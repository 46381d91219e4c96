"""Random programs aimed at what compiled ones leave out: tokens, large tiles, endless transfers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...spec.isa import (
    MAX_TOKENS,
    SMALLEST_SHIFT,
    TABLE,
    UNIT_OF,
    Instruction,
    Mode,
    Opcode,
    Unit,
    encode_program,
)
from ...spec.parameters import Parameters
from .programs import END

__all__ = ["endless", "large_tiles", "many_tokens"]

_SETUPS = (Opcode.SETUP, Opcode.SETUP_ADD, Opcode.SETUP_MUL)
_MANY = 150  # instructions of a program with many tokens
_FAVOURITES = 2  # pairs of units between which as many tokens are held as may be
_WINDOW = {"window_height": 1, "window_width": 1, "stride_y": 1, "stride_x": 1}
_MAX = {"taps": 1, "lines": 1, "step_x": 1, "step_y": 1, "low": -128, "high": 127}
_MAX |= {"mode": int(Mode.MAX), **_WINDOW}  # but for `run`, the array's rows


def endless(
    rng: np.random.Generator, legal: Sequence[Instruction], parameters: Parameters
) -> bytes:
    """Return one transfer of the same bytes over and over, for 32,000 cycles and more."""
    opcode = Opcode(int(rng.choice([int(Opcode.LOAD), int(Opcode.FILL), int(Opcode.STORE)])))
    fields = {"rows": 4000, "row_bytes": 64 * int(rng.integers(8, 16)), "value": 7}
    names = {field.name for field in TABLE[opcode].fields}
    kept = {name: value for name, value in fields.items() if name in names}
    return encode_program([Instruction(opcode, kept)]) + END


def many_tokens(
    rng: np.random.Generator, legal: Sequence[Instruction], parameters: Parameters
) -> bytes:
    """Return small instructions of all units, in a legal order, with tokens between any two.

    Of a few pairs of units, as many are held at a time as may be. What STORE reads and COMPUTE
    reads is written before any of it, and what they write is read by nobody.
    """
    half = parameters.activation_bytes // 2
    first_output, first_input = 1 << Unit.STORE, 1 << Unit.COMPUTE
    target = next(step for step in legal if step.opcode == Opcode.STORE)
    program = [
        Instruction(Opcode.FILL, {"rows": 1, "row_bytes": half, "value": 5}, 0, first_input),
        Instruction(Opcode.SETUP, _MAX | {"run": parameters.rows}),
        Instruction(
            Opcode.COMPUTE, _tile(width=8, output_pitch=1), 1 << Unit.LOAD, first_output
        ),
        Instruction(Opcode.STORE, _stored(target, 1), 1 << Unit.COMPUTE),
    ]  # fmt: skip
    held = np.zeros((len(Unit), len(Unit)), int)  # by giver and taker
    pairs = [(a, b) for a in Unit for b in Unit]
    favourites = [pairs[i] for i in rng.choice(len(pairs), _FAVOURITES, replace=False)]
    for _ in range(_MANY):
        step = _small(rng, target, parameters, [giver for giver, _ in favourites])
        unit = Unit(UNIT_OF[step.opcode])
        wait = signal = 0
        for other in Unit:
            kept = (other, unit) in favourites and rng.random() < 0.95
            if held[other, unit] and not kept and rng.random() < 0.6:
                wait |= 1 << other
                held[other, unit] -= 1
            often = 0.95 if (unit, other) in favourites else 0.4
            if held[unit, other] < MAX_TOKENS and rng.random() < often:
                signal |= 1 << other
                held[unit, other] += 1
        program.append(Instruction(step.opcode, step.fields, wait, signal))
    return encode_program(program) + END


def _tile(**fields: int) -> dict[str, int]:
    return {"passes": 1, "columns": 1, "width": 1, "height": 1, "first": 1, "last": 1} | fields


def _stored(target: Instruction, size: int) -> dict[str, int]:
    return {"memory": target["memory"], "rows": 1, "row_bytes": size}


def _small(
    rng: np.random.Generator, target: Instruction, parameters: Parameters, often: Sequence[Unit]
) -> Instruction:
    """Draw an instruction of few cycles, half the time of some units."""
    beat = parameters.axi_bytes
    half, outputs = parameters.activation_bytes // 2, parameters.output_bytes // 2
    size, buffer = int(rng.integers(1, 9)), half + int(rng.integers(half - 8))
    opcodes = [Opcode.FILL, Opcode.LOAD, Opcode.WEIGHT, Opcode.COMPUTE, Opcode.STORE]
    opcodes += [Opcode.TABLE] * parameters.lookup
    if rng.random() < 0.5:
        opcodes = [opcode for opcode in opcodes if UNIT_OF[opcode] in often]
    opcode = Opcode(int(rng.choice([int(o) for o in opcodes])))
    fields = {
        Opcode.FILL: {"buffer": buffer, "rows": 1, "row_bytes": size, "value": 3},
        Opcode.LOAD: {"buffer": buffer, "rows": 1, "row_bytes": size,
                      "memory": int(rng.integers(64))},
        Opcode.WEIGHT: {
            "buffer": beat * int(rng.integers(parameters.weight_bytes // beat)),
            "memory": 0, "rows": 1, "row_bytes": beat,
        },
        Opcode.COMPUTE: _tile(
            activation=int(rng.integers(half)), output=outputs + int(rng.integers(outputs)),
            accumulator=int(rng.integers(parameters.accumulators)),
        ),
        Opcode.STORE: _stored(target, size),
        Opcode.TABLE: {"activation": int(rng.integers(half - 255))},
    }[opcode]  # fmt: skip
    return Instruction(opcode, fields)


def large_tiles(
    rng: np.random.Generator, legal: Sequence[Instruction], parameters: Parameters
) -> bytes:
    """Return tiles whose sizes are of any order of magnitude, behind a legal or random setup."""
    setups = [step for step in legal if step.opcode == Opcode.SETUP]
    setups.append(Instruction(Opcode.SETUP, _MAX | {"run": parameters.rows}))
    setup = setups[int(rng.integers(len(setups)))]
    if rng.random() < 0.6:
        setup = _random_setup(rng, _SETUPS[int(rng.integers(len(_SETUPS)))], parameters)
    whole = {"rows": 1, "row_bytes": parameters.activation_bytes, "value": 3}
    weights = {"rows": 1, "row_bytes": parameters.weight_bytes}
    program = [
        Instruction(Opcode.FILL, whole, 0, 1 << Unit.COMPUTE),
        Instruction(Opcode.WEIGHT, weights, 0, 1 << Unit.COMPUTE),
        setup,
    ]
    limits = {
        "activation": parameters.activation_bytes, "weight": parameters.weight_rows,
        "accumulator": parameters.accumulators, "output": parameters.output_bytes,
        "columns": parameters.cols + 1,
    }  # fmt: skip
    weighted = setup.opcode == Opcode.SETUP and setup["mode"] == Mode.DENSE
    wait = 1 << Unit.LOAD | 1 << Unit.WEIGHT
    for _ in range(int(rng.integers(1, 4))):
        fields = _tile(
            **{name: int(rng.integers(name == "columns", most)) for name, most in limits.items()}
        )
        for name in ("passes", "width", "height") if weighted else ("width", "height"):
            if rng.random() < 0.5:
                fields[name] = _sized(rng, 16)
        fields["output_pitch"] = _sized(rng, 24)
        program.append(Instruction(Opcode.COMPUTE, fields, wait, int(rng.integers(16))))
        wait = 0
    if rng.random() < 0.3:
        beat = parameters.axi_bytes
        row = beat * _sized(rng, 24 - (beat - 1).bit_length())
        program.append(Instruction(Opcode.WEIGHT, {"rows": 1, "row_bytes": row}))
    return encode_program(program) + END


def _sized(rng: np.random.Generator, bits: int) -> int:
    """Draw a number of any order of magnitude from 1 on, every fourth of the largest one."""
    order = bits if rng.random() < 0.25 else int(rng.integers(1, bits + 1))
    return int(rng.integers(1, 1 << order))


def _random_setup(rng: np.random.Generator, opcode: Opcode, parameters: Parameters) -> Instruction:
    """Draw a setup that dispatch accepts, with other fields at random."""
    fields: dict[str, int] = {}
    for field in TABLE[opcode].fields:
        low, high = field.span
        fields[field.name] = int(rng.integers(low, high, endpoint=True))
    if opcode == Opcode.SETUP:
        fields |= {name: _sized(rng, 24) for name in ("run", "line_pitch", "tap_pitch")}
        fields |= {name: _sized(rng, 8) for name in ("taps", "lines")}
        fields |= {"mode": int(Mode.DENSE), "weight_width": 0}
    else:
        banks = parameters.activation_banks
        fields["operand_pitch"] = fields["operand_pitch"] // banks * banks
    if opcode == Opcode.SETUP_ADD:
        fields["shift"] = int(rng.integers(SMALLEST_SHIFT, 32))
    return Instruction(opcode, fields)
