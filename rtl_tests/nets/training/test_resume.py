"""The thesis's recipe: killed and resumed to the same bits; its files; what it refuses."""

import csv
import os
import signal
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Never

import numpy as np
import pytest
import torch
from processes import reaped
from torch import nn

from maccord.nets.checkpoint import load_checkpoint
from maccord.nets.data.dataset import ArrayDataset
from maccord.nets.networks import Architecture
from maccord.nets.training.batches import Batches, spread
from maccord.nets.training.finetune import CHECKPOINT, LOG, WEIGHTS, finetune
from maccord.nets.training.loop import save
from maccord.nets.training.settings import Settings

SETTINGS = Settings(batch=6, rate=0.05, every=2, seed=4)


def _build(classes):
    return nn.Sequential(
        *(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.3)),
        *(nn.Flatten(), nn.Linear(4 * 6 * 6, classes)),
    )


TINY = Architecture("tiny", _build, "5.weight")


def _data(split="train", classes="abc"):
    rng = np.random.default_rng(len(split))
    images = rng.integers(0, 256, (20, 8, 8, 3), np.uint8)
    labels = np.arange(20) % len(classes)
    return ArrayDataset(f"tiny ({split})", tuple(classes), labels, images, f"{split} {classes}")


def _run(out, epochs, settings=SETTINGS, **options):
    data = (options.pop("train", _data()), _data("test"))
    path = finetune(TINY, *data, out, settings, epochs=epochs, threads=2, **options)
    assert path == out / WEIGHTS
    return torch.load(path)


def _same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


class Killed(BaseException):
    """Ends a training where it stands."""


def _bomb(step, steps, *, fuse) -> None:
    fuse[0] -= 1
    if not fuse[0]:
        raise Killed


@pytest.mark.parametrize("at", [1, 3, 4, 8, 14])
def test_resumes_to_the_same_bits(at, tmp_path: Path) -> None:
    """Three steps an epoch: killed in the first, at its end, in the second, third and last."""
    whole = _run(tmp_path / "whole", 5)
    with pytest.raises(Killed):
        _run(tmp_path / "cut", 5, on_step=partial(_bomb, fuse=[at]))
    assert not (tmp_path / "cut" / WEIGHTS).exists()
    torch.manual_seed(at)  # another process has its own
    rows, before = [], []
    resumed = _run(tmp_path / "cut", 5, on_epoch=rows.append, on_resume=before.append)
    assert _same(resumed, whole)
    done = (at - 1) // 3
    assert before == [done][: done > 0]
    assert [row.epoch for row in rows] == list(range(max(done, 1), 6))
    logs = [(tmp_path / name / LOG).read_bytes() for name in ("whole", "cut")]
    assert logs[0] == logs[1]


NARROW = replace(SETTINGS, weight_bits=2, end_bits=4)


def test_narrow_weights_resume_to_the_same_bits(tmp_path: Path) -> None:
    whole = _run(tmp_path / "whole", 4, NARROW)
    with pytest.raises(Killed):
        _run(tmp_path / "cut", 4, NARROW, on_step=partial(_bomb, fuse=[8]))
    assert _same(_run(tmp_path / "cut", 4, NARROW), whole)
    assert set(whole) == set(_run(tmp_path / "wide", 1))  # the names are the same
    assert 4 < len(whole["0.weight"].unique()) <= 16  # the first layer
    assert not _same(whole, _run(tmp_path / "wide", 4))
    with pytest.raises(ValueError, match="whose weight_bits is 2 instead of 4"):
        _run(tmp_path / "whole", 4, replace(NARROW, weight_bits=4))


def test_prolonged_is_as_if_planned(tmp_path: Path) -> None:
    whole = _run(tmp_path / "whole", 4)
    short = _run(tmp_path / "more", 2)
    assert not _same(short, whole)
    assert _same(_run(tmp_path / "more", 4), whole)
    assert _same(_run(tmp_path / "more", 4), whole)
    with pytest.raises(ValueError, match=r"epochs must be at least 4, which are done in .*got 3"):
        _run(tmp_path / "more", 3)


# Helpers of tests, as pytest finds them
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
PROGRAM = """
import sys
from pathlib import Path
from test_resume import _run

_run(Path(sys.argv[1]), int(sys.argv[2]), on_epoch=lambda row: print(row.epoch, flush=True))
"""


def _command(out, epochs):
    """In a process of its own: what other tests have set in torch may change last bits."""
    return [sys.executable, "-c", PROGRAM, str(out), str(epochs)]


def test_survives_sigkill(tmp_path: Path) -> None:
    """Killed while it writes a checkpoint every few milliseconds."""
    here = Path(__file__).parent
    command = _command(tmp_path / "cut", 100_000)
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=here, env=ENVIRONMENT
    )
    with reaped(process):
        assert process.stdout is not None
        while int(process.stdout.readline()) < 20:
            pass
        process.send_signal(signal.SIGKILL)
    done = len(torch.load(tmp_path / "cut" / CHECKPOINT)["log"])
    assert done >= 20
    assert not (tmp_path / "cut" / WEIGHTS).exists()
    for out in ("cut", "whole"):
        command = _command(tmp_path / out, done + 2)
        subprocess.run(command, check=True, capture_output=True, cwd=here, env=ENVIRONMENT)
    assert _same(*(torch.load(tmp_path / out / WEIGHTS) for out in ("cut", "whole")))


def test_files_are_replaced_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until the last moment the old file is whole; what was begun is removed."""
    path = tmp_path / "state.pt"
    save(path, {"epoch": 1})

    def late(source, target) -> Never:
        assert torch.load(source) == {"epoch": 2}
        assert torch.load(target) == {"epoch": 1}
        raise Killed

    monkeypatch.setattr(os, "replace", late)
    with pytest.raises(Killed):
        save(path, {"epoch": 2})
    assert torch.load(path) == {"epoch": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_log_and_schedule(tmp_path: Path) -> None:
    rows = []
    _run(tmp_path, 5, on_epoch=rows.append)
    with (tmp_path / LOG).open() as file:
        log = list(csv.DictReader(file))
    assert [row["epoch"] for row in log] == ["1", "2", "3", "4", "5"]
    rates = [float(row["rate"]) for row in log]
    np.testing.assert_allclose(rates, [0.05, 0.05, 0.005, 0.005, 0.0005])
    assert [float(row["loss"]) for row in log] == [row.loss for row in rows]
    assert all(0 <= float(row["test_accuracy"]) <= 1 for row in log)


def test_learns(tmp_path: Path) -> None:
    """Colours are easy: at last all are right."""
    pixels = np.zeros((30, 8, 8, 3), np.uint8)
    labels = np.arange(30) % 3
    pixels[np.arange(30), :, :, labels] = 200
    data = ArrayDataset("colours", tuple("abc"), labels, pixels, "colours")
    rows = []
    settings = Settings(batch=6, rate=0.01)
    finetune(TINY, data, data, tmp_path, settings, epochs=8, on_epoch=rows.append)
    assert rows[0].test_accuracy < 0.5
    assert rows[-1].test_accuracy == 1


def test_weights_and_checkpoint_can_be_loaded(tmp_path: Path) -> None:
    weights = _run(tmp_path, 1)
    for name in (WEIGHTS, CHECKPOINT):
        model = load_checkpoint(TINY, tmp_path / name)
        assert _same(model.state_dict(), weights)


def test_starts_from_weights_of_other_classes(tmp_path: Path) -> None:
    """The last layer is drawn; all others are the file's, before the first step moves them."""
    _run(tmp_path / "base", 2)
    given = torch.load(tmp_path / "base" / WEIGHTS)
    still = Settings(batch=6, rate=1e-30)
    for classes, kept in (("abc", True), ("abcd", False)):
        data = (_data("train", classes), _data("test", classes))
        out = tmp_path / classes
        finetune(TINY, *data, out, still, epochs=1, init=tmp_path / "base" / WEIGHTS)
        result = torch.load(out / WEIGHTS)
        assert torch.equal(result["0.weight"], given["0.weight"])
        assert len(result["5.weight"]) == len(classes)
        assert kept == (
            result["5.weight"].shape == given["5.weight"].shape
            and torch.equal(result["5.weight"], given["5.weight"])
        )


def test_refuses_what_does_not_fit(tmp_path: Path) -> None:
    _run(tmp_path / "one", 1)
    with pytest.raises(ValueError, match=r"whose rate is 0.05 instead of 0.1"):
        _run(tmp_path / "one", 1, Settings(batch=6, rate=0.1, every=2, seed=4))
    with pytest.raises(ValueError, match="whose data is"):
        _run(tmp_path / "one", 1, train=_data("train2"))
    (tmp_path / "one" / CHECKPOINT).write_bytes(b"other")
    with pytest.raises(ValueError, match=r"checkpoint.pt: not a checkpoint of a training"):
        _run(tmp_path / "one", 1)
    with pytest.raises(ValueError, match="classes must be the same in both splits"):
        _run(tmp_path, 1, train=_data(classes="ab"))
    with pytest.raises(ValueError, match="device must be cpu or cuda, got tpu"):
        _run(tmp_path, 1, device="tpu")
    with pytest.raises(ValueError, match="epochs must be at least 1, got 0"):
        _run(tmp_path, 0)
    with pytest.raises(ValueError, match=r"loss must stay finite, got .*smaller learning rate"):
        _run(tmp_path / "wild", 3, Settings(batch=6, rate=1e30))
    vgg = Architecture("vgg16", _build, "5.weight")
    with pytest.raises(ValueError, match="vgg16 must be at least 224 pixels wide, got 8 in tiny"):
        finetune(vgg, _data(), _data("test"), tmp_path, SETTINGS)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("batch", 1, "at least 2"),
        ("every", 0, "at least 1"),
        ("seed", -1, "at least 0"),
        ("limit", -1, "at least 0"),
        ("rate", 0.0, "above 0"),
        ("rate", float("nan"), "above 0"),
        ("momentum", 1.0, "below 1"),
        ("factor", 0.0, "above 0"),
        ("weight_bits", 3, "one of 8, 4, 2"),
        ("end_bits", 4, "with weight_bits"),
    ],
)
def test_settings(name, value, message: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must (be|come) .*{message}.*, got {value}"):
        Settings(**{name: value})


@pytest.mark.parametrize(("count", "limit"), [(10, 0), (10, 4), (7, 7), (3, 9), (1000, 999)])
def test_spread(count, limit) -> None:
    indices = spread(count, limit)
    assert len(indices) == (min(count, limit) if limit else count)
    assert (np.diff(indices) > 0).all()
    assert indices[-1] < count


def test_batches_are_read_once() -> None:
    """The second time images come from memory, the very same."""
    data = _data()
    batches = Batches(data, np.array([3, 5, 7, 9]), 2, torch.device("cpu"))
    order = [np.array([2, 0]), np.array([3, 1])]
    first = list(batches(order))
    assert [labels.tolist() for _, labels in first] == [[1, 0], [0, 2]]
    data.images[:] = 0
    again = list(batches(order))
    batches.close()
    for (images, _), (copies, _) in zip(first, again, strict=True):
        assert images.shape == (2, 3, 8, 8)
        assert torch.equal(images, copies)
        assert images.unique().numel() > 100
