"""Commands that do not take transformers refuse them in one sentence."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from maccord.cli.main import app

REFUSED = (
    "export deit_digits --onnx {folder}/net.onnx",
    "explore deit_tiny",
    "faults swin_digits",
    "study --networks deit_digits",
    "train deit_tiny --data digits",
    "train swin_digits --data digits",
)


@pytest.mark.parametrize("line", REFUSED)
def test_others_do_not_take_them(line: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, shlex.split(line.format(folder=tmp_path)))
    assert isinstance(done.exception, ValueError)
    assert "transformer" in str(done.exception) and " got " in str(done.exception)
    assert not list(tmp_path.iterdir())


def test_a_wrong_checkpoint_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save({"head.weight": torch.zeros(1000, 192)}, path)
    done = CliRunner().invoke(app, ["layers", "deit_tiny", "--weights", str(path)])
    assert isinstance(done.exception, ValueError)
    due = f"weights must be a checkpoint of deit_tiny, got {path}, which lacks cls_token"
    assert str(done.exception) == due


def test_layers_of_a_globbed_part(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["layers", "swin_digits.layers.1.downsample.*", "--wide"])
    assert done.exit_code == 0
    assert [name in done.output for name in ("rearrange", "layer_norm", "conv2d", "softmax")] == [
        *(True, True, True, False)
    ]
