"""Networks of PT2E files, whole in RTL: every tensor is ExecuTorch's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pt2_networks import FOLDER, NETWORKS
from test_window_modes import CONFIGURATIONS

from maccord.sim.cli_sim import run
from maccord.sim.inputs import Inputs
from maccord.sim.request import SimulationRequest

pytest.importorskip("executorch")
pytestmark = pytest.mark.usefixtures("quick_builds")

PARAMETERS = CONFIGURATIONS["15x4 bus 8 windows 5"]  # it rounds half up


@pytest.mark.parametrize("name", NETWORKS)
def test_every_tensor_is_the_runtimes(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Clean and under two perturbations."""
    results = tmp_path / "results.json"
    request = SimulationRequest(
        targets=(),
        parameters=PARAMETERS,
        inputs=Inputs("awgn:0.3,vertical:4", module=str(FOLDER / f"{name}.pt2")),
        json=results,
        out=tmp_path,
        jobs=1,
    )
    assert run(request) == 0
    found = json.loads(results.read_text())
    assert [each["perturbation"] for each in found] == ["clean", "awgn:0.3", "vertical:4"]
    for each in found:
        assert each["engine"] == "ExecuTorch 1.5.1, XNNPACK"
        assert each["mismatches_golden"] == each["mismatches_torch"] == 0
        assert each["compared"] > 1000
    assert "RTL = NumPy = ExecuTorch 1.5.1, XNNPACK" in capsys.readouterr().out
