"""The Verilog: the same bytes for the same parameters, self-contained, and clean for a linter."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from accelerator_bench import CONFIGURATIONS, netlist

from maccord.hw.package.waivers import WAIVERS
from maccord.hw.verilog import TOP, generate
from maccord.sim.ports import accelerator_ports, parse_ports
from maccord.sim.toolchain import find_verilator
from maccord.spec.parameters import Parameters

SIZES = [CONFIGURATIONS[name] for name in ("4x4 bus 8", "8x8 2 lanes")]


def verilog(index: int) -> str:
    return netlist(SIZES[index])


@cache
def lint(index: int, folder: Path) -> tuple[int, tuple[str, ...]]:
    """Return code and warnings, each with its kind, of Verilator with all of them on."""
    path = folder / f"{TOP}.v"
    path.write_text(verilog(index))
    found = find_verilator()
    options = ("--lint-only", "-Wall", "-Wno-fatal", "--timing", "--top-module", TOP)
    done = subprocess.run(
        [str(found.binary), *options, str(path)],
        env=os.environ | {"VERILATOR_ROOT": str(found.root)},
        capture_output=True,
        text=True,
    )
    said = re.findall(r"^%(?:Warning|Error).*$", done.stderr, re.MULTILINE)
    return done.returncode, tuple(said)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("verilog")


def kinds(said: tuple[str, ...]) -> set[str]:
    return {line.split(":")[0].removeprefix("%Warning-") for line in said}


@pytest.mark.parametrize("index", range(len(SIZES)))
def test_lint(index: int, folder: Path) -> None:
    """No warning but those that are waived: no latch, loop, second driver, or missing driver."""
    returncode, said = lint(index, folder)
    assert returncode == 0
    assert [line for line in said if kinds((line,)) - set(WAIVERS)] == []


def test_the_linter_sees_a_latch(folder: Path) -> None:
    """The check would fail if there were one."""
    text = verilog(0).replace(
        "endmodule", "  reg held;\n  always @* if (aresetn) held = interrupt;\nendmodule", 1
    )
    path = folder / "latch" / f"{TOP}.v"
    path.parent.mkdir()
    path.write_text(text)
    found = find_verilator()
    done = subprocess.run(
        [str(found.binary), "--lint-only", "-Wall", "-Wno-fatal", "--top-module", TOP, str(path)],
        env=os.environ | {"VERILATOR_ROOT": str(found.root)},
        capture_output=True,
        text=True,
    )
    assert "%Warning-LATCH" in done.stderr


@pytest.mark.parametrize("index", range(len(SIZES)))
def test_text(index: int) -> None:
    """Clocked processes only; nothing from outside, of this machine, or for simulation alone."""
    text = verilog(index)
    assert set(re.findall(r"^ *always +(.*?)(?: begin)?$", text, re.MULTILINE)) == {
        "@(posedge clk)",
        "@(posedge aclk)",
    }
    for word in ("initial", "readmem", "`", "$display", "$finish", "$random", "(* src", "/tmp"):
        assert word not in text
    defined = re.findall(r"^module +(\\\S+|\w+)", text, re.MULTILINE)
    assert defined[0] == TOP
    assert len(defined) == len(set(defined))
    used = set(re.findall(r"^  (\\\S+|[A-Za-z_]\w*) +(?:\\\S+|\w+) \($", text, re.MULTILINE))
    assert used == set(defined) - {TOP}


@pytest.mark.parametrize("index", range(len(SIZES)))
def test_ports(index: int) -> None:
    """The top module has AXI's names and widths, and the head of the file the configuration."""
    parameters = SIZES[index]
    assert parse_ports(verilog(index)) == accelerator_ports(parameters.axi_bytes)
    assert verilog(index).splitlines()[0].endswith(f"configuration {parameters.name}")


def test_equal_parameters_give_equal_bytes() -> None:
    """As kept, again in this process, and in another in which hashes differ."""
    due = hashlib.sha256(verilog(0).encode()).hexdigest()
    assert hashlib.sha256(generate(SIZES[0]).encode()).hexdigest() == due
    script = (
        "import hashlib; from maccord.hw.verilog import generate; "
        "from maccord.spec.parameters import Parameters; "
        f"print(hashlib.sha256(generate({SIZES[0]!r}).encode()).hexdigest())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"PYTHONHASHSEED": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == due


def test_other_parameters_give_other_bytes() -> None:
    assert verilog(0) != verilog(1)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"rows": 3}, "rows must be between 4 and 64, got 3"),
        ({"cols": 65}, "cols must be between 2 and 64, got 65"),
        ({"cols": 6, "lanes": 4}, r"lanes must divide cols \(6\), got 4"),
        ({"axi_bytes": 48}, "axi_bytes must be a power of two, got 48"),
        ({"accumulators": 100}, "accumulators must be a power of two, got 100"),
        ({"weight_bytes": 512}, "weight_bytes must be between 1024 and 4194304, got 512"),
    ],
)
def test_impossible_parameters(options: dict[str, int], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        generate(Parameters(**options))
