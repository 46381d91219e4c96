"""A cocotb testbench that knows the accelerator's ports and registers, and nothing else of it."""

import os

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge
from cocotbext.axi import AxiBus, AxiLiteBus, AxiLiteMaster, AxiRam

CONTROL, STATUS, IRQ_ENABLE, PROGRAM, BASE_LOW = 0x008, 0x00C, 0x010, 0x014, 0x018
DONE, ERROR = 2, 4


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def one_program(dut) -> None:
    """Run one program and compare what it leaves in memory."""
    stimulus = np.load(os.environ["STIMULUS"])
    cocotb.start_soon(Clock(dut.aclk, 10, unit="ns").start())
    reset = {"reset": dut.aresetn, "reset_active_level": False}
    registers = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi"), dut.aclk, **reset)
    memory = AxiRam(AxiBus.from_prefix(dut, "m_axi"), dut.aclk, size=2**20, **reset)
    memory.write(0, stimulus["memory"].tobytes())
    dut.aresetn.value = 0
    await ClockCycles(dut.aclk, 16)
    dut.aresetn.value = 1
    await registers.write_dword(BASE_LOW, 0)
    await registers.write_dword(PROGRAM, int(stimulus["program"]))
    await registers.write_dword(IRQ_ENABLE, 1)
    await registers.write_dword(CONTROL, 1)
    await RisingEdge(dut.interrupt)
    assert await registers.read_dword(STATUS) & (DONE | ERROR) == DONE
    expected = stimulus["expected"]
    found = memory.read(int(stimulus["output"]), expected.size)
    assert np.array_equal(np.frombuffer(found, np.uint8), expected)
