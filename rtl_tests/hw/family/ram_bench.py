"""The cocotb test of block RAMs: random accesses; `test_ram.py` runs it."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import cocotb
from cocotb.handle import SimHandleBase
from cocotb.triggers import RisingEdge

CYCLES = 3000
SEED = int(os.environ.get("MACCORD_SEED", "0"))


@cocotb.test()
async def rams(dut: SimHandleBase) -> None:
    """Drive for a while; leave what has differed, and what has collided, in `found.json`."""
    rng = random.Random(SEED)
    for _ in range(CYCLES):
        await RisingEdge(dut.aclk)
        dut.random.value = rng.getrandbits(64)
    found = {name: int(getattr(dut, name).value) for name in ("wrong", "collided")}
    Path(os.environ["MACCORD_JOB"], "found.json").write_text(json.dumps(found))
