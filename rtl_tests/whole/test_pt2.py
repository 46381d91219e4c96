"""Networks of PT2E files, whole in RTL: every tensor is ExecuTorch's."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from lookup_networks import PARAMETERS
from pt2_networks import FOLDER, NETWORKS
from test_window_modes import CONFIGURATIONS

from maccord.sim.cli_sim import run
from maccord.sim.inputs import Inputs
from maccord.sim.request import SimulationRequest

pytest.importorskip("executorch")
pytestmark = pytest.mark.usefixtures("quick_builds")

ROOT = Path(__file__).parents[2]
DAILY = ("residual", "gated")
ROUNDING = CONFIGURATIONS["15x4 bus 8 windows 5"]


def simulated(file: Path, folder: Path, perturbations: str = "") -> list[dict[str, Any]]:
    """Simulate a file; return the results, which are equal."""
    request = SimulationRequest(
        targets=(),
        parameters=PARAMETERS if file.stem == "gated" else ROUNDING,
        inputs=Inputs(perturbations, module=str(file)),
        json=folder / "results.json",
        out=folder,
        jobs=1,
    )
    assert run(request) == 0
    read = json.loads((folder / "results.json").read_text())
    found = read if isinstance(read, list) else [read]
    for each in found:
        assert each["engine"] == "ExecuTorch 1.5.1, XNNPACK"
        assert each["mismatches_golden"] == each["mismatches_torch"] == 0
        assert each["compared"] > 1000
    return found


@pytest.mark.parametrize(
    "name",
    [n if n in DAILY else pytest.param(n, marks=pytest.mark.nightly) for n in NETWORKS],
)
def test_every_tensor_is_the_runtimes(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Clean and under two perturbations."""
    found = simulated(FOLDER / f"{name}.pt2", tmp_path, "awgn:0.3,vertical:4")
    assert [each["perturbation"] for each in found] == ["clean", "awgn:0.3", "vertical:4"]
    assert "RTL = NumPy = ExecuTorch 1.5.1, XNNPACK" in capsys.readouterr().out


def test_the_way_of_a_newcomer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The code of docs/formats.md, from a module to RTL."""
    page = (ROOT / "docs" / "formats.md").read_text()
    (code,) = (c for c in re.findall("```python\n(.*?)```", page, re.DOTALL) if "pt2e" in c)
    assert len(code.splitlines()) < 20
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(code, {})
    (found,) = simulated(tmp_path / "model.pt2", tmp_path)
    assert found["network"] == "model"
