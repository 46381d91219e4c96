"""Where lines of a netlist come from: the Amaranth file and line that its attributes name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ... import hw

__all__ = ["Origin", "Origins"]

_SOURCE = re.compile(r'\(\* src = "([^"|]+):(\d+)[^"]*" \*\)')
_MODULE = re.compile(r"^module (\S+?)\s*\(")
_NEAR = 40  # lines above, in which a statement's attribute stands


@dataclass(frozen=True)
class Origin:
    """A line of the Amaranth sources.

    Parameters
    ----------
    file : str
        Path in the package, e.g. ``hw/memory/loader.py``.
    line : int
    """

    file: str
    line: int


class Origins:
    """The origins of a netlist's lines.

    Parameters
    ----------
    netlist : str
        Verilog with attributes, of `hw.verilog.generate(..., sources=True)`.
    """

    def __init__(self, netlist: str) -> None:
        self._lines: list[Origin | None] = [None]
        self.blocks: dict[str, str] = {}
        latest: Origin | None = None
        for text in netlist.splitlines():
            module = _MODULE.match(text)
            if module and latest:
                name = module[1].removeprefix("\\").removeprefix("maccord").removeprefix(".")
                self.blocks[name] = latest.file
            found = _SOURCE.search(text)
            own = _origin(found) if found else None
            latest = own or latest
            self._lines.append(own)

    def block(self, module: str) -> str:
        """Return the Amaranth file of a module's component, by its path in the accelerator."""
        return self.blocks[module]

    def of(self, line: int, module: str) -> Origin:
        """Return the origin of a line of the netlist, or else its block's."""
        for near in range(line, max(line - _NEAR, 0), -1):
            origin = self._lines[near]
            if origin:
                return origin
        return Origin(self.blocks[module], 0)


def _origin(found: re.Match[str]) -> Origin:
    path = Path(found[1])
    for root in map(Path, hw.__path__):
        if path.is_relative_to(root):
            return Origin(f"hw/{path.relative_to(root).as_posix()}", int(found[2]))
    return Origin(path.name, int(found[2]))
