"""CIFAR-10 and CIFAR-100 (Krizhevsky 2009) from the pickles of their Python version.

Unpickling can execute arbitrary code, so the unpickler here accepts only arrays and plain values.
"""

from __future__ import annotations

import io
import pickle
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ...runtime.cache import digest
from .dataset import ArrayDataset, check_classes

__all__ = ["cifar10", "cifar100"]

_SIZE = 32


@dataclass(frozen=True)
class _Version:
    """Names in the distributed files: folder, files of the splits, file and key of the classes."""

    title: str
    folder: str
    files: dict[str, tuple[str, ...]]
    labels: bytes
    meta: str
    names: bytes


_BATCHES = tuple(f"data_batch_{number}" for number in range(1, 6))
_CIFAR10 = _Version(
    *("CIFAR-10", "cifar-10-batches-py", {"train": _BATCHES, "test": ("test_batch",)}),
    *(b"labels", "batches.meta", b"label_names"),
)
_CIFAR100 = _Version(
    *("CIFAR-100", "cifar-100-python", {"train": ("train",), "test": ("test",)}),
    *(b"fine_labels", "meta", b"fine_label_names"),
)


_ARRAY = "ndarray"  # placeholder for the type, so that nothing else can call it


def _dtype(name: str | bytes, align: object = False, copy: object = False) -> np.dtype:
    """Return the dtype uint8; old pickles pass bytes, and numbers instead of bools."""
    if name not in ("u1", b"u1"):
        raise pickle.UnpicklingError(f"holds an array of {name!r}")
    return np.dtype("u1", align=bool(align), copy=bool(copy))


def _reconstruct(kind: object, shape: tuple[int, ...], code: str | bytes) -> np.ndarray:
    """Return an empty array for the pickle to fill."""
    if kind != _ARRAY:
        raise pickle.UnpicklingError("holds an array of a kind of its own")
    return np.empty(shape, np.uint8)


def _encode(text: str, encoding: str) -> bytes:
    """Encode text to bytes: how Python 3 pickles bytes in Python 2 protocols."""
    return text.encode("latin-1" if encoding == "latin1" else "ascii")


class _Unpickler(pickle.Unpickler):
    """Accepts only arrays of bytes and plain values."""

    _KNOWN: ClassVar[dict[tuple[str, str], Any]] = {
        ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
        ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
        ("numpy", "ndarray"): _ARRAY,
        ("numpy", "dtype"): _dtype,
        ("_codecs", "encode"): _encode,
    }

    def find_class(self, module_name: str, global_name: str) -> Any:
        found = self._KNOWN.get((module_name, global_name))
        if found is None:
            raise pickle.UnpicklingError(f"holds {module_name}.{global_name}")
        return found


def _load(data: bytes, path: Path) -> dict[bytes, Any]:
    try:
        content = _Unpickler(io.BytesIO(data), encoding="bytes").load()
    except Exception as error:  # unpickling other files can raise any exception
        reason = str(error) or type(error).__name__
        raise ValueError(
            f"{path} must be a file of CIFAR's Python version, got one that "
            f"cannot be read: {reason}"
        ) from None
    if not isinstance(content, dict):
        raise ValueError(f"{path} must hold a dict, got {type(content).__name__}")
    return content


def _contents(root: Path, version: _Version, names: tuple[str, ...]) -> list[dict[bytes, Any]]:
    """Return the named files, unpickled, from the folder, its parent, or the archive."""
    if root.is_file():
        return _archived(root, version, names)
    folder = root / version.folder if (root / version.folder).is_dir() else root
    contents = []
    for name in names:
        try:
            data = (folder / name).read_bytes()
        except OSError as error:
            raise ValueError(
                f"data must be {version.title}'s folder {version.folder}, got {root}, "
                f"whose {name} cannot be read: {error.strerror}"
            ) from None
        contents.append(_load(data, folder / name))
    return contents


def _archived(path: Path, version: _Version, names: tuple[str, ...]) -> list[dict[bytes, Any]]:
    found = {}
    wanted = {f"{version.folder}/{name}": name for name in names}
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                file = archive.extractfile(member) if member.name in wanted else None
                if file is not None:
                    found[wanted[member.name]] = file.read()
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        raise ValueError(
            f"data must be {version.title}'s folder or its .tar.gz, got {path}: {error}"
        ) from None
    for name in names:
        if name not in found:
            raise ValueError(f"{path} must hold {version.folder}/{name}, got an archive without it")
    return [_load(found[name], path / name) for name in names]


def _images(content: dict[bytes, Any], what: str) -> npt.NDArray[np.uint8]:
    """Images (N, 32, 32, 3) of a file, whose rows hold the red, green and blue planes."""
    data = content.get(b"data")
    if not isinstance(data, np.ndarray) or data.ndim != 2 or data.shape[1] != 3 * _SIZE**2:
        got = getattr(data, "shape", type(data).__name__)
        raise ValueError(f"data of {what} must have shape (N, {3 * _SIZE**2}), got {got}")
    return data.reshape(-1, 3, _SIZE, _SIZE).transpose(0, 2, 3, 1)


def _labels(content: dict[bytes, Any], key: bytes, count: int, what: str) -> list[int]:
    labels = content.get(key)
    if not isinstance(labels, list) or not all(isinstance(label, int) for label in labels):
        raise ValueError(f"{key.decode()} of {what} must be a list of whole numbers, got others")
    if len(labels) != count:
        raise ValueError(f"{key.decode()} of {what} must be {count}, got {len(labels)}")
    return labels


def _names(content: dict[bytes, Any], version: _Version) -> tuple[str, ...]:
    names = content.get(version.names)
    if not isinstance(names, list) or not all(isinstance(name, bytes | str) for name in names):
        raise ValueError(
            f"{version.names.decode()} of {version.title}'s {version.meta} must be texts, "
            f"got others"
        )
    return tuple(name.decode() if isinstance(name, bytes) else name for name in names)


def _cifar(root: Path, split: str, version: _Version) -> ArrayDataset:
    meta, *contents = _contents(root, version, (version.meta, *version.files[split]))
    classes = _names(meta, version)
    images, labels = [], []
    for content, name in zip(contents, version.files[split], strict=True):
        what = f"{version.title}'s {name}"
        images.append(_images(content, what))
        labels += _labels(content, version.labels, len(images[-1]), what)
    pixels, numbers = np.concatenate(images), np.array(labels, np.int64)
    check_classes(numbers, len(classes), f"{version.title} ({split})")
    key = digest(pixels, numbers, "\n".join(classes))
    return ArrayDataset(f"{version.title} ({split})", classes, numbers, pixels, key)


def cifar10(root: Path, split: str) -> ArrayDataset:
    """Return a split of CIFAR-10 at its native 32 x 32 pixels; boxes are whole crops.

    Parameters
    ----------
    root : Path
        ``cifar-10-batches-py``, the folder above it, or ``cifar-10-python.tar.gz``.
    split : str
        "train" (50,000 images) or "test" (10,000).

    Raises
    ------
    ValueError
        If a file is missing, damaged, or contains anything but arrays and plain values.
    """
    return _cifar(root, split, _CIFAR10)


def cifar100(root: Path, split: str) -> ArrayDataset:
    """Return a split of CIFAR-100 (100 fine classes), as `cifar10`: from ``cifar-100-python``."""
    return _cifar(root, split, _CIFAR100)
