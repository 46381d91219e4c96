"""The Python interface: the examples run, and a difference is said."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from command import ROOT
from torch import nn
from typer.testing import CliRunner

from maccord import api
from maccord.api.testing import assert_equal_in_rtl
from maccord.cli.main import app
from maccord.sim.network import run

EXAMPLES = ROOT / "examples"
SIZE = api.Parameters(rows=4, cols=4, axi_bytes=8)


def model() -> nn.Module:
    layers = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return nn.Sequential(*layers, nn.Linear(4, 3)).eval()


def small() -> tuple[api.QuantizedNetwork, np.ndarray]:
    """A network of one convolution and a classifier, and two images."""
    images = np.random.default_rng(1).normal(size=(2, 3, 8, 8)).astype(np.float32)
    return api.quantize(model(), images, "small"), images


def test_the_version_is_that_of_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert CliRunner().invoke(app, ["--version"]).output == f"maccord {api.__version__}\n"


def test_golden_equals_pytorch() -> None:
    network, images = small()
    golden, torch = api.golden(network, images), api.pytorch(network, images)
    assert golden.keys() <= torch.keys()
    assert len(golden) == 5
    for name, codes in golden.items():
        np.testing.assert_array_equal(codes, torch[name], name)


def test_export_of_a_network_and_of_a_layer(tmp_path: Path) -> None:
    network, images = small()
    whole = api.export(network, images, tmp_path / "whole", SIZE)
    tensors = {tensor.name: tensor for tensor in whole.tensors}
    for name, codes in api.pytorch(network, images).items():
        if name in tensors:  # all but what a fused clamp reads
            np.testing.assert_array_equal(
                np.load(tmp_path / "whole" / tensors[name].expected), codes
            )
    assert (whole.batch, whole.layer, len(tensors)) == (2, "", 5)
    name = next(iter(network.layers))
    alone = api.export(network, images[:1], str(tmp_path / "layer"), SIZE, layer=name, word_bytes=4)
    assert (alone.batch, alone.layer) == (1, name)
    assert (tmp_path / "layer" / "memory.hex").is_file()
    with pytest.raises(ValueError, match=r"layer must be one of small, got small\.9"):
        api.export(network, images, tmp_path / "other", layer="small.9")
    with pytest.raises(ValueError, match="word_bytes must be 0 or a power of two, 1 to 64, got 3"):
        api.export(network, images, tmp_path / "other", word_bytes=3)
    assert {path.name for path in tmp_path.iterdir()} == {"whole", "layer"}


@pytest.mark.usefixtures("quick_builds")
def test_own_network_ends_equal(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(EXAMPLES / "own_network.py"))
    assert ended.value.code == 0
    assert "all equal: True" in capsys.readouterr().out


@pytest.mark.usefixtures("quick_builds")
def test_a_difference_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    network, images = small()
    execute = run.execute

    def wrong(*arguments: object) -> dict[str, np.ndarray]:
        tensors = dict(execute(*arguments))  # type: ignore[arg-type]
        first = next(name for name in tensors if name.endswith(".0"))
        tensors[first] = tensors[first] ^ np.uint8(1)
        return tensors

    assert assert_equal_in_rtl(model(), images[:1], SIZE).cycles > 0
    monkeypatch.setattr(run, "execute", wrong)
    with pytest.raises(AssertionError, match="144 of 144 codes differ from golden"):
        assert_equal_in_rtl(model(), images[:1], SIZE)
    found = api.simulate(network, images[:1], SIZE)
    assert not found.equal
    assert any("small.0" in problem for problem in found.problems)


@pytest.mark.nightly
def test_own_testbench_passes(tmp_path: Path) -> None:
    program = str(EXAMPLES / "own_testbench" / "run.py")
    done = subprocess.run(
        [sys.executable, program, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "PASS=1" in done.stdout + done.stderr


def test_calibration_is_given_or_random_of_a_shape() -> None:
    one, again = (api.quantize(model(), input_shape=(3, 8, 8), seed=4) for _ in range(2))
    assert one.input_shape == (1, 3, 8, 8)
    assert one.graph.input == again.graph.input
    with pytest.raises(ValueError, match="input_shape must be given without calibration, got none"):
        api.quantize(model())
    with pytest.raises(ValueError, match=r"calibration must be of shape \(N, 3, 8, 8\), got \(2, "):
        api.quantize(model(), np.zeros((2, 3, 9, 8)), input_shape=(3, 8, 8))
    with pytest.raises(ValueError, match="input_shape must be of numbers from 1 to 65536"):
        api.quantize(model(), input_shape=(3, 0, 8))
