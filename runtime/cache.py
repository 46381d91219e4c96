"""Content-addressed caching: hashes of inputs and sources, and a folder of cached texts."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path
from types import ModuleType

import numpy as np

from .files import atomic_write

__all__ = ["SIMULATION", "Cache", "digest", "sources"]

SIMULATION = (".py", ".sv", ".v", ".cpp", ".h", ".vlt")  # suffixes of a simulation's sources


def digest(*parts: str | bytes | Path | np.ndarray) -> str:
    """Hash of texts, arrays and the contents of files, in order."""
    hasher = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            with part.open("rb") as file:
                part = hashlib.file_digest(file, "sha256").digest()
        elif isinstance(part, np.ndarray):
            hasher.update(f"{part.dtype}{part.shape}".encode())
            part = part.tobytes()
        elif isinstance(part, str):
            part = part.encode()
        hasher.update(hashlib.sha256(part).digest())
    return hasher.hexdigest()


def sources(*packages: ModuleType, suffixes: tuple[str, ...] = (".py",)) -> str:
    """Hash of the source files of packages and their subpackages.

    Parameters
    ----------
    *packages : module
        In any order.
    suffixes : tuple of str
        Suffixes of the files to include.

    Returns
    -------
    str
        Changes with the content, name or location of any of these files.
    """
    files = {
        f"{package.__name__}/{path.relative_to(folder).as_posix()}": path
        for package in packages
        for folder in package.__path__
        for path in Path(folder).rglob("*")
        if path.suffix in suffixes
    }
    return digest(*(part for name in sorted(files) for part in (name, files[name])))


class Cache:
    """A folder of compressed texts.

    Parameters
    ----------
    folder : Path
        Created on the first `put`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, name: str) -> str | None:
        """Return a text; None if it is missing or damaged."""
        try:
            return gzip.decompress(self._path(name).read_bytes()).decode()
        except (FileNotFoundError, EOFError, gzip.BadGzipFile):
            return None

    def put(self, name: str, text: str) -> None:
        """Store a text."""
        with atomic_write(self._path(name)) as temporary:
            temporary.write_bytes(gzip.compress(text.encode(), compresslevel=3, mtime=0))

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.gz"
