"""cocotb tests of the protocol checker, violation by violation; `test_axi_checker.py` runs them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cocotb
from cocotb.triggers import FallingEdge

from maccord.sim.protocol import VIOLATIONS

Cycle = dict[str, int]

IDLE = (
    "interrupt_", "awid", "awaddr", "awlen", "awlock", "awprot", "awqos", "awvalid", "awready",
    "wdata", "wstrb", "wlast", "wvalid", "wready", "bid", "bresp", "bvalid", "bready",
    "arid", "araddr", "arlen", "arlock", "arprot", "arqos", "arvalid", "arready",
    "rid", "rdata", "rresp", "rlast", "rvalid", "rready",
    "s_awaddr", "s_awprot", "s_awvalid", "s_awready", "s_wdata", "s_wstrb", "s_wvalid", "s_wready",
    "s_bvalid", "s_bready", "s_bresp", "s_araddr", "s_arprot", "s_arvalid", "s_arready",
    "s_rvalid", "s_rready", "s_rdata", "s_rresp",
)  # fmt: skip
VALID = [name for name in IDLE if name.endswith("valid")]

AW: Cycle = {"awvalid": 1, "awready": 1}
AR: Cycle = {"arvalid": 1, "arready": 1}
W: Cycle = {"wvalid": 1, "wready": 1}
LAST: Cycle = W | {"wlast": 1}
B: Cycle = {"bvalid": 1, "bready": 1}
R: Cycle = {"rvalid": 1, "rready": 1}
R_LAST: Cycle = R | {"rlast": 1}
LITE_AW: Cycle = {"s_awvalid": 1, "s_awready": 1}
LITE_W: Cycle = {"s_wvalid": 1, "s_wready": 1}
WRITE: Cycle = LITE_AW | LITE_W
READ: Cycle = {"s_arvalid": 1, "s_arready": 1}
TAKE_B: Cycle = {"s_bvalid": 1, "s_bready": 1}
TAKE_R: Cycle = {"s_rvalid": 1, "s_rready": 1}
STATUS: Cycle = READ | {"s_araddr": 0x00C}
BUSY: Cycle = TAKE_R | {"s_rdata": 1}
DONE: Cycle = TAKE_R | {"s_rdata": 2}
FAILED: Cycle = TAKE_R | {"s_rdata": 0x304}
RECORD_BUSY: Cycle = TAKE_R | {"s_rdata": 9}
RECORD_DONE: Cycle = TAKE_R | {"s_rdata": 10}
IRQ: Cycle = {"interrupt_": 1}

# Nothing is open when these have been shown
LEGAL: dict[str, list[Cycle]] = {
    "address first": [{"awvalid": 1, "awaddr": 64}, AW | {"awaddr": 64}, LAST, B],
    "a beat that waits": [
        *(AW | {"awlen": 2}, W, {}, {"wvalid": 1, "wdata": 5}, W | {"wdata": 5}, LAST, B),
    ],
    "the next address between beats": [AW | {"awlen": 1}, AW | W, LAST, LAST, B, B],
    "address with its only beat": [AW | LAST, B],
    "address with its first beat": [AW | W | {"awlen": 1}, LAST, B],
    "all data before the address": [LAST, AW, B],
    "more data before the address": [W, W, LAST, {}, AW | {"awlen": 2}, B],
    "some data before the address": [W, W, AW | {"awlen": 2}, LAST, B],
    "address with a later beat": [W, AW | W | {"awlen": 2}, LAST, B],
    "address with the last beat": [W, W, AW | LAST | {"awlen": 2}, B],
    "two bursts before an address": [W, LAST, LAST, AW | {"awlen": 1}, AW, B, B],
    "a burst ahead, its address with the next data": [LAST, AW | W, LAST, AW | {"awlen": 1}, B, B],
    "both ahead by turns": [LAST, AW, AW | {"awlen": 1}, W, LAST, LAST, AW, B, B, B],
    "256 beats": [AW | {"awlen": 255}, *[W] * 255, LAST, B],
    "256 beats before the address": [*[W] * 255, LAST, AW | {"awlen": 255}, B],
    "127 addresses ahead": [*[AW] * 127, *[LAST] * 127, *[B] * 127],
    "127 bursts of data ahead": [*[LAST] * 127, *[AW] * 127, *[B] * 127],
    "up to a page's end": [
        {"arvalid": 1, "araddr": 0xF00, "arlen": 15},
        AR | {"araddr": 0xF00, "arlen": 15},
        *[R] * 15,
        R_LAST,
    ],
    "a whole page": [AR | {"araddr": 0x1000, "arlen": 255}, *[R] * 255, R_LAST],
    "reads interleaved between IDs": [
        AR | {"arid": 1, "arlen": 1},
        AR | {"arid": 2},
        AR | {"arid": 1},
        R | {"rid": 1},
        R_LAST | {"rid": 2},
        R_LAST | {"rid": 1},
        R_LAST | {"rid": 1},
    ],
    "responses out of order between IDs": [
        *(AW | {"awid": 1}, LAST, AW | {"awid": 2}, LAST, B | {"bid": 2}, B | {"bid": 1}),
    ],
    "a response while the next write ends": [
        *(AW | {"awid": 1}, LAST, AW | {"awid": 1}, LAST | B | {"bid": 1}, B | {"bid": 1}),
    ],
    "answers that wait": [
        *(AW, LAST, {"bvalid": 1, "bresp": 2}, B | {"bresp": 2}),
        *(AR, {"rvalid": 1, "rlast": 1, "rdata": 3, "rresp": 3}),
        R_LAST | {"rdata": 3, "rresp": 3},
    ],
    "the last answer with the interrupt": [
        AW | LAST,
        AR,
        B | R_LAST,
        IRQ,
        IRQ | STATUS,
        IRQ | DONE,
    ],
    "a record while the program writes": [
        *(AW | LAST, IRQ, IRQ | STATUS, IRQ | RECORD_BUSY, B, IRQ, IRQ | STATUS, IRQ | DONE),
    ],
    "the end before the record was seen": [
        *(AW | LAST, IRQ, IRQ | B, IRQ | STATUS, IRQ | RECORD_DONE),
    ],
    "the end just after the record was seen": [
        *(AW | LAST, IRQ, IRQ | STATUS, IRQ | RECORD_BUSY, IRQ | B, IRQ | STATUS, IRQ | DONE),
    ],
    "a status while the program runs": [AW, AR, STATUS, BUSY, LAST | R_LAST, B],
    "another register that looks like a status": [AW, READ | {"s_araddr": 0x80}, DONE, LAST, B],
    "a write to a register": [WRITE, {"s_bvalid": 1}, TAKE_B],
    "an address, then its data": [LITE_AW, LITE_W, TAKE_B],
    "data, then its address": [LITE_W, LITE_AW, TAKE_B],
    "a register's address that waits": [
        {"s_awvalid": 1, "s_awaddr": 4, "s_wvalid": 1, "s_wdata": 9},
        WRITE | {"s_awaddr": 4, "s_wdata": 9},
        TAKE_B | {"s_bresp": 2},
    ],
    "a read of a register": [
        *({"s_arvalid": 1, "s_araddr": 8}, READ | {"s_araddr": 8}),
        *({"s_rvalid": 1, "s_rdata": 7}, TAKE_R | {"s_rdata": 7}),
    ],
}

FIRED: list[tuple[int, str, str]] = []  # code, test, and the way in which the rule was broken

# By code and way; the last cycle shows the violation
ILLEGAL: dict[tuple[int, str], list[Cycle]] = {
    (1, "falls"): [{"awvalid": 1}, {}],
    (2, "address"): [{"awvalid": 1, "awaddr": 64}, AW | {"awaddr": 128}],
    (2, "id"): [{"awvalid": 1}, AW | {"awid": 1}],
    (2, "length"): [{"awvalid": 1, "awlen": 1}, AW],
    (2, "size"): [{"awvalid": 1, "awsize": 3}, AW],
    (3, "falls"): [AW, {"wvalid": 1, "wlast": 1}, {}],
    (4, "strobe"): [AW, {"wvalid": 1, "wlast": 1}, LAST | {"wstrb": 1}],
    (4, "last"): [AW | {"awlen": 1}, {"wvalid": 1, "wlast": 1}, W],
    (4, "data"): [AW, {"wvalid": 1, "wlast": 1}, LAST | {"wdata": 1 << 127}],
    (5, "falls"): [{"arvalid": 1}, {}],
    (6, "length"): [{"arvalid": 1, "arlen": 1}, AR | {"arlen": 2}],
    (6, "address"): [{"arvalid": 1, "araddr": 64}, AR | {"araddr": 128}],
    (6, "id"): [{"arvalid": 1}, AR | {"arid": 1}],
    (7, "2 beats from 0xFF0"): [AW | {"awaddr": 0xFF0, "awlen": 1}],
    (8, "17 beats from 0xF00"): [AR | {"araddr": 0xF00, "arlen": 16}],
    (9, "FIXED"): [AW | {"awburst": 0}],
    (10, "WRAP"): [AR | {"arburst": 2}],
    (11, "4 bytes"): [AW | {"awsize": 2}],
    (12, "8 bytes"): [AR | {"arsize": 3}],
    (13, "by 8 bytes"): [AW | {"awaddr": 8}],
    (14, "by a byte"): [AR | {"araddr": 1}],
    (15, "early"): [AW | {"awlen": 1}, LAST],
    (15, "late"): [AW, W],
    (15, "early, with the address"): [AW | LAST | {"awlen": 1}],
    (15, "late, with the address"): [AW | W],
    (15, "a shorter burst was announced after its data"): [W, LAST, AW],
    (15, "a longer one"): [W, LAST, AW | {"awlen": 2}],
    (15, "a shorter one amid its data"): [W, W, AW],
    (15, "second burst"): [LAST, W, LAST, AW, AW],
    (17, "changes"): [WRITE, {"s_bvalid": 1}, TAKE_B | {"s_bresp": 2}],
    (17, "falls"): [WRITE, {"s_bvalid": 1}, {}],
    (18, "data"): [READ, {"s_rvalid": 1, "s_rdata": 7}, TAKE_R | {"s_rdata": 8}],
    (18, "response"): [READ, {"s_rvalid": 1}, TAKE_R | {"s_rresp": 2}],
    (18, "falls"): [READ, {"s_rvalid": 1}, {}],
    (19, "address alone"): [LITE_AW, TAKE_B],
    (19, "data alone"): [LITE_W, TAKE_B],
    (19, "twice"): [WRITE, TAKE_B, TAKE_B],
    (20, "no read"): [TAKE_R],
    (20, "twice"): [READ, TAKE_R, TAKE_R],
    (22, "AWLOCK 1"): [AW | {"awlock": 1}],
    (23, "ARLOCK 1"): [AR | {"arlock": 1}],
    (24, "2"): [AW | {"awcache": 2}],
    (25, "15"): [AR | {"arcache": 15}],
    (26, "2"): [AW | {"awprot": 2}],
    (27, "4"): [AR | {"arprot": 4}],
    (28, "8"): [AW | {"awqos": 8}],
    (29, "1"): [AR | {"arqos": 1}],
    (30, "falls"): [AW | LAST, {"bvalid": 1}, {}],
    (30, "response"): [AW | LAST, {"bvalid": 1}, B | {"bresp": 2}],
    (30, "id"): [
        *(AW | LAST | {"awid": 1}, AW | LAST, {"bvalid": 1, "bid": 1}, B),
    ],
    (31, "falls"): [AR, {"rvalid": 1, "rlast": 1}, {}],
    (31, "data"): [AR, {"rvalid": 1, "rlast": 1}, R_LAST | {"rdata": 1 << 127}],
    (31, "response"): [AR, {"rvalid": 1, "rlast": 1}, R_LAST | {"rresp": 2}],
    (31, "last"): [AR, {"rvalid": 1}, R_LAST],
    (32, "no write"): [B],
    (32, "no data"): [AW, B],
    (32, "no address"): [LAST, B],
    (32, "with its last beat"): [AW, LAST | B],
    (32, "twice"): [AW | LAST, B, B],
    (33, "no read"): [R_LAST],
    (33, "after the last beat"): [AR, R_LAST, R],
    (34, "a response for another ID"): [AW | LAST | {"awid": 2}, B | {"bid": 1}],
    (35, "a beat for another ID"): [AR | {"arid": 2}, R_LAST | {"rid": 1}],
    (36, "early"): [AR | {"arlen": 1}, R_LAST],
    (36, "late"): [AR, R],
    (37, "EXOKAY"): [AW | LAST, B | {"bresp": 1}],
    (38, "EXOKAY"): [AR, R_LAST | {"rresp": 1}],
    (39, "EXOKAY"): [WRITE, TAKE_B | {"s_bresp": 1}],
    (40, "EXOKAY"): [READ, TAKE_R | {"s_rresp": 1}],
    (41, "falls"): [{"s_awvalid": 1}, {}],
    (41, "address"): [{"s_awvalid": 1}, LITE_AW | {"s_awaddr": 4}],
    (41, "protection"): [{"s_awvalid": 1}, LITE_AW | {"s_awprot": 1}],
    (42, "falls"): [{"s_wvalid": 1}, {}],
    (42, "strobe"): [{"s_wvalid": 1}, LITE_W | {"s_wstrb": 8}],
    (42, "data"): [{"s_wvalid": 1}, LITE_W | {"s_wdata": 1}],
    (43, "falls"): [{"s_arvalid": 1}, {}],
    (43, "address"): [{"s_arvalid": 1}, READ | {"s_araddr": 8}],
    (43, "protection"): [{"s_arvalid": 1}, READ | {"s_arprot": 1}],
    (44, "a burst"): [LAST, STATUS, DONE],
    (44, "a beat"): [W, STATUS, FAILED],
    (45, "no data"): [AW, STATUS, DONE],
    (45, "no response"): [AW | LAST, STATUS, FAILED],
    (45, "a response after the interrupt"): [AW | LAST, IRQ, IRQ | B, IRQ | STATUS, IRQ | DONE],
    (45, "behind a record"): [AW | LAST, IRQ, IRQ | STATUS, IRQ | RECORD_DONE],
    (46, "a read"): [AR, STATUS, DONE],
    (46, "a beat after the interrupt"): [AR, IRQ, IRQ | R_LAST, IRQ | STATUS, IRQ | FAILED],
}


async def reset(dut: Any, cycles: int = 2) -> None:
    """Reset, with nothing on the ports."""
    dut.aresetn.value = 0
    for _ in range(cycles):
        await show(dut, {})
    dut.aresetn.value = 1


async def play(dut: Any, cycles: list[Cycle]) -> None:
    """Reset, then show one row of values per cycle."""
    await reset(dut)
    for cycle in ({}, {}, *cycles, {}):
        await show(dut, cycle)


async def show(dut: Any, cycle: Cycle) -> None:
    """Show values for one rising edge."""
    constant = {"awsize": 4, "arsize": 4, "awburst": 1, "arburst": 1, "awcache": 3, "arcache": 3}
    for name, value in {**dict.fromkeys(IDLE, 0), **constant, **cycle}.items():
        getattr(dut, name).value = value
    await FallingEdge(dut.aclk)


def found(dut: Any) -> set[int]:
    """Codes of what was found since the reset."""
    seen = int(dut.found.value)
    return {code for code in range(1, len(dut.found) + 1) if seen >> code - 1 & 1}


@cocotb.test()
async def legal_traffic(dut: Any) -> None:
    """Nothing is found where nothing is wrong, alone and one after the other."""
    await FallingEdge(dut.aclk)
    for name, cycles in LEGAL.items():
        await play(dut, cycles)
        assert int(dut.errors.value) == 0, (name, found(dut))
    await play(dut, [cycle for _ in range(3) for cycles in LEGAL.values() for cycle in cycles])
    assert int(dut.errors.value) == 0, found(dut)


@cocotb.test()
async def each_violation(dut: Any) -> None:
    """Each violation is found in its cycle, under its code and no other."""
    await FallingEdge(dut.aclk)
    for (code, name), cycles in ILLEGAL.items():
        await play(dut, cycles)
        assert found(dut) == {code}, (VIOLATIONS[code], name, found(dut))
        assert int(dut.first_code.value) == code
        assert int(dut.errors.value) == 1, (VIOLATIONS[code], name)
        assert int(dut.first_cycle.value) == 1 + len(cycles)
        FIRED.append((code, "each_violation", name))


@cocotb.test()
async def valid_around_reset(dut: Any) -> None:
    """A valid signal is found when it is high as reset ends, or long after it has begun."""
    await FallingEdge(dut.aclk)
    for name in VALID:
        await play(dut, [])
        dut.aresetn.value = 0
        for _ in range(12):
            await show(dut, {name: 1})  # what was in flight
        await show(dut, {})
        dut.aresetn.value = 1
        await show(dut, {})
        assert found(dut) == set(), name
        await reset(dut, 16)
        await show(dut, {name: 1})
        assert 16 in found(dut), name
        assert int(dut.first_cycle.value) == 0
        FIRED.append((16, "valid_around_reset", name))
        await reset(dut, 12)
        dut.aresetn.value = 0
        await show(dut, {name: 1})
        dut.aresetn.value = 1
        await show(dut, {})
        assert found(dut) == {21}, name
        FIRED.append((21, "valid_around_reset", name))


@cocotb.test()
async def resets_in_flight(dut: Any) -> None:
    """What a reset ended is forgotten: lengths, beats, requests, violations."""
    await FallingEdge(dut.aclk)
    everything = AW | W | AR | WRITE | READ | {"awlen": 3, "arlen": 3}
    for cycles in ([everything], [W, LAST, LAST], [AW | {"awlen": 9}, W], [LAST | {"awlen": 1}]):
        for traffic in LEGAL.values():
            await play(dut, cycles)
            await play(dut, traffic)
            assert int(dut.errors.value) == 0, (cycles, traffic, found(dut))


@cocotb.test()
async def every_code_has_words(dut: Any) -> None:
    """Nothing is found that has no name, and nothing has a name that cannot be found."""
    await FallingEdge(dut.aclk)
    assert set(VIOLATIONS) == set(range(1, len(dut.found) + 1))


@cocotb.test(stage=1)
async def every_rule_fired(dut: Any) -> None:
    """Each rule of the checker was broken in a test above, and found there."""
    await FallingEdge(dut.aclk)
    assert {code for code, _, _ in FIRED} == set(range(1, len(dut.found) + 1))
    Path("fired.json").write_text(json.dumps(FIRED))
