"""Networks of TFLite files, whole in RTL: every tensor is LiteRT's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("ai_edge_litert")

from lookup_networks import PARAMETERS
from tflite_networks import FOLDER, NETWORKS

from maccord.sim.cli_sim import run
from maccord.sim.inputs import Inputs
from maccord.sim.request import SimulationRequest

pytestmark = pytest.mark.usefixtures("quick_builds")


@pytest.mark.parametrize("file", NETWORKS)
def test_every_tensor_is_the_runtimes(
    file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Clean and under two perturbations."""
    results = tmp_path / "results.json"
    request = SimulationRequest(
        targets=(),
        parameters=PARAMETERS,
        inputs=Inputs("awgn:0.3,vertical:4", module=str(FOLDER / f"{file}.tflite")),
        json=results,
        out=tmp_path,
        jobs=1,
    )
    assert run(request) == 0
    found = json.loads(results.read_text())
    assert [each["perturbation"] for each in found] == ["clean", "awgn:0.3", "vertical:4"]
    for each in found:
        assert each["network"] == file
        assert each["compared"] > 2_000
        assert each["mismatches_golden"] == each["mismatches_torch"] == 0
        assert each["engine"].startswith("LiteRT 2.")
    assert "RTL = NumPy = LiteRT 2." in capsys.readouterr().out
