"""Networks of ONNX files, whole in RTL: every tensor is ONNX Runtime's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from lookup_networks import PARAMETERS
from onnx_networks import FOLDER

from maccord.sim.cli_sim import run
from maccord.sim.inputs import Inputs
from maccord.sim.request import SimulationRequest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.usefixtures("quick_builds")

FILES = ("residual_qdq_int8", "depthwise_qoperator_uint8", "joined_qdq_uint8", "gated_qdq_int8")


@pytest.mark.parametrize("file", FILES)
def test_every_tensor_is_the_runtimes(
    file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Clean and under two perturbations."""
    results = tmp_path / "results.json"
    request = SimulationRequest(
        targets=(),
        parameters=PARAMETERS,
        inputs=Inputs("awgn:0.3,vertical:4", module=str(FOLDER / f"{file}.onnx")),
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
        assert each["engine"].startswith("ONNX Runtime 1.")
    assert "RTL = NumPy = ONNX Runtime 1." in capsys.readouterr().out
