"""Real layers at their full size on the 16 x 16 accelerator, clean and perturbed.

By day one layer, on a model that is built quickly; by night all, on the one that users have.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from accelerator_bench import netlist
from command import maccord

from maccord.sim.inputs import Inputs
from maccord.sim.network.run import run_network
from maccord.sim.network.task import NetworkTask
from maccord.sim.recording import record_all
from maccord.sim.results import Verdict
from maccord.spec.parameters import Parameters

ALL = "awgn:0.3,brownian:40,vertical:4,horizontal:3"
LAYERS = {  # layer: (perturbations, outputs of one input, least utilisation)
    "resnet18.conv1": (ALL, 802_816, 0.88),
    "resnet18.layer1.0.conv1": ("awgn:0.5", 200_704, 0.98),
    "squeezenet1_1.features.3.expand3x3": (ALL, 193_600, 0.98),
    "vgg16.features.2": ("vertical:2", 3_211_264, 0.99),
    "vgg16.classifier.0": ("brownian:20", 4_096, 0.06),
}


@pytest.mark.usefixtures("quick_builds")
def test_a_layer_agrees_three_ways() -> None:
    layer = "squeezenet1_1.features.3.expand3x3"
    recordings = record_all([layer], Inputs(perturb="awgn:0.3"))
    assert [recording.perturbation for recording in recordings] == ["clean", "awgn:0.3"]
    _, outputs, utilization = LAYERS[layer]
    for recording in recordings:
        outcome = run_network(NetworkTask(recording, Parameters(), netlist(Parameters())))
        assert outcome.verdict is Verdict.AGREES, outcome.problems
        result = outcome.result
        assert result is not None and result.engine == "qnnpack"
        assert (result.compared, result.mismatches_golden, result.mismatches_torch) == (
            *(outputs, 0, 0),
        )
        assert result.utilization >= utilization


@pytest.mark.nightly
@pytest.mark.parametrize("layer", LAYERS)
def test_layer_agrees_three_ways(layer: str, tmp_path: Path) -> None:
    perturbations, outputs, utilization = LAYERS[layer]
    found = tmp_path / "found.json"
    arguments = ("--perturb", perturbations, "--out", str(tmp_path), "--json", str(found))
    done = maccord("sim", layer, *arguments, "--jobs", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads(found.read_text())
    assert [r["perturbation"] for r in results] == ["clean", *perturbations.split(",")]
    for result in results:
        assert result["compared"] == outputs
        assert result["mismatches_golden"] == result["mismatches_torch"] == 0
        assert result["utilization"] >= utilization
        assert result["engine"] == "qnnpack"
