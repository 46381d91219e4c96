"""What a run leaves behind: how it ended, its JSON, files that are whole or absent."""

from __future__ import annotations

import errno
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .network.results import NetworkResult

__all__ = [
    "CLEAN",
    "GENERATED",
    "Outcome",
    "Verdict",
    "file_stem",
    "probe",
    "result_path",
    "save",
    "whole_file",
    "write_json",
]

CLEAN = "clean"
GENERATED = "generated"


class Verdict(IntEnum):
    """How a run ended; the values are the command's exit codes."""

    AGREES = 0
    MISMATCH = 1
    BAD_INPUT = 2
    FAILED = 3  # could not run, or hung


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of one task.

    Parameters
    ----------
    verdict : Verdict
    result : NetworkResult, optional
        Missing if the simulation gave none, or none that can be trusted.
    equal : int
        Outputs that are equal three ways.
    codes : int
        Distinct output codes of the RTL, 1 to 256.
    problems : tuple of str
        One sentence each: mismatches explained, or why there is no result.
    waves : Path, optional
        Recorded waves.
    golden, rtl : mapping of str to ndarray, uint8
        Tensors by name, if the task keeps them.
    """

    verdict: Verdict
    result: NetworkResult | None = None
    equal: int = 0
    codes: int = 0
    problems: tuple[str, ...] = ()
    waves: Path | None = None
    golden: Mapping[str, npt.NDArray[np.uint8]] = field(default_factory=dict)
    rtl: Mapping[str, npt.NDArray[np.uint8]] = field(default_factory=dict)


def file_stem(name: str, perturbation: str) -> str:
    """Name of a result's files: the layer's or network's, then the perturbation unless clean."""
    if perturbation == CLEAN:
        return name
    return f"{name}@{perturbation.replace(':', '-')}"


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` that becomes `path` only if the block succeeds.

    Raises
    ------
    OSError
        Naming `path`, if it cannot be written.
    """
    if path.exists() and not path.is_file():
        yield path  # A device or a pipe, which a rename would replace
        return
    place = path.resolve()
    try:
        with _beside(place) as temporary:
            yield temporary
    except OSError as error:
        name = Path(error.filename or place)
        if name.parent != place.parent and name not in place.parents:
            raise  # of another file
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def probe(path: Path) -> None:
    """Try whether `whole_file` could write here, without a change to `path`.

    Raises
    ------
    OSError
        If not.
    """
    if path.exists() and not path.is_file():
        if not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return
    folder = path.resolve().parent
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(prefix=f".{path.name}.", dir=folder):
        pass


def result_path(folder: Path, layer: str, perturbation: str) -> Path:
    """Return where `save` writes a result under `folder`."""
    return folder / f"{file_stem(layer, perturbation)}.json"


def save(folder: Path, result: NetworkResult) -> Path:
    """Write one result to its file under `folder` and return the path."""
    path = result_path(folder, result.layer, result.perturbation)
    _write(path, result.fields())
    return path


def write_json(path: Path, results: Sequence[NetworkResult]) -> None:
    """Write one object, or a list of them when there are several results."""
    objects = [result.fields() for result in results]
    _write(path, objects[0] if len(objects) == 1 else objects)


def _write(path: Path, content: object) -> None:
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n")
