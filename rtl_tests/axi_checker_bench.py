"""cocotb tests of the protocol checker, violation by violation; `test_axi_checker.py` runs them."""

from __future__ import annotations

from typing import Any

import cocotb
from cocotb.triggers import FallingEdge

from maccord.sim.protocol import VIOLATIONS

Cycle = dict[str, int]

IDLE = (
    "awid", "awaddr", "awlen", "awvalid", "awready", "wdata", "wstrb", "wlast", "wvalid",
    "wready", "arid", "araddr", "arlen", "arvalid", "arready", "s_awvalid", "s_awready",
    "s_wvalid", "s_wready", "s_bvalid", "s_bready", "s_bresp", "s_arvalid", "s_arready",
    "s_rvalid", "s_rready", "s_rdata", "s_rresp",
)  # fmt: skip

AW: Cycle = {"awvalid": 1, "awready": 1}
AR: Cycle = {"arvalid": 1, "arready": 1}
W: Cycle = {"wvalid": 1, "wready": 1}
LAST: Cycle = W | {"wlast": 1}
WRITE: Cycle = {"s_awvalid": 1, "s_awready": 1, "s_wvalid": 1, "s_wready": 1}
READ: Cycle = {"s_arvalid": 1, "s_arready": 1}
TAKE_B: Cycle = {"s_bvalid": 1, "s_bready": 1}
TAKE_R: Cycle = {"s_rvalid": 1, "s_rready": 1}

LEGAL: list[list[Cycle]] = [
    [{"awvalid": 1, "awaddr": 64}, AW | {"awaddr": 64}, LAST],
    [AW | {"awlen": 2}, W, {}, {"wvalid": 1, "wdata": 5}, W | {"wdata": 5}, LAST],
    [AW | {"awlen": 1}, AW | W, LAST, LAST],
    [{"arvalid": 1, "araddr": 0xF00, "arlen": 15}, AR | {"araddr": 0xF00, "arlen": 15}],
    [AR | {"araddr": 0xFF0}, AR | {"araddr": 0x1000, "arlen": 255}],
    [WRITE, {"s_bvalid": 1}, TAKE_B],
    [{"s_awvalid": 1, "s_awready": 1}, {"s_wvalid": 1, "s_wready": 1}, TAKE_B],
    [READ, {"s_rvalid": 1, "s_rdata": 7}, TAKE_R | {"s_rdata": 7}],
]

ILLEGAL: dict[int, list[Cycle]] = {
    1: [{"awvalid": 1}, {}],
    2: [{"awvalid": 1, "awaddr": 64}, AW | {"awaddr": 128}],
    3: [AW, {"wvalid": 1, "wlast": 1}, {}],
    4: [AW, {"wvalid": 1, "wlast": 1}, LAST | {"wstrb": 1}],
    5: [{"arvalid": 1}, {}],
    6: [{"arvalid": 1, "arlen": 1}, AR | {"arlen": 2}],
    7: [AW | {"awaddr": 0xFF0, "awlen": 1}],
    8: [AR | {"araddr": 0xF00, "arlen": 16}],
    9: [AW | {"awburst": 0}],
    10: [AR | {"arburst": 2}],
    11: [AW | {"awsize": 2}],
    12: [AR | {"arsize": 3}],
    13: [AW | {"awaddr": 8}],
    14: [AR | {"araddr": 1}],
    15: [AW | {"awlen": 1}, LAST],
    17: [WRITE, {"s_bvalid": 1}, TAKE_B | {"s_bresp": 2}],
    18: [READ, {"s_rvalid": 1, "s_rdata": 7}, TAKE_R | {"s_rdata": 8}],
    19: [{"s_awvalid": 1, "s_awready": 1}, TAKE_B],
    20: [TAKE_R],
}


async def play(dut: Any, cycles: list[Cycle]) -> None:
    """Reset, then show one row of values per cycle."""
    dut.aresetn.value = 0
    await show(dut, {})
    await show(dut, {})
    dut.aresetn.value = 1
    for cycle in ({}, {}, *cycles, {}):
        await show(dut, cycle)


async def show(dut: Any, cycle: Cycle) -> None:
    """Show values for one rising edge."""
    full_width = {"awsize": 4, "arsize": 4, "awburst": 1, "arburst": 1}
    for name, value in {**dict.fromkeys(IDLE, 0), **full_width, **cycle}.items():
        getattr(dut, name).value = value
    await FallingEdge(dut.aclk)


@cocotb.test()
async def legal_traffic(dut: Any) -> None:
    """Nothing is found where nothing is wrong."""
    await FallingEdge(dut.aclk)
    for cycles in LEGAL:
        await play(dut, cycles)
        assert int(dut.errors.value) == 0, (cycles, int(dut.first_code.value))


@cocotb.test()
async def each_violation(dut: Any) -> None:
    """Each violation is found, and called by its name."""
    await FallingEdge(dut.aclk)
    for code, cycles in ILLEGAL.items():
        await play(dut, cycles)
        assert int(dut.first_code.value) == code, VIOLATIONS[code]
        assert int(dut.errors.value) == 1
        assert int(dut.first_cycle.value) == 1 + len(cycles)


@cocotb.test()
async def valid_in_reset(dut: Any) -> None:
    """A valid signal that is high when reset ends is found."""
    await FallingEdge(dut.aclk)
    for name in ("awvalid", "wvalid", "arvalid", "s_bvalid", "s_rvalid"):
        await play(dut, [])
        dut.aresetn.value = 0
        await show(dut, {name: 1})
        dut.aresetn.value = 1
        await show(dut, {name: 1})
        assert int(dut.first_code.value) == 16, name
    assert set(ILLEGAL) | {16} == set(VIOLATIONS)
