"""`maccord sim --gate` with stand-ins for synthesis: what is kept, refused and reported."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from command import ROOT

from maccord.cli import main as cli
from maccord.runtime.errors import SimulationError, ToolchainError
from maccord.sim.cli_sim import run
from maccord.sim.netlist import generated
from maccord.sim.primitives import instantiated
from maccord.sim.request import Gate, SimulationRequest
from maccord.spec.parameters import Parameters
from maccord.synth import gate
from maccord.synth.tools import Tool

LAYER = "resnet18.fc"
PROGRAM = """
import pathlib
def main(arguments):
    assert arguments == ["-s", "script.ys"]
    assert "-top maccord" in pathlib.Path("script.ys").read_text()
    design = pathlib.Path("design.v").read_text()
    if "fail" in design:
        print("ERROR: no such thing")
        return 1
    with open(pathlib.Path(__file__).with_name("runs"), "a") as runs:
        runs.write("run\\n")
    pathlib.Path("netlist.v").write_text(design)
"""
DESIGN = """module maccord(aclk);
  input aclk;
  wire aclk;
  wire \\core.go ;
  LUT4 #(
    .INIT(16'h00ff)
  ) \\core.go_LUT4_Z  (
    .A(1'h0)
  );
  PFUMX \\core.go_PFUMX_Z  (
    .C0(aclk)
  );
  CELL plain (
    .A(aclk)
  );
  assign \\core.go  = aclk;
endmodule
"""
TOOL = Tool("toy", "pytest", "toy_yosys", "main")


@pytest.fixture
def netlist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Synthesis by a program that hands on what it is given."""
    (tmp_path / "toy_yosys.py").write_text(PROGRAM)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    cache = tmp_path / "cache"
    return lambda verilog: gate.gate_netlist(gate.ECP5, verilog, cache=cache, tool=TOOL)


def runs(tmp_path: Path) -> int:
    return (tmp_path / "runs").read_text().count("run")


def test_a_netlist_is_made_once(
    netlist: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    design = DESIGN.replace("CELL", "LUT4")
    first = netlist(design)
    assert first.startswith(design)
    assert all(f"module {primitive} " in first for primitive in ("LUT4", "DP16KD", "MULT18X18D"))
    assert netlist(design) == first and runs(tmp_path) == 1
    assert netlist(design + "// changed\n") != first and runs(tmp_path) == 2
    # Other models make another netlist
    changed = tmp_path / "models"
    changed.mkdir()
    for name in gate.ECP5.models:
        (changed / name).write_text((gate.MODELS / name).read_text() + "// changed\n")
    monkeypatch.setattr(gate, "MODELS", changed)
    assert netlist(design) != first and runs(tmp_path) == 3


def test_primitives_without_a_model_are_named(
    netlist: Callable[[str], str], tmp_path: Path
) -> None:
    assert instantiated(DESIGN) == {"LUT4", "PFUMX", "CELL"}
    with pytest.raises(SimulationError, match=r"every primitive needs a model.*, got CELL$"):
        netlist(DESIGN)
    with pytest.raises(SimulationError, match="got CELL"):  # nothing of it was kept
        netlist(DESIGN)
    assert runs(tmp_path) == 2


def test_errors_of_synthesis_are_said(netlist: Callable[[str], str]) -> None:
    with pytest.raises(SimulationError, match="toy failed: ERROR: no such thing"):
        netlist("// fail")


def test_a_missing_extra_is_named(tmp_path: Path) -> None:
    absent = Tool("yosys", "no-such-distribution", "nothing", "main")
    with pytest.raises(ToolchainError, match=r"^gate needs .* pip install 'maccord\[synth\]'$"):
        gate.gate_netlist(gate.ECP5, DESIGN, cache=tmp_path, tool=absent)


def refusal(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> str:
    """Run the command line; return the one sentence with which it ends, with exit code 2."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "argv", ["maccord", "sim", LAYER, *arguments])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    out, err = capsys.readouterr()
    assert (stopped.value.code, out, err.count("\n")) == (2, "", 1)
    return err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--gate", "xc7"], "gate must be one of ecp5, got 'xc7'"),
        (["--gate"], "'--gate' requires an argument"),
        (
            ["--gate", "ecp5", "--verilog", "mine.v"],
            "gate ecp5 takes the generated netlist, got verilog mine.v",
        ),
    ],
)
def test_bad_input_is_one_sentence(
    arguments: list[str],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert words in refusal(arguments, monkeypatch, capsys)


def simulate(change: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Run a layer on what a stand-in makes of the generated netlist; return the exit code."""
    monkeypatch.chdir(ROOT)

    def synthesize(verilog: str, show: Callable[[str], None]) -> str:
        assert verilog == generated(Parameters(rows=4, cols=4))
        show("mapping [of everything]")
        return change(verilog)

    request = SimulationRequest(
        (LAYER,), Parameters(rows=4, cols=4), gate=Gate("toy", synthesize), out=tmp_path, jobs=1
    )
    return run(request)


def test_what_synthesis_made_is_simulated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert simulate(lambda verilog: verilog, tmp_path, monkeypatch) == 0
    result = json.loads((tmp_path / "r4c4" / f"{LAYER}.json").read_text())
    assert result["netlist"] == "gate toy"
    out, err = capsys.readouterr()
    assert "netlist: gate toy" in out.splitlines()
    assert err.splitlines()[0] == "synthesizing (once; it is kept)"


def test_what_synthesis_breaks_is_a_mismatch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def another_exponent(verilog: str) -> str:
        found = re.search(r"(multiplier\[30:23\] - \d+'h)([0-9a-f]+)", verilog)
        assert found
        wrong = f"{found[1]}{int(found[2], 16) + 1:x}"  # as in `test_cli_sim`: one model
        return verilog.replace(found[0], wrong, 1)

    assert simulate(another_exponent, tmp_path, monkeypatch) == 1
    assert "the RTL is wrong" in capsys.readouterr().out


def test_synthesis_must_keep_the_ports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="port interrupt"):
        simulate(lambda verilog: verilog.replace("interrupt", "irq"), tmp_path, monkeypatch)
