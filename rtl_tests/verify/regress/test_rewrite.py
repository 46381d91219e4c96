"""Rewritten programs do the same, in the instruction-level machine."""

from __future__ import annotations

import numpy as np
import pytest

from maccord.compiler import schedule
from maccord.golden.machine.machine import Machine
from maccord.spec.isa import FIELDS, Instruction, Opcode, encode_program
from maccord.verify.regress.configurations import CONFIGURATIONS
from maccord.verify.regress.layers import random_conv2d
from maccord.verify.regress.rewrite import scrambled, shifted


@pytest.mark.parametrize("seed", range(3))
def test_scrambled_programs_do_the_same(seed: int) -> None:
    """Fields that do not matter take any value; offsets and sizes stay."""
    rng = np.random.default_rng(seed)
    parameters = CONFIGURATIONS["4x2"]
    layer = random_conv2d(rng, (5, 3, 3, 3), padding=(1, 2))
    plan = schedule(layer, (1, 6, 5, 3), parameters)
    image = plan.image(rng.integers(0, 256, (1, 6, 5, 3), dtype=np.uint8))
    due = image.copy()
    Machine(parameters, due).run(plan.memory.program)
    program = scrambled(plan.program, rng)
    changed = sum(a != b for a, b in zip(program, plan.program, strict=True))
    assert changed > len(program) / 4
    code = np.frombuffer(encode_program(program), np.uint8)
    place = slice(plan.memory.program, plan.memory.program + code.size)
    image[place] = code
    Machine(parameters, image).run(plan.memory.program)
    image[place] = due[place]
    np.testing.assert_array_equal(image, due)


def test_a_shift_moves_offsets_in_memory_alone() -> None:
    load = Instruction(Opcode.LOAD, {"memory": (1 << 32) - 4096, "rows": 1, "row_bytes": 8}, 1, 2)
    tile = Instruction(Opcode.COMPUTE, {"activation": 64})
    first, second = shifted([load, tile], 8192)
    assert first == Instruction(Opcode.LOAD, load.fields | {"memory": 4096}, 1, 2)
    assert second == tile
    store = Instruction(Opcode.STORE, {"rows": 1})  # omitted fields are 0
    assert shifted([store], 4096)[0]["memory"] == 4096
    moved = {o for o in FIELDS if shifted([Instruction(o, {})], 4096)[0].fields}
    transfers = {Opcode.LOAD, Opcode.FILL, Opcode.WEIGHT, Opcode.STORE, Opcode.RECORD}
    assert moved == transfers | {Opcode.GATHER}
