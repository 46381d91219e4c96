"""The table of proofs in docs/verification.md: what is proved, how far, in which time.

``python rtl_tests/support/proofs.py`` runs them one by one, measures them and writes the table.
"""

from __future__ import annotations

import ast
import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PAGE", "PROOFS", "Proof", "placed", "seconds", "table"]

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "verification.md"
FOLDER = ROOT / "rtl_tests" / "prove"
MEASURED = FOLDER / "seconds.json"
_HEAD = "| block | claim | extent | CPU seconds |"


@dataclass(frozen=True)
class Proof:
    """A row of the table, or more of one file.

    Parameters
    ----------
    file : str
        Of the proofs and their planted bugs.
    block, claim, extent : str
        `extent` may name constants of the file in braces.
    """

    file: str
    block: str
    claim: str
    extent: str


PROOFS = (
    Proof(
        "test_requantizer.py",
        "requantizer",
        "equals `clip(rint(f(f(acc) * multiplier)) + zero_point)` in IEEE 754 arithmetic",
        "all inputs, in four parts; five multipliers in one piece, one of them nightly",
    ),
    Proof(
        "test_adder.py",
        "adder",
        "the sum over 2^shift, clamped; ties away from zero, or upwards where asked",
        "all inputs, in three parts",
    ),
    Proof(
        "test_dispatch.py",
        "dispatch",
        "accepts exactly the instructions that `maccord.spec.isa.check` accepts, names the error "
        "of the others, forwards masks and fields, and hands each to one queue, once",
        "all 2^256 instructions, three configurations; pauses and halts of {CYCLES} cycles",
    ),
    Proof(
        "test_tokens.py",
        "tokens",
        "counters follow what is given and taken; units take only what they hold; no counter "
        "overflows",
        "all states; units {CYCLES} cycles, STORE and the weight feeder for all time; for all time",
    ),
    Proof(
        "test_order.py",
        "program order",
        "while instructions are left, dispatch or a unit can go on (a model)",
        "programs of {PROGRAM} instructions, queues of 1 and 3, all states",
    ),
    Proof(
        "test_writes.py",
        "STORE as AXI master",
        "valid and payload stay until ready, bursts stay in their block, WLAST fits AWLEN, `owed` "
        "until answered; any halts",
        "{CYCLES} cycles, nightly 26; bursts of {BEATS} beats, rows of {ROW} and a part",
    ),
    Proof(
        "test_reads.py",
        "LOAD, fetch and read arbiter as AXI master",
        "requests stay until ready and in their block, busy while beats are outstanding, no beat "
        "of the fetch is lost",
        "{CYCLES} cycles; bursts of {BEATS} beats",
    ),
    Proof(
        "test_bursts.py",
        "burst cutter, read arbiter",
        "bursts cover the row and cross no page; each request once on AR, by priority, stable",
        "rows of up to 4 blocks of 64 beats of 8 and 64 bytes, 15 cycles; 12 cycles",
    ),
    Proof(
        "test_control.py",
        "AXI4-Lite slave",
        "one response per request, stable until taken, within {PATIENCE} cycles",
        "{CYCLES} cycles",
    ),
    Proof(
        "test_streams.py",
        "register slice, queue",
        "payloads leave once, in order; valid does not wait for ready; payload stable; no queue "
        "overflows",
        "10 to 16 cycles; overflow for all time",
    ),
    Proof(
        "test_resets.py",
        "resets",
        "a reset of the bus of {ASSERTED} cycles, or a start, resets all parts together; the core "
        "starts when all have left it",
        "any state before",
    ),
)


def _constants(file: str) -> dict[str, object]:
    """Numbers that a file of proofs names."""
    found: dict[str, object] = {}
    for node in ast.parse((FOLDER / file).read_text()).body:
        if not isinstance(node, ast.Assign):
            continue
        (target,) = node.targets
        names = target.elts if isinstance(target, ast.Tuple) else [target]
        values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
        for name, value in zip(names, values, strict=False):
            if isinstance(name, ast.Name) and isinstance(value, ast.Constant):
                found[name.id] = value.value
    return found


def seconds() -> dict[str, float]:
    """Processor time of each file when it was last measured, planted bugs included."""
    return json.loads(MEASURED.read_text())


def table() -> str:
    """Return the table, in Markdown."""
    return "\n".join([_HEAD, "|---|---|---|---|", *_rows()]) + "\n"


def _rows() -> Iterator[str]:
    measured = seconds()
    for proof in PROOFS:
        names = _constants(proof.file)
        cells = (each.format(**names) for each in (proof.block, proof.claim, proof.extent))
        yield f"| {' | '.join(cells)} | {measured[proof.file]:.0f} |"


def placed(page: str) -> str:
    """Return a page with the table in place of the one that it has."""
    start = page.index(_HEAD)
    return page[:start] + table() + page[page.index("\n\n", start) + 1 :]


def _measure(file: str) -> float:
    """Run a file's proofs, as in `make prove`; return their processor time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    arguments = ["-q", "-p", "no:xdist", str(FOLDER / file)]
    subprocess.run([sys.executable, "-m", "pytest", *arguments], cwd=ROOT, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1)


def main() -> None:
    """Measure all files, or those that are named, and write the table."""
    measured = seconds() if MEASURED.exists() else {}
    for file in sys.argv[1:] or [proof.file for proof in PROOFS]:
        measured[file] = _measure(file)
    MEASURED.write_text(json.dumps(measured, indent=1, sort_keys=True) + "\n")
    PAGE.write_text(placed(PAGE.read_text()))


if __name__ == "__main__":
    main()
