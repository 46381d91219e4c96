"""Atomic file writes, locks and write checks."""

from __future__ import annotations

import errno
import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["atomic_write", "check_writable", "is_full", "locked", "probe", "reserve"]


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the file's lock, so that only one process builds it and the others wait."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` that becomes `path` only if the block succeeds.

    Raises
    ------
    OSError
        Naming `path`, if it cannot be written.
    """
    if path.exists() and not path.is_file():
        yield path  # A device or pipe must not be replaced by a rename
        return
    place = path.resolve()
    try:
        with _beside(place) as temporary:
            yield temporary
    except OSError as error:
        name = Path(error.filename or place)
        if name.parent != place.parent and name not in place.parents:
            raise  # about another file
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
    """Check that `atomic_write` could write here, without changing `path`.

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


def reserve(path: Path, size: int) -> None:
    """Create a file of zeros with its disk space allocated.

    Writing to a mapped sparse file kills the process with SIGBUS if the disk is full.

    Raises
    ------
    OSError
        If there is not enough space.
    """
    with path.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(size, 1))


def is_full(folder: Path) -> bool:
    """Whether a folder's disk is full."""
    try:
        with tempfile.NamedTemporaryFile(dir=folder) as file:
            file.write(bytes(4096))
            file.flush()
    except OSError as error:
        return error.errno == errno.ENOSPC
    return False


def check_writable(name: str, kind: str, path: Path, file: Path) -> None:
    """Reject an option's file if it could not be written.

    Parameters
    ----------
    name : str
        Name of the option.
    kind : str
        What `path` is: ``file`` or ``folder``.
    path : Path
        As given by the user.
    file : Path
        File to write: `path`, or a file in it.

    Raises
    ------
    ValueError
        Naming the option and `path`.
    """
    if file.is_dir():
        raise ValueError(f"{name} must be a file, got the folder {file}")
    try:
        probe(file)
    except OSError as error:
        raise ValueError(
            f"{name} must be a {kind} that can be written, got {path}: {error.strerror}"
        ) from None
