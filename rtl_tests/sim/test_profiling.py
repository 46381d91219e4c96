"""Instructions by block, from callgrind's report."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from toy import toy_data, toy_job

from maccord.runtime.errors import ToolchainError
from maccord.sim.callgrind import by_block, by_line
from maccord.sim.profiling import profile, run
from maccord.spec.parameters import Parameters

REPORT = """version: 1
events: Ir
fl=(1) out/Vtop_0.cpp
fn=(1) first
10 5
+2 7
* 1
cfi=(2) out/Vtop_1.cpp
cfn=(2) second
calls=3 40
13 1000
-1 4
fl=(2)
fn=(2)
3 900
fl=(3) /usr/lib/libc.so
fn=(3) memcpy
8 100
"""
SOURCES = {
    "Vtop_0.cpp": [""] * 9
    + [
        "vlSelfRef.tb__DOT__dut__DOT__core__DOT__lane_3__DOT__y",
        "  = 7U;",
        "vlSelfRef.__Vdly__tb__DOT__dut__DOT__core__DOT__lane_12__DOT__y = 1U;",
        "vlSelfRef.tb__DOT__cycle = 1U;",
    ],
    "Vtop_1.cpp": ["void f() {", "", "}", "", "", ""],
}


def test_counts_by_line() -> None:
    """A call's cost is that of the called lines, not of the calling one."""
    counts = by_line(REPORT)
    assert counts["Vtop_0.cpp", 10] == 5
    assert counts["Vtop_0.cpp", 12] == 7 + 1 + 4
    assert counts["Vtop_1.cpp", 3] == 900
    assert counts.total() == 5 + 12 + 900 + 100


def test_counts_by_block() -> None:
    blocks = by_block(by_line(REPORT), SOURCES)
    assert blocks == {"dut.core.lane_N": 17, "simulator": 900, "library": 100}


def test_without_valgrind_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(ToolchainError, match=r"^no valgrind on PATH: "):
        run("resnet18.fc", Parameters(), tmp_path / "profile.json")


@pytest.mark.nightly
def test_two_profiles_are_equal() -> None:
    if shutil.which("valgrind") is None:
        pytest.fail("valgrind is not installed: instructions were not counted")
    job = toy_job(toy_data(4096, 1))
    found = [profile("toy", Parameters(), job) for _ in range(2)]
    assert found[0] == found[1]
    share = sum(b.instructions_per_cycle for b in found[0].blocks) * found[0].cycles
    assert abs(share / found[0].instructions - 1) < 0.01
