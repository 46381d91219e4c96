"""Instructions by block of the hardware, from callgrind's counts by line of Verilator's C++."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

__all__ = ["by_block", "by_line"]

_POSITION = re.compile(r"([+-]?\d+|\*) (\d+)")
_NAME = re.compile(r"\((\d+)\)(?: (.*))?")
_SIGNAL = re.compile(r"\b(?:__Vdly\w*?__)?tb__DOT__(\w+)")
_FILES = ("fl=", "fi=", "fe=")  # the file of the following counts
_CALLED = ("cfi=", "cfl=")  # the file of a call, whose name may be abbreviated later
_NEAR = 4  # lines further on in which a statement ends


def by_line(report: str) -> Counter[tuple[str, int]]:
    """Sum a callgrind report's instructions by file and line; those of calls count where they run.

    Parameters
    ----------
    report : str
        Callgrind's output, for one event.

    Returns
    -------
    Counter of (str, int)
        Instructions by name of the source file and line.
    """
    counts: Counter[tuple[str, int]] = Counter()
    known: dict[str, str] = {}
    file, line, call = "?", 0, False
    for text in report.splitlines():
        if text.startswith((*_FILES, *_CALLED)):
            name = _file(text.split("=", 1)[1], known)
            file = name if text.startswith(_FILES) else file
        elif text.startswith("calls="):
            call = True
        elif match := _POSITION.fullmatch(text):
            position, count = match.groups()
            if position != "*":
                line = line + int(position) if position[0] in "+-" else int(position)
            if not call:
                counts[Path(file).name, line] += int(count)
            call = False
    return counts


def _file(text: str, known: dict[str, str]) -> str:
    """Return a file's name, which a report spells out only once."""
    match = _NAME.fullmatch(text)
    if match is None:
        return text
    if match[2]:
        known[match[1]] = match[2]
    return known.get(match[1], "?")


def by_block(
    counts: Mapping[tuple[str, int], int], sources: Mapping[str, list[str]]
) -> Counter[str]:
    """Sum instructions by block: the module of the first signal in a line's statement.

    Parameters
    ----------
    counts : mapping of (str, int) to int
        As from `by_line`.
    sources : mapping of str to list of str
        Lines of Verilator's C++ by name of the file.

    Returns
    -------
    Counter of str
        Instances that differ in their number alone are one block. What belongs to no signal is
        `simulator`, or `library` outside the model's sources.
    """
    blocks: Counter[str] = Counter()
    for (file, line), count in counts.items():
        lines = sources.get(file)
        blocks["library" if lines is None else _block(lines, line - 1)] += count
    return blocks


def _block(lines: list[str], at: int) -> str:
    for index in _around(at, len(lines)):
        if match := _SIGNAL.search(lines[index]):
            path = match[1].split("__DOT__")[:-1]
            return re.sub(r"\d+", "N", ".".join(path)) or "tb"
    return "simulator"


def _around(at: int, count: int) -> Iterator[int]:
    """Lines of a statement: from a line to its end, then backwards to its start."""
    yield from range(at, min(at + _NEAR, count))
    yield from range(at - 1, max(at - 2 * _NEAR, -1), -1)
