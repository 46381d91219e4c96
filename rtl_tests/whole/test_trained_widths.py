"""Networks trained at 8, 4 and 2 bits on the digits, whole in RTL, clean and perturbed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command import maccord

from maccord.nets.training.embedded import CALIBRATION, DIGIT, FACTORIES, train_widths

#: Points of top-1 that a width may lose against floating point.
MOST = {8: 0.01, 4: 0.01, 2: 0.05}


@pytest.mark.nightly
@pytest.mark.parametrize("learned", [False, True], ids=["", "learned activations"])
@pytest.mark.parametrize("network", ["resnet18", "mobilenet_v2", "nin"])
def test_trained_networks_equal_pytorch(network: str, learned: bool, tmp_path: Path) -> None:
    floating, *narrow = train_widths(network, [None, *MOST], tmp_path, learned_activations=learned)
    for row in narrow:
        assert row.weight_bits is not None
        factory = f"{tmp_path / FACTORIES}:{row.name.replace('-', '_')}"
        done = maccord(
            *("sim", factory, "--weight-bits", "auto", "--quiet", "--out", str(tmp_path / "sim")),
            *("--calibration", str(tmp_path / CALIBRATION), "--image", str(tmp_path / DIGIT)),
            *("--input-shape", "3,32,32", "--resize", "32x32", "--json", str(tmp_path / "x.json")),
            *("--perturb", "awgn:0.3,vertical:4"),
        )
        assert done.returncode == 0, done.stderr
        runs = json.loads((tmp_path / "x.json").read_text())
        assert len(runs) == 3
        assert row.int8_top1 >= floating.float_top1 - MOST[row.weight_bits], row
