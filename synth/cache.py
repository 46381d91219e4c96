"""What tools made, kept by what they were given: nothing is computed twice."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from ..sim.results import whole_file

__all__ = ["Cache", "digest", "sources"]


def digest(*parts: str) -> str:
    """Return a name for some texts: equal ones have the same."""
    found = hashlib.sha256()
    for part in parts:
        data = part.encode()
        found.update(len(data).to_bytes(8, "little") + data)
    return found.hexdigest()[:20]


def sources(packages: Iterable[ModuleType]) -> str:
    """Return a digest of the Python files of packages and of those inside them."""
    paths = [
        path for package in packages for folder in package.__path__
        for path in sorted(Path(folder).rglob("*.py"))
    ]  # fmt: skip
    return digest(*(f"{path.name}\n{path.read_text()}" for path in paths))


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
        with whole_file(self._path(name)) as temporary:
            temporary.write_bytes(gzip.compress(text.encode(), compresslevel=3, mtime=0))

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.gz"
