"""CIFAR's pickles: as Python 2 wrote them, as others may write them, and harmful ones."""

import pickle
import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest

from maccord.nets.data.load import open_dataset

ROWS = 3 * 32 * 32


def _text(value):
    return b"U" + bytes([len(value)]) + value


def _number(value):
    return b"J" + struct.pack("<i", value)


def _python2(content):
    """The pickle, protocol 2, that Python 2 and its NumPy write for a dict of CIFAR's kind."""
    out = [b"\x80\x02}("]
    for key, value in content.items():
        out.append(_text(key))
        if isinstance(value, np.ndarray):
            out += [b"cnumpy.core.multiarray\n_reconstruct\n", b"cnumpy\nndarray\n"]
            out += [_number(0), b"\x85", _text(b"b"), b"\x87R"]
            out += [b"(", _number(1), *(_number(side) for side in value.shape), b"\x86"]
            out += [b"cnumpy\ndtype\n", _text(b"u1"), _number(0), _number(1), b"\x87R"]
            out += [b"(", _number(3), _text(b"|"), b"NNN", 2 * _number(-1), _number(0), b"tb"]
            out += [b"\x89T", struct.pack("<i", value.size), value.tobytes(), b"tb"]
        else:
            items = [_number(i) if isinstance(i, int) else _text(i) for i in value]
            out += [b"](", *items, b"e"]
    return b"".join(out) + b"u."


def _python3(content):
    return pickle.dumps(content, protocol=2)


def _cifar10(folder, write=_python2):
    """Two images a file; returns all pixels (12, 3072), the last two those of the test."""
    folder.mkdir(parents=True)
    pixels = np.random.default_rng(3).integers(0, 256, (12, ROWS), np.uint8)
    names = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
    for number, name in enumerate(names):
        rows = pixels[2 * number : 2 * number + 2]
        (folder / name).write_bytes(write({b"data": rows, b"labels": [number, 9 - number]}))
    names = [f"class {number}".encode() for number in range(10)]
    (folder / "batches.meta").write_bytes(write({b"label_names": names}))
    return pixels


@pytest.mark.parametrize("write", [_python2, _python3])
def test_cifar10(write, tmp_path: Path) -> None:
    pixels = _cifar10(tmp_path / "cifar-10-batches-py", write)
    train = open_dataset(f"cifar10:{tmp_path}", "train")
    test = open_dataset(f"cifar10:{tmp_path / 'cifar-10-batches-py'}", "test")
    assert train.labels.tolist() == [0, 9, 1, 8, 2, 7, 3, 6, 4, 5]
    assert test.labels.tolist() == [5, 4]
    assert test.classes[3] == "class 3"
    assert (test.size, test.box(1)) == (32, (0, 0, 32, 32))
    red = test.crop(1)[..., 0]
    np.testing.assert_array_equal(red, pixels[11, :1024].reshape(32, 32) / np.float32(255))
    assert test.crop(1)[2, 5, 2] == pixels[11, 2048 + 2 * 32 + 5] / np.float32(255)


def test_archive(tmp_path: Path) -> None:
    _cifar10(tmp_path / "cifar-10-batches-py")
    path = tmp_path / "cifar-10-python.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.add(tmp_path / "cifar-10-batches-py", "cifar-10-batches-py")
    packed, plain = (open_dataset(f"cifar10:{p}", "train") for p in (path, tmp_path))
    assert packed.digest == plain.digest
    with pytest.raises(ValueError, match="must hold cifar-100-python/meta, got an archive with"):
        open_dataset(f"cifar100:{path}", "train")
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ValueError, match=r"CIFAR-10's folder or its .tar.gz, got .*tar.gz"):
        open_dataset(f"cifar10:{path}", "train")


def test_cifar100_has_the_fine_classes(tmp_path: Path) -> None:
    pixels = np.zeros((2, ROWS), np.uint8)
    content = {b"data": pixels, b"coarse_labels": [1, 2], b"fine_labels": [99, 0]}
    names = [f"fine {number}".encode() for number in range(100)]
    for name, value in (("test", content), ("meta", {b"fine_label_names": names})):
        (tmp_path / name).write_bytes(_python2(value))
    data = open_dataset(f"cifar100:{tmp_path}", "test")
    assert data.labels.tolist() == [99, 0]
    assert len(data.classes) == 100


class _Harmful:
    def __reduce__(self):
        return print, ("executed",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (_Harmful(), "cannot be read: holds (__builtin__|builtins).print"),
        ({b"data": np.zeros((2, ROWS))}, "cannot be read: holds an array of 'f8'"),
        ({b"data": np.zeros((2, 5), np.uint8)}, r"must have shape \(N, 3072\), got \(2, 5\)"),
        ({b"labels": [0, 1]}, r"must have shape \(N, 3072\), got NoneType"),
        ({b"data": np.zeros((2, ROWS), np.uint8), b"labels": [0]}, "must be 2, got 1"),
        ({b"data": np.zeros((1, ROWS), np.uint8), b"labels": ["0"]}, "list of whole numbers"),
        ({b"data": np.zeros((1, ROWS), np.uint8), b"labels": [10]}, "between 0 and 9, got 10"),
        ([1], "must hold a dict, got list"),
        (b"no pickle", "cannot be read"),
        (None, "whose test_batch cannot be read: No such file"),
    ],
)
def test_damaged_files(
    content, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _cifar10(tmp_path / "data")
    path = tmp_path / "data" / "test_batch"
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content if isinstance(content, bytes) else pickle.dumps(content, 2))
    with pytest.raises(ValueError, match=message):
        open_dataset(f"cifar10:{tmp_path / 'data'}", "test")
    assert "executed" not in capsys.readouterr().out


def test_the_harmful_pickle_would_do_harm(capsys: pytest.CaptureFixture[str]) -> None:
    pickle.loads(pickle.dumps(_Harmful(), 2))
    assert capsys.readouterr().out == "executed\n"
