"""Names of results by what they depend on, and a folder that keeps texts under such names."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path
from types import ModuleType

import numpy as np

from .files import atomic_write

__all__ = ["SIMULATION", "Cache", "digest", "sources"]

SIMULATION = (".py", ".sv", ".v", ".cpp", ".h", ".vlt")  # suffixes of what a simulation is made of


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
    """Hash of our own source files: those of packages and of all packages inside them.

    Parameters
    ----------
    *packages : module
        In any order.
    suffixes : tuple of str
        Of the files that count.

    Returns
    -------
    str
        It changes with the contents, the name or the place of any of these files.
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
    """Texts in a folder, compressed.

    Parameters
    ----------
    folder : Path
        Made when something is put.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, name: str) -> str | None:
        """Return a text, or nothing if there is none that is whole."""
        try:
            return gzip.decompress(self._path(name).read_bytes()).decode()
        except (FileNotFoundError, EOFError, gzip.BadGzipFile):
            return None

    def put(self, name: str, text: str) -> None:
        """Keep a text."""
        with atomic_write(self._path(name)) as temporary:
            temporary.write_bytes(gzip.compress(text.encode(), compresslevel=3, mtime=0))

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.gz"
