"""The cocotb test of a family's multipliers: random inputs; `test_multiply.py` runs it."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import cocotb
from cocotb.handle import SimHandleBase
from cocotb.triggers import RisingEdge

CYCLES = 10000
SEED = int(os.environ.get("MACCORD_SEED", "0"))


def ends(rng: random.Random, bits: int) -> int:
    """Bits, half of the time in runs of equal ones: operands at the ends of their ranges."""
    if rng.random() < 0.5:
        return rng.getrandbits(bits)
    return sum((rng.getrandbits(1) * 0xFF) << start for start in range(0, bits, 8))


@cocotb.test()
async def multipliers(dut: SimHandleBase) -> None:
    """Drive for a while; leave what has differed, and what was compared, in `found.json`."""
    rng = random.Random(SEED)
    for _ in range(CYCLES):
        await RisingEdge(dut.aclk)
        dut.random.value = ends(rng, 120) << 8 | rng.getrandbits(8)
    found = {name: int(getattr(dut, name).value) for name in ("wrong", "given")}
    Path(os.environ["MACCORD_JOB"], "found.json").write_text(json.dumps(found))
