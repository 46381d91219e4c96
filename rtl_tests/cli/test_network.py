"""`maccord sim NETWORK` end to end: networks chained in RTL, from the image to the logits."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path

import pytest
from command import ROOT, maccord
from network_tasks import Flipped

from maccord.sim.cli_sim import SimulationRequest, run
from maccord.sim.netlist import generated
from maccord.sim.network.run import run_network
from maccord.sim.recording import Inputs
from maccord.spec.parameters import Parameters

PARAMETERS = Parameters(rows=4, cols=4)
SIZE = ("--rows", "4", "--cols", "4")
MODULE = ("--module", "toy_networks:Reshaped")
HERE = {"PYTHONPATH": str(Path(__file__).parents[1] / "support")}


def test_a_network_and_its_layers_clean_and_perturbed(tmp_path: Path) -> None:
    done = maccord(
        *("sim", "Reshaped", "Reshaped.conv", *MODULE, *SIZE, "--perturb", "awgn:0.3"),
        *("--batch", "2", "--interrupts", "layer", "--mhz", "100", "--stalls", "0.1"),
        *("--out", str(tmp_path), "--json", str(tmp_path / "all.json")),
        env=HERE,
    )
    assert done.returncode == 0, done.stderr
    assert "outputs equal: RTL = NumPy = PyTorch (qnnpack)" in done.stdout.splitlines()[-1]
    results = json.loads((tmp_path / "all.json").read_text())
    assert [(r["layer"], r["perturbation"]) for r in results] == [
        *(("Reshaped", "clean"), ("Reshaped", "awgn:0.3")),
        *(("Reshaped.conv", "clean"), ("Reshaped.conv", "awgn:0.3")),
    ]
    folder = tmp_path / "r4c4"
    for whole, layer in zip(results[:2], results[2:], strict=True):
        assert whole["input_shape"] == layer["input_shape"] == [2, 224, 224, 3]
        assert whole["mismatches_golden"] == whole["mismatches_torch"] == 0
        assert whole["predicted"] == whole["predicted_torch"]
        assert whole["logits"] == whole["logits_torch"]
        assert 1 <= whole["interrupts"] <= 3
        assert whole["frames_per_second"] == pytest.approx(2 * 100e6 / whole["cycles"])
        assert sum(stage["cycles"] for stage in whole["stages"]) == whole["cycles"]
        for stage in whole["stages"]:
            assert sum(stage["cycles_by_cause"].values()) == stage["cycles"]
        # chained, the convolution takes what it takes alone; its neighbours overlap with it
        assert whole["stages"][0]["cycles"] == pytest.approx(layer["cycles"], rel=0.01)
        stem = "Reshaped" + ("@awgn-0.3" if whole["perturbation"] != "clean" else "")
        assert json.loads((folder / f"{stem}.json").read_text()) == whole
        assert (folder / f"{stem}.svg").exists()
    assert results[0]["logits"] != results[1]["logits"]
    assert results[0]["logits"][0] != results[0]["logits"][1]
    assert f"report: {folder / 'Reshaped.html'}" in done.stdout.splitlines()


def test_a_constant_changed_in_the_verilog(tmp_path: Path) -> None:
    exponent = re.compile(r"(multiplier\[30:23\] - \d+'h)([0-9a-f]+)()")
    mutated, count = exponent.subn(
        lambda found: f"{found[1]}{int(found[2], 16) + 1:x}{found[3]}",
        generated(PARAMETERS),
        count=1,
    )
    assert count == 1
    path = tmp_path / "mutated.v"
    path.write_text(mutated)
    page = tmp_path / "deep" / "page.html"
    options = ("--verilog", str(path), "--out", str(tmp_path), "--html", str(page))
    done = maccord("sim", *MODULE, *SIZE, *options, env=HERE)
    assert done.returncode == 1, done.stderr
    assert "Reshaped.conv, tensor 1 of 4, is the first that differs" in done.stdout
    assert "2 of 8 channels (0 to 4)" in done.stdout
    assert "gives the golden output: the RTL is wrong" in done.stdout
    assert "in RTL, class" in done.stdout
    assert f"report: {page}" in done.stdout.splitlines()
    assert 'class="good"' not in page.read_text()
    assert not (tmp_path / "r4c4" / "Reshaped.html").exists()


def test_a_bit_flipped_in_a_golden_tensor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    inputs = Inputs(module="toy_networks:Reshaped")
    request = SimulationRequest((), PARAMETERS, inputs, out=tmp_path, jobs=1)
    faulty = partial(run_network, alter_golden=Flipped("Reshaped.mean"))
    assert run(request, faulty) == 1
    said = capsys.readouterr().out
    assert "Reshaped.mean, tensor 2 of 4, is the first that differs: 1 of 8 codes" in said
    assert "not the RTL" in said


def test_a_network_that_does_not_fit_is_bad_input(tmp_path: Path) -> None:
    done = maccord("sim", "resnet18", *SIZE, "--activation-bytes", "2048", "--out", str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("maccord: ") and done.stderr.count("\n") == 1
    assert "activation_bytes must be at least" in done.stderr


@pytest.mark.nightly
def test_resnet18_from_image_to_logits(tmp_path: Path) -> None:
    done = maccord("sim", "resnet18", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "r16c16" / "resnet18.json").read_text())
    assert (result["tensors"], result["compared"]) == (32, 3_439_080)
    assert result["predicted"] == result["predicted_torch"]
    assert result["macs"] == 1_814_073_344
    assert result["utilization"] > 0.95 and result["roofline_ratio"] < 1.03
    assert len(result["logits"][0]) == 1000
