"""Commands about maccord itself: version, tools, and two runs compared."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from command import ROOT
from packaging.requirements import Requirement

from maccord.cli import main as cli
from maccord.runtime.errors import ToolchainError
from maccord.sim import doctor
from maccord.sim.console_tables import _waves
from maccord.sim.request import SimulationRequest


def run(*arguments: str, monkeypatch: pytest.MonkeyPatch) -> int | str | None:
    """Run the command line in this process; return its exit code."""
    monkeypatch.setattr(sys, "argv", ["maccord", *arguments])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    return stopped.value.code


def test_version(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--version", monkeypatch=monkeypatch) == 0
    assert capsys.readouterr().out == f"maccord {version('maccord')}\n"


def test_the_doctor_names_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("doctor", monkeypatch=monkeypatch) == 0
    said = capsys.readouterr().out
    assert ["ok", "torch", version("torch")] in [line.split() for line in said.splitlines()]
    assert "Verilator" in said

    def absent() -> None:
        raise ToolchainError("Verilator was not found.")

    monkeypatch.setattr(doctor, "find_verilator", absent)
    assert run("doctor", monkeypatch=monkeypatch) == 2
    lines = [line.split(maxsplit=2) for line in capsys.readouterr().out.splitlines()]
    assert ["missing", "Verilator", "Verilator was not found."] in lines


def test_the_doctor_knows_every_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Installed or not; those for work on maccord itself are left out."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    of_users = [text for name in extras.keys() - {"dev", "docs"} for text in extras[name]]
    said = {finding.name for finding in doctor.findings()}
    assert {Requirement(text).name for text in of_users} <= said
    assert not {"pytest", "sphinx"} & said

    def absent(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(doctor, "version", absent)
    assert doctor._package("onnx", "onnx").said == "pip install 'maccord[onnx]'"


def test_a_shell_completes_commands() -> None:
    asked = {"_MACCORD_COMPLETE": "complete_bash", "COMP_WORDS": "maccord s", "COMP_CWORD": "1"}
    done = subprocess.run(
        [str(Path(sys.executable).with_name("maccord"))],
        env={**os.environ, **asked}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == ["sim", "study", "synth"]


def test_the_waves_line_says_window_size_and_format(tmp_path: Path) -> None:
    path = tmp_path / "layer.vcd"
    path.write_bytes(bytes(2_500_000))
    said = _waves(path, SimulationRequest(()).window_said)
    assert said.endswith(
        "; VCD, for want of lz4's and zlib's headers: with those it would be FST, smaller"
    )
    layer = SimulationRequest((), waves_layer="net.conv", window=(5, 2000))
    assert layer.window_said == "cycles 5 to 2,000 from net.conv on"
    assert said.startswith(f"waves: {path}, 2.5 MB, a window: cycles 0 to 10,000 (--window")
    path.rename(path.with_suffix(".fst"))
    assert _waves(path.with_suffix(".fst"), "") == f"waves: {tmp_path}/layer.fst, 2.5 MB"


def written(path: Path, **fields: object) -> str:
    """Write a result; return its path."""
    base = {"layer": "net.a", "perturbation": "clean", "cycles": 200, "rows": 4}
    path.write_text(json.dumps(base | {"mismatches_golden": 0, "mismatches_torch": 0} | fields))
    return str(path)


def test_two_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    one = written(tmp_path / "one.json")
    two = written(tmp_path / "two.json", cycles=150, rows=8)
    assert run("compare", one, two, monkeypatch=monkeypatch) == 0
    assert capsys.readouterr().out.splitlines() == [
        "net.a @ clean: 200 > 150 cycles, -25.00 %",
        "  rows: 4 > 8",
    ]
    wrong = written(tmp_path / "wrong.json", mismatches_torch=3)
    assert run("compare", one, wrong, monkeypatch=monkeypatch) == 1
    assert "  mismatches_torch: 0 > 3" in capsys.readouterr().out
    assert run("compare", wrong, one, monkeypatch=monkeypatch) == 0
    other = written(tmp_path / "other.json", layer="net.b")
    for path, words in ((other, "a run in common"), ("no.json", "No such file")):
        assert run("compare", one, path, monkeypatch=monkeypatch) == 2
        assert words in capsys.readouterr().err
