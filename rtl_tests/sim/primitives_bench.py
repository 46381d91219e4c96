"""The cocotb test of the ECP5's primitives: random operands and accesses."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import cocotb
from cocotb.handle import SimHandleBase
from cocotb.triggers import ClockCycles, RisingEdge

CYCLES = 4000
SEED = int(os.environ.get("MACCORD_SEED", "0"))
EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x1FFFF, 0x20000, 0x20001, 0x3FF80, 0x3FFFF)


def operand(rng: random.Random) -> int:
    """18 bits: half of them at the ends of what 8 and 18 bits hold, with a sign or without."""
    return rng.choice(EXTREMES) if rng.random() < 0.5 else rng.getrandbits(18)


def address(rng: random.Random, last: int) -> int:
    """14 bits: often those of the access before but for the lowest, so that they collide."""
    kind = rng.random()
    if kind < 0.3:
        return last
    if kind < 0.7:
        return last & ~31 | rng.getrandbits(5)
    return rng.getrandbits(14) if kind < 0.8 else rng.getrandbits(7)


@cocotb.test()
async def primitives(dut: SimHandleBase) -> None:
    """Drive for a while; leave what has differed, and what has collided, in `found.json`."""
    rng = random.Random(SEED)
    last = 0
    for _ in range(CYCLES):
        await RisingEdge(dut.aclk)
        dut.operands.value = sum(operand(rng) << 18 * i for i in range(4))
        dut.controls.value = rng.getrandbits(16)
        a, last = address(rng, last), address(rng, last)
        dut.accesses.value = rng.getrandbits(14) << 100 | last << 86 | a << 72 | rng.getrandbits(72)
    await ClockCycles(dut.aclk, 2)
    found = {name: int(getattr(dut, name).value) for name in ("wrong", "collided")}
    Path(os.environ["MACCORD_JOB"], "found.json").write_text(json.dumps(found))
