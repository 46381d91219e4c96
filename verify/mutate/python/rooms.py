"""Rooms of Python code that are mutated, and the tests that judge them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["QUICK", "ROOMS", "ROOT", "Room"]

ROOT = Path(__file__).parents[3]  # of a clone: the tests are not installed
#: The tests that `make check` runs.
QUICK = "not nightly and not weekly and not slow"


@dataclass(frozen=True)
class Room:
    """Sources and their tests.

    Attributes
    ----------
    name : str
    sources, tests : tuple of str
        Patterns of files, and files or folders, from the root of the clone.
    root : Path
    package : str
        Folder under which the sources are imported.
    """

    name: str
    sources: tuple[str, ...]
    tests: tuple[str, ...]
    root: Path = ROOT
    package: str = "maccord"

    def files(self) -> list[Path]:
        """Return the sources, from the root."""
        found = {path for pattern in self.sources for path in self.root.glob(pattern)}
        return sorted(path.relative_to(self.root) for path in found)

    def ordered_tests(self, source: Path) -> Iterator[str]:
        """Yield the tests, first the file with a source's name: it tells most mutants soonest."""
        name = f"test_{source.name}"
        for place in self.tests:
            folder = self.root / place
            yield from (str(p.relative_to(self.root)) for p in sorted(folder.rglob(name)))
        yield from self.tests


ROOMS = {
    room.name: room
    for room in (
        Room(
            "golden", ("golden/**/*.py",), ("rtl_tests/golden", "rtl_tests/house/test_examples.py")
        ),
        Room("compiler", ("compiler/**/*.py",), ("rtl_tests/compiler",)),
        Room(
            "importer",
            ("nets/import*.py", "nets/formats/*.py"),
            ("rtl_tests/nets/formats", "rtl_tests/nets/test_importer.py"),
        ),
    )
}
