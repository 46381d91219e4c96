"""`maccord sim FILE.py:factory` end to end, with inputs that are no photographs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from command import maccord
from result_schemas import validate

SIZE = ("--rows", "4", "--cols", "4")
FILE = """
from torch import nn

INPUT_SHAPE = (1, 2, 60)


def signal():
    layers = [nn.Conv1d(2, 6, 5, 2, 2), nn.BatchNorm1d(6), nn.ReLU(), nn.AdaptiveAvgPool1d(1)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(6, 4))


def image():
    return nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.Conv2d(6, 2, 3))
"""


def _file(folder: Path) -> Path:
    path = folder / "my nets.py"
    path.write_text(FILE)
    return path


def test_codes_are_what_the_accelerator_reads(tmp_path: Path) -> None:
    codes = np.random.default_rng(2).integers(0, 256, (2, 2, 60), dtype=np.uint8)

    path, page, dump = (tmp_path / name for name in ("codes.npy", "one.json", "one.npz"))
    np.save(path, codes)
    options = ("--input", str(path), "--json", str(page), "--dump", str(dump))
    done = maccord("sim", f"{_file(tmp_path)}:signal", *SIZE, *options, "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert f"input of signal: {path}" in done.stdout.splitlines()
    result = json.loads(page.read_text())
    validate("sim", result)
    assert (result["input_shape"], result["batch"]) == ([2, 1, 60, 2], 2)
    assert result["image"] == str(path)
    assert result["results"] == [
        {
            "tensor": "signal.5",
            "label": "",
            "shape": [2, 4],
            "compared": 8,
            "mismatches_torch": 0,
        }
    ]
    origin = result["provenance"]
    assert origin["input"] == {"source": str(path), "shape": "2 x 60"}
    assert origin["digests"]["input_file"]
    with np.load(dump) as arrays:
        np.testing.assert_array_equal(arrays["signal.input/x_q"][:, 0], codes.swapaxes(1, 2))


def test_an_image_network_of_any_size_and_its_preprocessing(tmp_path: Path) -> None:
    options = ("--input-shape", "3x12x9", "--mean", "0.5", "--std", "0.25", "--resize", "16")
    done = maccord(
        *("sim", f"{_file(tmp_path)}:image", "image", "image.2", *SIZE, *options),
        *("--perturb", "awgn:0.3", "--out", str(tmp_path), "--json", str(tmp_path / "all.json")),
    )
    assert done.returncode == 0, done.stderr
    assert "result: image.2, 8x5x2, 80 of 80 numbers equal PyTorch's" in done.stdout
    results = json.loads((tmp_path / "all.json").read_text())
    assert [result["input_shape"] for result in results[::2]] == [[1, 12, 9, 3], [1, 10, 7, 6]]
    for result in results:
        found = result["provenance"]["input"]
        assert (found["resize"], found["crop"], found["mean"]) == ("16", "12x9", "0.5,0.5,0.5")
        assert result["mismatches_golden"] == result["mismatches_torch"] == 0


def test_random_inputs_are_said(tmp_path: Path) -> None:
    target = f"{_file(tmp_path)}:signal"
    done = maccord("sim", target, *SIZE, "--dry-run", "--seed", "3", "--json", str(tmp_path / "j"))
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "j").read_text())
    validate("dry-run", found)
    assert found["provenance"]["input"] == {"source": "random, seed 3", "shape": "2 x 60"}
    done = maccord("sim", target, *SIZE, "--input-shape", "3,60")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{target} must take an input of 3 x 60, got RuntimeError" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_file_without_a_factory(tmp_path: Path) -> None:
    path = _file(tmp_path)
    done = maccord("sim", str(path), "--dry-run")
    assert done.returncode == 2
    assert done.stderr == (
        f"maccord: target must be FILE.py:factory, got {path} without the function or class that "
        "makes the network\n"
    )
