"""A cocotb test that fails of itself; it runs inside the simulator."""

import cocotb
from cocotb.handle import SimHandleBase


@cocotb.test()
async def fail(dut: SimHandleBase) -> None:
    """Raise what no testbench of ours catches."""
    raise LookupError("the bench knows\nno such signal")
