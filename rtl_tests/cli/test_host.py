"""The command line says what the host computes, and refuses it where that is asked for."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from unittest.mock import MagicMock

import pytest
from network_tasks import PARAMETERS, stood_in

from maccord.cli import main as cli
from maccord.sim import cli_compile, cli_sim
from maccord.sim.inputs import Inputs
from maccord.sim.request import SimulationRequest

NETWORK = """
import torch
from torch import nn


class Cut(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 3, 32), nn.Conv2d(4, 4, 3, 2)

    def forward(self, x):
        x = torch.softmax(self.first(x), 1)
        return self.second(x).mean((2, 3))
"""
DRY = ("--dry-run", "--json", "dry.json", "--rows", "4", "--cols", "4")
SAID = "Cut.softmax: operator must be one that maccord knows on quantized tensors, got softmax"


@pytest.fixture(autouse=True)
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cut_networks.py").write_text(NETWORK)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(cli.signal, "signal", lambda *_: None)
    monkeypatch.delitem(sys.modules, "cut_networks", raising=False)
    monkeypatch.setenv("COLUMNS", "200")


def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, str, str]:
    """Exit code, and what the command says."""
    words = ["maccord", *arguments, "--module", "cut_networks:Cut"]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err


def test_strict_refuses_before_any_simulation(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(cli_sim, "_build", lambda *_: pytest.fail("must not be built"))
    for command in (("sim", "--strict"), ("compile", "--strict", "-o", "out")):
        code, out, err = run(monkeypatch, capsys, *command)
        assert (code, out) == (2, "")
        assert err.splitlines()[-1] == f"maccord: {SAID} ({tmp_path / 'cut_networks.py'}, line 12)"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("count", "words"), [(1, "1 program;"), (2, "2 programs;")])
def test_compile_counts_its_programs(
    capsys: pytest.CaptureFixture[str], count: int, words: str
) -> None:
    manifest = MagicMock(steps=[MagicMock(ran_on=cli_compile.ON_HOST, calls=["softmax"])])
    manifest.programs = [MagicMock()] * count
    manifest.memory.configure_mock(instructions=1, size_bytes=1)
    manifest.configure_mock(compared_bytes=1, engine="PyTorch", tensors=[])
    cli_compile._print(Path("out"), manifest)
    assert capsys.readouterr().out.splitlines()[-1].startswith(words)


def test_compile_says_what_is_left_to_the_host(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, out, _ = run(monkeypatch, capsys, "compile", "-o", "out", "--rows", "4", "--cols", "4")
    assert code == 0
    assert out.splitlines()[-1] == "2 programs; the host has to compute Cut.softmax (softmax)"
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert [step["ran_on"] for step in manifest["steps"]] == [
        *("accelerator", "host", "accelerator", "accelerator")
    ]


def test_layers_list_what_the_host_computes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, out, _ = run(monkeypatch, capsys, "layers", "--json", "layers.json")
    assert code == 0
    rows = json.loads((tmp_path / "layers.json").read_text())
    assert {row["layer"]: row["runs_on"] for row in rows} == {
        "Cut.first": "accelerator", "Cut.second": "accelerator", "Cut.softmax": "host",
    }  # fmt: skip
    assert "host: softmax" in out and "2 layers, 1 operation of the host" in out


def test_dry_run_and_simulation_say_where_it_ran(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    moved = "2 programs; the host computes 1 operation in PyTorch, reads 196 bytes and writes 196"
    code, out, _ = run(monkeypatch, capsys, "sim", *DRY)
    assert code == 0 and moved in out
    dry = json.loads((tmp_path / "dry.json").read_text())
    assert [stage["ran_on"] for stage in dry["stages"]] == [
        *("accelerator", "host", "accelerator", "accelerator")
    ]
    assert (dry["programs"], dry["host_read_bytes"], dry["host_written_bytes"]) == (2, 196, 196)
    monkeypatch.setattr(cli_sim, "_build", lambda *_: 0.0)  # the stand-in needs none
    request = SimulationRequest(
        (), PARAMETERS, Inputs(module="cut_networks:Cut"), out=tmp_path, json=Path("s.json"), jobs=1
    )
    assert cli_sim.run(request, stood_in) == 0
    assert moved in capsys.readouterr().out
    found = json.loads((tmp_path / "s.json").read_text())
    assert [stage["ran_on"] for stage in found["stages"]] == [s["ran_on"] for s in dry["stages"]]
    assert found["stages"][1]["calls"] == ["softmax"]
    assert "on the host, 196 bytes read" in (tmp_path / "r4c4" / "Cut.html").read_text()
