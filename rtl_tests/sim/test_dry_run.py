"""`maccord sim --dry-run`: the timing model's cycles, without tools and without a claim."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from network_tasks import network_task
from result_schemas import validate
from rich.console import Console

from maccord.compiler.network import compile_network
from maccord.sim import cli_sim
from maccord.sim.cli_sim import SimulationRequest, run
from maccord.sim.dry_run import NOTHING, Estimate, estimated, print_estimates
from maccord.sim.recording import Inputs
from maccord.spec.parameters import Parameters

PARAMETERS = Parameters(rows=4, cols=4)
INPUTS = Inputs(module="toy_networks:Reshaped", perturb="awgn:0.3")


def estimate(batch: int = 1) -> Estimate:
    found = estimated(network_task(batch=batch))
    assert isinstance(found, Estimate)
    return found


def test_cycles_are_the_timing_models_by_layer() -> None:
    found = estimate()
    compiled = compile_network(network_task().recording.network, PARAMETERS)
    assert found.estimated_cycles == compiled.estimate
    assert sum(stage.estimated_cycles for stage in found.stages) == compiled.estimate
    assert [s.name for s in found.stages] == [stage.name for stage in compiled.stages]
    assert all(s.estimated_cycles >= s.roofline_cycles * 0.9 for s in found.stages)
    assert found.macs == 16 * found.estimated_utilization * found.estimated_cycles
    assert estimate(batch=2).estimated_cycles > 1.5 * found.estimated_cycles


def test_nothing_is_built_simulated_or_touched(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    def forbidden(*_: object) -> None:
        raise AssertionError("needs no tools")

    for name in ("find_compiler", "find_verilator", "libpython", "generated", "build"):
        monkeypatch.setattr(cli_sim, name, forbidden)
    caplog.set_level("DEBUG", "maccord")
    older = tmp_path / "r4c4" / "Reshaped.json"
    older.parent.mkdir()
    older.write_text("{}")
    path = tmp_path / "dry.json"
    targets = ("Reshaped", "Reshaped.conv")
    request = SimulationRequest(targets, PARAMETERS, INPUTS, json=path, out=tmp_path, dry_run=True)
    assert run(request) == 0
    out, err = capsys.readouterr()
    assert err == "" and any(text.startswith("seeds: ") for text in caplog.messages)
    assert out.splitlines()[-1] == NOTHING
    assert "equal" not in out
    assert older.read_text() == "{}" and [p.name for p in older.parent.iterdir()] == [older.name]
    written = json.loads(path.read_text())
    validate("dry-run", written)
    network, layer = written
    assert network["provenance"]["digests"]["weights"]
    assert (network["layer"], layer["layer"]) == targets
    assert network["dry_run"] is True and "cycles" not in network and "compared" not in network
    assert f"about {network['estimated_cycles']:,} cycles" in out
    assert f"{layer['estimated_cycles']:,}" in out
    assert (
        sum(stage["estimated_cycles"] for stage in network["stages"])
        == (network["estimated_cycles"])
    )


@pytest.mark.parametrize("width", [80, 200])
def test_the_table_fits(width: int) -> None:
    out = Console(file=io.StringIO(), width=1000, highlight=False)
    print_estimates(out, [estimate()], width)
    assert isinstance(out.file, io.StringIO)
    lines = out.file.getvalue().splitlines()
    table = lines[: len(estimate().stages) + 2]
    assert max(len(line.rstrip()) for line in table) <= width
    assert "estimated cycles" in table[0] and table[-1].split()[0] == "Joined"


def test_verbose_and_quiet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    targets = ("Reshaped", "Reshaped.conv")
    request = SimulationRequest(
        targets, PARAMETERS, replace(INPUTS, seed=7), out=tmp_path, dry_run=True
    )
    assert run(replace(request, verbose=True)) == 0
    err = capsys.readouterr().err.splitlines()
    assert f"results: {tmp_path / 'r4c4'}, " in err[1]
    assert err[2] == "seeds: weights and perturbations 7, stalls 0"
    assert run(replace(request, quiet=True)) == 0
    out, quiet = capsys.readouterr()
    assert quiet == ""
    assert [line.partition(":")[0] for line in out.splitlines()] == list(targets)
    assert all(line.endswith(NOTHING) for line in out.splitlines())
