"""A model file without its runtime in RTL: equal to the golden model, and no word of a third."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from lookup_networks import PARAMETERS
from onnx_networks import FOLDER

from maccord.sim.cli_sim import run
from maccord.sim.inputs import Inputs
from maccord.sim.netlist import generated
from maccord.sim.network.run import run_network
from maccord.sim.network.task import NetworkTask
from maccord.sim.recording import record_all
from maccord.sim.request import SimulationRequest
from maccord.sim.results import Verdict

pytest.importorskip("onnx")
pytestmark = pytest.mark.usefixtures("quick_builds")

INPUTS = Inputs(module=str(FOLDER / "residual_qdq_int8.onnx"))


@pytest.fixture(autouse=True)
def _hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """ONNX Runtime cannot be imported."""
    monkeypatch.setitem(sys.modules, "onnxruntime", None)


@pytest.mark.parametrize("targets", [(), ("residual_qdq_int8.conv2",)])
def test_the_output_says_so(
    targets: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    request = SimulationRequest(
        targets=targets,
        parameters=PARAMETERS,
        inputs=INPUTS,
        json=tmp_path / "results.json",
        dump=tmp_path / "dump.npz",
        html=tmp_path / "page.html",
        out=tmp_path,
        jobs=1,
    )
    assert run(request) == 0
    out = capsys.readouterr().out
    assert "outputs equal: RTL = NumPy; ONNX Runtime was not asked, as the package" in out
    assert "= ONNX" not in out and "runtime  " not in out
    found = json.loads((tmp_path / "results.json").read_text())
    assert found["engine"] == "ONNX Runtime, not asked"
    assert found["not_asked"].startswith("ONNX Runtime was not asked, as the package onnxruntime")
    assert found["mismatches_golden"] == 0 and found["compared"] > 400
    assert found["mismatches_torch"] is None
    page = (tmp_path / "page.html").read_text()
    assert "RTL = NumPy; ONNX Runtime was not asked" in page and "<th>torch</th>" not in page


def test_a_difference_from_the_golden_model_is_a_mismatch() -> None:
    (recording,) = record_all((), INPUTS)
    task = NetworkTask(recording, PARAMETERS, generated(PARAMETERS))

    def altered(tensors: dict) -> dict:
        tensors[recording.network.output] = tensors[recording.network.output] ^ 1
        return tensors

    outcome = run_network(task, alter_golden=altered)
    assert outcome.verdict is Verdict.MISMATCH
    assert outcome.result and outcome.result.mismatches_torch is None
    assert outcome.result.mismatches_golden == 10
