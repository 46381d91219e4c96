"""The examples in the docstrings of every room."""

import doctest
import importlib
import tomllib
from pathlib import Path

import pytest

import maccord.golden

ROOT = Path(next(iter(maccord.golden.__path__))).parent
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())
ROOMS = tuple(SETTINGS["tool"]["setuptools"]["package-dir"].values())
MODULES = [
    ".".join(["maccord", *path.relative_to(ROOT).with_suffix("").parts])
    for room in ROOMS
    for path in sorted((ROOT / room).rglob("*.py"))
    if ">>> " in path.read_text()
]


QUICK = ("spec", "golden", "hw", "compiler", "runtime", "cli")  # the others import PyTorch


@pytest.mark.parametrize(
    "name",
    [n if n.split(".")[1] in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in MODULES],
)
def test_examples(name: str) -> None:
    """A module whose text has examples has to have some that run."""
    found = doctest.testmod(importlib.import_module(name.removesuffix(".__init__")))
    assert found.attempted and not found.failed


def test_examples_of_inner_packages_are_found() -> None:
    assert {"maccord.nets.data.digits", "maccord.sim.stall", "maccord.study.plan"} <= set(MODULES)
