"""The table of the protocol checker's rules in docs/verification.md: which test breaks each.

``python rtl_tests/support/axi_rules.py`` runs the checker's tests and writes the table of what
fired in them.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from maccord import sim
from maccord.sim.protocol import VIOLATIONS

sys.path.append(str(Path(__file__).parents[1] / "sim"))  # when run as a script
from cocotb_tests import run_cocotb_tests

__all__ = ["PAGE", "Fired", "codes_in_checker", "fired", "placed"]

#: Of each rule that fired, the test in which it did, and the ways in which that test broke it.
Fired = Mapping[int, tuple[str, Sequence[str]]]

PAGE = Path(__file__).parents[2] / "docs" / "verification.md"
_TESTS = 6
_HEAD = "| rule | is violated when | broken by | in which ways |"


def fired(folder: Path) -> dict[int, tuple[str, list[str]]]:
    """Run the checker's tests in a folder and return what fired in them, none beside it.

    Raises
    ------
    AssertionError
        If a test failed.
    """
    run_cocotb_tests("checker_tb.sv", "axi_checker_bench", 16, folder, tests=_TESTS)
    found: dict[int, tuple[str, list[str]]] = {}
    for code, test, way in json.loads((folder / "fired.json").read_text()):
        found.setdefault(code, (test, []))[1].append(way)
    return found


def codes_in_checker() -> set[int]:
    """Return the codes to which axi_checker.sv assigns."""
    text = Path(sim.__path__[0], "axi_checker.sv").read_text()
    assigned = re.findall(r"((?:bad\[\d+\][, ]*)+)\}? [|]?=", text)
    return {int(code) for group in assigned for code in re.findall(r"\d+", group)}


def placed(page: str, found: Fired) -> str:
    """Return a page with the table of what fired in place of the one that it has."""
    start = page.index(_HEAD)
    table = "\n".join([_HEAD, "|---|---|---|---|", *_rows(found)])
    return page[:start] + table + page[page.index("\n\n", start) :]


def _rows(found: Fired) -> Iterator[str]:
    for code, (test, ways) in sorted(found.items()):
        yield f"| {code} | {VIOLATIONS[code]} | `{test}` | {'; '.join(ways)} |"


def main() -> None:
    """Write the table."""
    with tempfile.TemporaryDirectory(prefix="maccord-") as name:
        PAGE.write_text(placed(PAGE.read_text(), fired(Path(name))))


if __name__ == "__main__":
    main()
