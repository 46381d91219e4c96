"""Random programs for the weight feeder and the activation feeder, and the arrays they run on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from feeders import walk_of
from unit_bench import instruction

from maccord.spec.isa import Instruction, Mode, Opcode
from maccord.spec.parameters import Parameters

# rows, cols, lanes
SHAPES = [(4, 4, 4), (4, 2, 1), (4, 12, 2), (5, 6, 3), (7, 4, 1), (12, 8, 8), (16, 16, 2)]
DEPTHWISE_SHAPES = [(9, 4, 4), (9, 20, 20), (16, 8, 8), (9, 64, 64), (15, 4, 4, 5)]
NARROW_SHAPES = [(4, 4, 4), (5, 6, 3), (9, 4, 4), (18, 4, 4)]
PRODUCT_SHAPES = [(4, 4, 4), (4, 12, 2), (9, 4, 4)]


def parameters(shape: tuple[int, ...]) -> Parameters:
    rows, cols, lanes, window_width = (*shape, 3)[:4]
    weight_bytes = max(1 << 11, 1 << (2 * rows * cols + 16 * cols).bit_length())
    return Parameters(
        *(rows, cols, lanes),
        weight_bytes=weight_bytes,
        accumulators=64,
        line_cells=32 if window_width > 3 else 16,
        window_width=window_width,
    )


ARRAYS = [
    *map(parameters, SHAPES + DEPTHWISE_SHAPES),
    *(replace(parameters(shape), product=True) for shape in PRODUCT_SHAPES),
    *(replace(parameters(shape), narrow=True, half_up=True) for shape in NARROW_SHAPES),
]


def random_setup(rng: np.random.Generator, rows: int) -> Instruction:
    return instruction(
        Opcode.SETUP,
        run=int(rng.choice([1, rows - 1, rows, rng.integers(1, 4 * rows)])),
        taps=int(rng.integers(1, 4)),
        tap_pitch=int(rng.integers(200)),
        lines=int(rng.integers(1, 4)),
        line_pitch=int(rng.integers(2000)),
        pack_taps=int(rng.integers(2)),
        pack_lines=int(rng.integers(2)),
        step_x=int(rng.integers(1, 100)),
        step_y=int(rng.integers(1, 1000)),
        zero_point=int(rng.integers(-128, 128)),
    )


def random_window(rng: np.random.Generator, p: Parameters, mode: Mode) -> Instruction:
    """The setup of a mode that is not dense."""
    fields = {
        "step_x": int(rng.integers(1, 100)),
        "step_y": int(rng.integers(1, 1000)),
        "zero_point": int(rng.integers(-128, 128)),
        "high": int(rng.integers(-128, 128)),
    }
    banks = p.activation_banks
    pitch = banks * int(rng.integers(p.activation_bytes // banks))
    if mode == Mode.MUL:
        fields |= {"operand_pitch": pitch, "broadcast": int(rng.integers(2)), "multiplier": 1 << 29}
        return instruction(Opcode.SETUP_MUL, **fields)
    if mode == Mode.ADD:
        return instruction(Opcode.SETUP_ADD, operand_pitch=pitch, shift=20, factor_b=9, **fields)
    widest = 0 if mode == Mode.DEPTHWISE and p.wide_window else 1
    fields |= {
        "window_height": int(rng.integers(1, 4)),
        "window_width": int(rng.integers(widest, 4)),
    }
    fields |= {"stride_y": int(rng.integers(1, 5)), "stride_x": int(rng.choice([1, 2, 3, 15]))}
    walk = {"taps": 1, "lines": 1}
    if mode == Mode.DEPTHWISE:
        walk = {name: int(rng.integers(1, 4)) for name in ("taps", "lines", "tap_pitch")}
    return instruction(Opcode.SETUP, mode=mode, run=p.rows, line_pitch=999, **fields, **walk)


def tile(
    rng: np.random.Generator, p: Parameters, passes: list[int], width: int, height: int
) -> list[Instruction]:
    """COMPUTEs over the same outputs, one for each group of passes."""
    room = p.accumulators - width * height
    accumulator, columns = int(rng.integers(room + 1)), int(rng.integers(1, p.cols + 1))
    return [
        instruction(
            Opcode.COMPUTE,
            wait=int(rng.integers(16)),
            signal=int(rng.integers(16)),
            activation=int(rng.integers(p.activation_bytes)),
            weight=int(rng.integers(p.weight_rows)),
            passes=count,
            columns=columns,
            width=width,
            height=height,
            accumulator=accumulator,
            output=int(rng.integers(p.output_bytes)),
            output_pitch=int(rng.integers(1000)),
            first=int(index == 0),
            last=int(index == len(passes) - 1),
        )
        for index, count in enumerate(passes)
    ]


def passes_of(setup: Instruction, p: Parameters) -> int:
    return sum(1 for _ in walk_of(setup, p))


def random_program(seed: int, p: Parameters) -> list[Instruction]:
    """Tiles of every mode, of one and of many pixels, their passes in one or several commands."""
    rng = np.random.default_rng(seed)
    program = []
    modes = [Mode.DENSE, Mode.MAX, Mode.ADD, *([Mode.DEPTHWISE] * 2 if p.depthwise else [])]
    modes += [Mode.MUL] * 2 * p.product
    for mode in rng.permutation(modes + modes):
        dense = mode == Mode.DENSE
        setup = random_setup(rng, p.rows) if dense else random_window(rng, p, Mode(int(mode)))
        if p.narrow and setup.opcode == Opcode.SETUP:
            setup = replace(setup, fields=setup.fields | {"weight_width": int(rng.integers(3))})
        if p.half_up and setup.opcode == Opcode.SETUP_ADD:
            setup = replace(setup, fields=setup.fields | {"half_up": int(rng.integers(2))})
        program.append(setup)
        total = passes_of(setup, p)
        for _ in range(int(rng.integers(1, 5))):
            cuts = sorted({int(c) for c in rng.integers(1, total + 1, size=2)} - {total})
            counts = np.diff([0, *cuts, total]).tolist()
            width, height = (int(rng.choice([1, 1, 2, rng.integers(1, 6)])) for _ in range(2))
            program += tile(rng, p, counts, width, height)
    return program
