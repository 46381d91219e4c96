"""Keys of cached results change with every source file, however deep it lies."""

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from maccord import nets, sim
from maccord.runtime.cache import SIMULATION, digest, sources


@pytest.fixture
def package(tmp_path: Path) -> ModuleType:
    """A package `room` of two levels."""
    (tmp_path / "inner").mkdir()
    for name in ("__init__.py", "inner/__init__.py", "inner/deep.py", "inner/cell.v"):
        (tmp_path / name).write_text("1\n")
    room = ModuleType("room")
    room.__path__ = [str(tmp_path)]
    return room


def test_a_file_of_an_inner_package_counts(package: ModuleType, tmp_path: Path) -> None:
    before = sources(package)
    assert sources(package) == before
    (tmp_path / "inner" / "deep.py").write_text("2\n")
    assert sources(package) != before


def test_names_and_places_count(package: ModuleType, tmp_path: Path) -> None:
    before = sources(package)
    (tmp_path / "inner" / "deep.py").rename(tmp_path / "inner" / "other.py")
    renamed = sources(package)
    (tmp_path / "inner" / "other.py").rename(tmp_path / "other.py")
    assert len({before, renamed, sources(package)}) == 3


def test_only_the_suffixes_count(package: ModuleType, tmp_path: Path) -> None:
    before, simulated = sources(package), sources(package, suffixes=SIMULATION)
    (tmp_path / "inner" / "cell.v").write_text("2\n")
    assert sources(package) == before
    assert sources(package, suffixes=SIMULATION) != simulated


def test_packages_are_told_apart_and_their_order_is_not() -> None:
    assert sources(nets, sim) == sources(sim, nets) != sources(sim)


def test_a_digest_keeps_its_parts_apart(tmp_path: Path) -> None:
    assert digest("ab", "c") != digest("a", "bc")
    assert digest(np.zeros(4, np.uint8)) != digest(np.zeros(2, np.uint16))
    path = tmp_path / "file"
    path.write_bytes(b"text")
    before = digest(path)
    path.write_bytes(b"Text")
    assert digest(path) != before
