"""The cocotb test of the families' elements: random operands, then all pairs of them."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import cocotb
from cocotb.handle import SimHandleBase
from cocotb.triggers import ClockCycles, RisingEdge

CYCLES = 2000
PAIRS = 1 << 17  # once for each sign of the other column's weight
SEED = int(os.environ.get("MACCORD_SEED", "0"))
OPERANDS = (0x80, 0x81, 0xFF, 0x00, 0x01, 0x7F)
EXTREMES = {byte: int.from_bytes(bytes([byte]) * 11, "little") for byte in (0x80, 0x7F)}
RUN = 40  # cycles, in which all elements of an array get the same


@cocotb.test()
async def elements(dut: SimHandleBase) -> None:
    """Drive for a while, count to the end; leave what has differed in `found.json`."""
    rng = random.Random(SEED)
    dut.pairs.value = 0
    extreme = 0
    for cycle in range(CYCLES):
        await RisingEdge(dut.aclk)
        bits = rng.getrandbits(256)
        if rng.random() < 0.5:
            bits = bits & ~0xFFFF | rng.choice(OPERANDS) << 8 | rng.choice(OPERANDS)
            bits = bits & ~(0xFF << 182) | rng.choice(OPERANDS) << 182
        if cycle % RUN == 0:
            extreme = rng.choice((0, 0, *EXTREMES.values()))
        if extreme:
            bits = bits & ~((1 << 88) - 1) | extreme
        dut.random.value = bits
    wrong = int(dut.wrong.value)
    # From the second round on, the first weight has been captured, too
    dut.pairs.value = 1
    await ClockCycles(dut.aclk, PAIRS + 256 + 8)
    found = {"random": wrong, "pairs": int(dut.wrong.value), "counted": int(dut.pair.value)}
    Path(os.environ["MACCORD_JOB"], "found.json").write_text(json.dumps(found))
