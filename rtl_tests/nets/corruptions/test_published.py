"""Published corrupted images: which are read, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from maccord.nets.corruptions import published_files
from maccord.nets.corruptions.published import VARIABLE, check_published, published, source
from maccord.nets.data.dataset import ArrayDataset
from maccord.nets.data.digits import digits
from maccord.nets.data.folder import folder as photographs
from maccord.nets.networks import architecture
from maccord.nets.perturb import Perturbation
from maccord.study import work
from maccord.study.grid import Level
from maccord.study.subject import Subject
from maccord.study.work import WorkUnit

LABELS = np.array([3, 1, 4, 1])
SMALL = ArrayDataset("few", tuple("abcde"), LABELS, np.zeros((4, 2, 2, 3), np.uint8), "d")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    images = np.arange(5 * 4 * 2 * 2 * 3, dtype=np.uint8).reshape(20, 2, 2, 3)
    np.save(tmp_path / "fog.npy", images)
    np.save(tmp_path / "labels.npy", np.tile(LABELS, 5).astype(np.uint8))
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    return tmp_path


def test_severities_follow_each_other(folder) -> None:
    found = published("fog", 3, [1, 3], SMALL)
    assert found is not None
    whole = np.load(folder / "fog.npy")
    np.testing.assert_array_equal(np.rint(found * 255), whole[[9, 11]])
    assert found.dtype == np.float32
    assert published("snow", 3, [1], SMALL) is None
    assert published("awgn", 0, [1], SMALL) is None


def test_other_data_sets_are_refused(folder, monkeypatch) -> None:
    with pytest.raises(ValueError, match="MACCORD_CORRUPTED must hold the 4 test images"):
        published("fog", 1, [0], replace(SMALL, labels=LABELS[::-1]))
    with pytest.raises(ValueError, match="must hold the 3 test images"):
        published("fog", 1, [0], replace(SMALL, labels=LABELS[:3]))
    assert len(source()) == 12
    (folder / "labels.npy").unlink()
    with pytest.raises(ValueError, match=r"must be a folder as CIFAR-10-C's, with labels\.npy"):
        source()
    monkeypatch.delenv(VARIABLE)
    assert source() == "made"
    assert published("fog", 1, [0], SMALL) is None


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


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (
            np.zeros((20, 2, 3, 3), np.uint8),
            r"must hold images of \(2, 2, 3\) in uint8, got \(2, 3",
        ),
        (np.zeros((20, 2, 2, 3), np.float32), r"in uint8, got \(2, 2, 3\) in float32"),
        (np.zeros((16, 2, 2, 3), np.uint8), "got 16 images of other labels or number"),
        (np.array([{}] * 20), "must hold arrays of NumPy, got .*fog.npy"),
    ],
)
def test_bad_arrays_are_refused_before_any_work(folder, array, message) -> None:
    levels = [None, Perturbation("snow", 1), Perturbation("awgn", 0.1), Perturbation("fog", 1)]
    check_published(SMALL, levels)
    np.save(folder / "fog.npy", array)
    with pytest.raises(ValueError, match=message):
        check_published(SMALL, levels)


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A data set of two classes, and ImageNet-C's folders of it; a group's in a folder more."""
    root, given = tmp_path / "imagenet", tmp_path / "imagenet-c"
    for split in ("train", "val"):
        for label, names in (("n01", ("v2",)), ("n02", ("v1", "v3"))):
            (root / split / label).mkdir(parents=True)
            for name in names:
                Image.new("RGB", (300, 260)).save(root / split / label / f"{name}.JPEG")
    for place, (kind, severity) in enumerate((("blur/zoom_blur", 1), ("fog", 2), ("fog", 5))):
        for label, name in (("n01", "v2"), ("n02", "v1"), ("n02", "v3")):
            path = given / kind / str(severity) / label / f"{name}.JPEG"
            path.parent.mkdir(parents=True, exist_ok=True)
            grey = 40 * place + 10 * int(name[1])
            Image.new("RGB", (224, 224), (grey,) * 3).save(path, quality=85)
    monkeypatch.setenv(VARIABLE, str(given))
    published_files.kinds.cache_clear()
    return photographs(root, "test"), given


def test_imagenet_c_is_read_by_class_and_name(files) -> None:
    data, given = files
    order = [data.paths[index].stem for index in range(3)]
    assert order == ["v2", "v1", "v3"]
    for kind, severity, place in (("zoom_blur", 1, 0), ("fog", 2, 1), ("fog", 5, 2)):
        found = published(kind, severity, [0, 2, 1], data)
        assert found is not None and found.shape == (3, 224, 224, 3)
        assert found.dtype == np.float32
        greys = np.rint(found[:, 7, 9, 0] * 255)
        np.testing.assert_array_equal(greys, [40 * place + 10 * n for n in (2, 3, 1)])
    assert published("snow", 1, [0], data) is None
    check_published(data, [Perturbation("fog", 5), Perturbation("snow", 1), None])
    assert len(source()) == 12
    assert given.is_dir()


def test_bad_imagenet_c_is_refused_before_any_work(files) -> None:
    data, given = files
    with pytest.raises(ValueError, match=r"hold every test image, got no .*fog/3/n01/v2\.JPEG"):
        check_published(data, [Perturbation("fog", 3)])
    last = given / "fog/5/n02/v3.JPEG"
    Image.new("RGB", (200, 224)).save(last)
    with pytest.raises(ValueError, match="224 x 224 pixels, as published, got 200 x 224 in "):
        check_published(data, [Perturbation("fog", 5)])
    last.write_bytes(b"JPEG")
    with pytest.raises(ValueError, match=r"must hold readable images, got .*v3"):
        check_published(data, [Perturbation("fog", 5)])
    with pytest.raises(ValueError, match="its images belong to files of folder:PATH"):
        check_published(SMALL, [Perturbation("fog", 5)])
