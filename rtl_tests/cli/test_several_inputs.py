"""`maccord sim` and `maccord compile` with a file for each of several inputs."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from result_schemas import validate

from maccord.cli import main as cli
from maccord.golden.machine.machine import Machine
from maccord.spec.parameters import Parameters

NETWORK = """
import torch
from torch import nn
from torch.nn import functional as F


class Joined(nn.Module):
    INPUT_SHAPE = [(1, 3, 8, 8), (1, 7)]

    def __init__(self):
        super().__init__()
        self.conv, self.row, self.head = nn.Conv2d(3, 6, 3), nn.Linear(7, 5), nn.Linear(11, 4)

    def forward(self, image, features):
        pooled = F.relu(self.conv(image)).mean((2, 3))
        return self.head(torch.cat([pooled, F.relu(self.row(features))], 1))


class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, left, right):
        return F.relu(self.conv(left) + self.conv(right))
"""
SIZE = ("--rows", "4", "--cols", "4", "--axi-bytes", "8")
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs a command in a folder of networks and inputs."""
    (tmp_path / "own.py").write_text(NETWORK)
    rng = np.random.default_rng(1)
    for name, shape in (("image", (2, 3, 8, 8)), ("row", (2, 7)), ("rows", (3, 7))):
        np.save(tmp_path / f"{name}.npy", rng.normal(size=shape).astype(np.float32))
    np.save(tmp_path / "codes.npy", rng.integers(0, 256, (2, 3, 8, 8)).astype(np.uint8))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli.signal, "signal", lambda *_: None)

    def command(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["maccord", *arguments, *SIZE])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert isinstance(ended.value.code, int)
        said = capsys.readouterr()
        return ended.value.code, said.out, said.err

    return command


def test_the_exported_image_runs(run: Run, tmp_path: Path) -> None:
    """By name, in another order: codes of the image, floats of the row; then from the files."""
    given = ("--input", "features=row.npy", "--input", "image=codes.npy")
    code, _, err = run("compile", "own.py:Joined", *given, "-o", "out")
    assert (code, err) == (0, ""), err
    folder = tmp_path / "out"
    manifest = json.loads((folder / "manifest.json").read_text())
    validate("compile", manifest)
    assert manifest["inputs"] == ["Joined.input.image", "Joined.input.features"]
    assert manifest["input"] == manifest["inputs"][0]
    assert set(manifest["provenance"]["digests"]) >= {"input_file", "input_file_2"}
    tensors = {tensor["name"]: tensor for tensor in manifest["tensors"]}
    assert list(tensors)[:2] == manifest["inputs"]

    def there(memory: np.ndarray, name: str) -> np.ndarray:
        tensor = tensors[name]
        codes = memory[tensor["offset"] :][: tensor["size_bytes"]] ^ np.uint8(0x80)
        return codes.reshape(tensor["shape"] if tensor["rows"] == 1 else -1)

    memory = np.fromfile(folder / "memory.bin", np.uint8)
    codes = np.load("codes.npy").transpose(0, 2, 3, 1)
    np.testing.assert_array_equal(there(memory, manifest["inputs"][0]).reshape(codes.shape), codes)
    machine = Machine(Parameters(rows=4, cols=4, axi_bytes=8), memory)
    machine.run(manifest["memory"]["program_offset"])
    for name in (*manifest["inputs"], manifest["output"]):
        assert tensors[name]["kept"]
        due = np.load(folder / tensors[name]["expected"])
        np.testing.assert_array_equal(there(machine.memory, name).ravel(), due.ravel(), name)


def test_a_dry_run_and_its_json(run: Run, tmp_path: Path) -> None:
    shapes = ("--input-shape", "3,8,8", "--input-shape", "3,8,8")
    perturbed = ("--perturb", "awgn:0.3", "--batch", "2")
    code, _, err = run("sim", "own.py:Pair", *shapes, *perturbed, "--dry-run", "--json", "dry.json")
    assert (code, err) == (0, ""), err
    found = json.loads((tmp_path / "dry.json").read_text())
    validate("dry-run", found)
    assert found["inputs"] == {"Pair.input.left": [2, 8, 8, 3], "Pair.input.right": [2, 8, 8, 3]}
    assert found["input_shape"] == [2, 8, 8, 3]
    described = found["provenance"]["input"]
    assert described["source"] == "china; crop 8 of the photographs"
    assert described["shape"] == "3 x 8 x 8; 3 x 8 x 8"


IMAGE, ROW = ("--input", "image.npy"), ("--input", "row.npy")
WRONG = {
    "too few": ((*IMAGE,), "input must be given 2 times for Joined, once for each of image, feat"),
    "too many": ((*IMAGE, *ROW, *ROW), "input must be given 2 times for Joined, .* got 3: image"),
    "order": (
        (*ROW, *IMAGE),
        r"input must have shape \(N, 3, 8, 8\) for input image of Joined, got \(2, 7\) in row.npy",
    ),
    "count": (
        (*IMAGE, "--input", "rows.npy"),
        "inputs of Joined must be equally many, got 2 of image and 3 of features",
    ),
    "batch": ((*IMAGE, *ROW, "--batch", "3"), "batch must be left out with input, or be 2, "),
    "name": (
        ("--input", "picture=image.npy", "--input", "features=row.npy"),
        "name of input of Joined must be one of image, features, got picture=image.npy",
    ),
    "one name": (
        ("--input", "image=image.npy", *ROW),
        "input must be named for all files or none, got image=image.npy, row.npy",
    ),
    "name again": (
        ("--input", "image=image.npy", "--input", "image=row.npy"),
        "input image of Joined must be given once, got image=image.npy again",
    ),
    "perturbed arrays": (
        (*IMAGE, *ROW, "--perturb", "awgn:0.3"),
        "perturb needs an image, got inputs of 3 x 8 x 8 and 7 for Joined that are none",
    ),
    "one shape": (
        ("--input-shape", "3,8,8"),
        "own.py:Joined takes 2 inputs, image, features: --input-shape or INPUT_SHAPE must give .*1",
    ),
    "one calibration": (
        ("--calibration", "image.npy"),
        "calibration must be left out for Joined, or be given once for each input, so 2, got 1: ",
    ),
    "no file": ((*IMAGE, "--input", "none.npy"), "input must be a readable file, got none.npy: no"),
}


@pytest.mark.parametrize("name", WRONG)
def test_bad_input_is_one_sentence(name: str, run: Run) -> None:
    options, reason = WRONG[name]
    code, out, err = run("sim", "own.py:Joined", *options, "--dry-run")
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert re.match(f"maccord: {reason}", err), err


def test_networks_of_one_input(run: Run) -> None:
    code, _, err = run("sim", "resnet18", *IMAGE, *ROW, "--dry-run")
    assert code == 2
    assert "input and calibration must be given once, without a name, for the built-in" in err
    code, _, err = run("sim", "own.py:Pair", "--dry-run")
    assert code == 2
    assert "own.py:Pair takes 2 inputs, left, right: --input-shape or INPUT_SHAPE must give" in err
