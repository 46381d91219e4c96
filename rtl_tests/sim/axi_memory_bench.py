"""cocotb tests of the AXI memory, driven by cocotb-bus; `test_axi_memory.py` runs them."""

from __future__ import annotations

import ctypes
import os
import random
from pathlib import Path

import cocotb
from cocotb.handle import SimHandleBase
from cocotb.triggers import ClockCycles, RisingEdge
from cocotb_bus.drivers.amba import AXI4Master, AXIProtocolError, AXIxRESP

BASE = 0x7_0000_0000
SIZE = 0x4000
SEED = int(os.environ.get("MACCORD_SEED", "0"))


class Bench:
    """A master, the memory, and a copy of what it must hold."""

    def __init__(self, dut: SimHandleBase) -> None:
        self.dut = dut
        self.random = random.Random(SEED)
        self.width = len(dut.m_axi_wdata) // 8
        self.master = AXI4Master(dut, "m_axi", dut.aclk)
        self.model = bytearray(self.random.randbytes(SIZE))

    async def reset(self, latency: int = 30, jitter: int = 0, stall: int = 0) -> None:
        folder = Path(os.environ["MACCORD_JOB"])
        image, mask = folder / "memory.bin", folder / "mask.bin"
        image.write_bytes(self.model)
        mask.write_bytes(bytes(SIZE // 8))
        assert ctypes.CDLL(None).maccord_memory_open(bytes(image), bytes(mask)) == 0
        dut = self.dut
        dut.base.value, dut.size.value, dut.seed.value = BASE, SIZE, SEED
        dut.latency.value, dut.jitter.value, dut.stall.value = latency, jitter, stall
        dut.aresetn.value = 0
        await ClockCycles(dut.aclk, 5)
        dut.aresetn.value = 1
        await ClockCycles(dut.aclk, 2)

    def burst(self) -> tuple[int, int]:
        """Return a random place and number of beats within a page."""
        beats = self.random.randint(1, min(16, 4096 // self.width))
        room = 4096 - beats * self.width
        page = 4096 * self.random.randrange(SIZE // 4096)
        return page + self.random.randrange(room // self.width + 1) * self.width, beats

    async def write(self, offset: int, beats: int) -> None:
        words = [self.random.randbytes(self.width) for _ in range(beats)]
        strobes = [self.random.choice((0, (1 << self.width) - 1, None)) for _ in range(beats)]
        strobes = [self.random.getrandbits(self.width) if s is None else s for s in strobes]
        values = [int.from_bytes(word, "little") for word in words]
        await self.master.write(BASE + offset, values, byte_enable=strobes)
        for i, (word, strobe) in enumerate(zip(words, strobes, strict=True)):
            for j in range(self.width):
                if strobe >> j & 1:
                    self.model[offset + i * self.width + j] = word[j]

    async def check(self, offset: int, beats: int) -> None:
        words = await self.master.read(BASE + offset, beats)
        read = b"".join(int(word).to_bytes(self.width, "little") for word in words)
        assert read == self.model[offset : offset + beats * self.width]


@cocotb.test()
async def random_bursts(dut: SimHandleBase) -> None:
    """Reads return what was written, byte for byte, whatever the stalls."""
    bench = Bench(dut)
    await bench.reset(latency=5, jitter=9, stall=80)
    beats = {"read": 0, "write": 0}
    for _ in range(30):
        offset, count = bench.burst()
        await bench.write(offset, count)
        beats["write"] += count
        offset, count = bench.random.choice([(offset, count), bench.burst()])
        await bench.check(offset, count)
        beats["read"] += count
    await ClockCycles(dut.aclk, 2)
    assert int(dut.read_beats.value) == beats["read"]
    assert int(dut.write_beats.value) == beats["write"]


@cocotb.test()
async def timing(dut: SimHandleBase) -> None:
    """The first beat comes after the latency, the others one per cycle."""
    bench = Bench(dut)
    await bench.reset(latency=20)
    arrivals = cocotb.start_soon(watch_reads(dut, 8))
    await bench.check(0, 8)
    accepted, beats = await arrivals
    assert beats == [accepted + 20 + i for i in range(8)]


async def watch_reads(dut: SimHandleBase, count: int) -> tuple[int, list[int]]:
    """Return the cycle of the request and those of its beats."""
    cycle, accepted, beats = 0, -1, []
    while len(beats) < count:
        await RisingEdge(dut.aclk)
        cycle += 1
        if dut.m_axi_arvalid.value and dut.m_axi_arready.value:
            accepted = cycle
        if dut.m_axi_rvalid.value and dut.m_axi_rready.value:
            beats.append(cycle)
    return accepted, beats


@cocotb.test()
async def addresses_without_memory(dut: SimHandleBase) -> None:
    """An access outside of the memory is answered with DECERR and changes nothing."""
    bench = Bench(dut)
    await bench.reset(latency=3)
    for address in (BASE - bench.width, BASE + SIZE, 0):
        for access in (bench.master.read(address, 1), bench.master.write(address, [1])):
            try:
                await access
            except AXIProtocolError as error:
                assert error.xresp is AXIxRESP.DECERR  # noqa: PT017 - no pytest in the simulator
            else:
                raise AssertionError(f"{address:#x} was answered without an error")
    for offset in range(0, SIZE, 16 * bench.width):
        await bench.check(offset, 16)
