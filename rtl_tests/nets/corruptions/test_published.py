"""Published corrupted images: which rows are read, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from maccord.nets.corruptions.published import VARIABLE, published, source
from maccord.nets.data.digits import digits
from maccord.nets.networks import architecture
from maccord.nets.perturb import Perturbation
from maccord.study import work
from maccord.study.grid import Level
from maccord.study.subject import Subject
from maccord.study.work import WorkUnit

LABELS = np.array([3, 1, 4, 1])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    images = np.arange(5 * 4 * 2 * 2 * 3, dtype=np.uint8).reshape(20, 2, 2, 3)
    np.save(tmp_path / "fog.npy", images)
    np.save(tmp_path / "labels.npy", np.tile(LABELS, 5).astype(np.uint8))
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    return tmp_path


def test_severities_follow_each_other(folder) -> None:
    found = published("fog", 3, [1, 3], LABELS)
    assert found is not None
    whole = np.load(folder / "fog.npy")
    np.testing.assert_array_equal(np.rint(found * 255), whole[[9, 11]])
    assert found.dtype == np.float32
    assert published("snow", 3, [1], LABELS) is None
    assert published("awgn", 0, [1], LABELS) is None


def test_other_data_sets_are_refused(folder, monkeypatch) -> None:
    with pytest.raises(ValueError, match="MACCORD_CORRUPTED must hold the 4 test images"):
        published("fog", 1, [0], LABELS[::-1])
    with pytest.raises(ValueError, match="must hold the 3 test images"):
        published("fog", 1, [0], LABELS[:3])
    assert len(source()) == 12
    (folder / "labels.npy").unlink()
    with pytest.raises(ValueError, match=r"must be a folder as CIFAR-10-C's, with labels\.npy"):
        source()
    monkeypatch.delenv(VARIABLE)
    assert source() == "made"
    assert published("fog", 1, [0], LABELS) is None


def test_the_study_reads_them(folder) -> None:
    data = digits("test")
    drawn = np.random.default_rng(0).integers(0, 256, (5 * len(data), 32, 32, 3), np.uint8)
    np.save(folder / "fog.npy", drawn)
    np.save(folder / "labels.npy", np.tile(data.labels, 5))
    subject = Subject("nin", architecture("nin"), folder, "digits", 1, folder)
    unit = WorkUnit(subject, Level(Perturbation("fog", 2)), (4, 7), ("fp32",))
    _, seen = work.inputs(unit)
    np.testing.assert_array_equal(np.rint(seen * 255), drawn[[len(data) + 4, len(data) + 7]])
    other = replace(unit, level=Level(Perturbation("contrast", 2)))
    assert work.inputs(other)[1].std() < seen.std()
