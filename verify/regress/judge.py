"""Says whether a start ended as it has to: bytes, status, cycles by cause, the bus."""

from __future__ import annotations

import numpy as np

from ...sim.protocol import VIOLATIONS
from ...spec.registers import COUNTERS, ErrorCode, Status
from .harness import Ended
from .starts import Start
from .verdicts import Verdict, verdict

__all__ = ["faults", "outcome"]

_OUTSIDE = 4  # cycles that the testbench counts and the accelerator does not
_BUS = (ErrorCode.READ_ERROR, ErrorCode.WRITE_ERROR)


def faults(start: Start, found: Ended) -> list[str]:
    """Return what is wrong with how a start ended; nothing if all is well."""
    wrong: list[str] = []
    if found.ending in ("hung", "unanswered"):
        return [f"the accelerator {found.ending}: no end after an abort, or no register answered"]
    if found.protocol_errors:
        wrong.append(f"bus: {VIOLATIONS.get(found.protocol_code, found.protocol_code)}")
    outside = np.flatnonzero(found.written & ~start.allowed)
    if outside.size:
        wrong.append(f"{outside.size} bytes written outside, the first at {outside[0]:#x}")
    if found.ending == "cut":
        return wrong
    if sum(found.counters[name] for name in COUNTERS) != found.counters["cycles"]:
        wrong.append(f"cycles by cause do not add up to {found.counters['cycles']}")
    try:
        _ended(start, found)
    except AssertionError as error:
        wrong.append(str(error))
    return wrong


def outcome(start: Start, found: Ended) -> str:
    """Name how a start ended, for functional coverage."""
    if found.ending == "cut":
        return "reset"
    if start.legal:
        return ErrorCode(found.error).name
    return verdict(start.code, start.refusal, ErrorCode(found.error), start.parameters).name


def _ended(start: Start, found: Ended) -> None:
    code = ErrorCode(found.error)
    assert bool(found.status & Status.ERROR) == (code != ErrorCode.NONE), "status and code differ"
    assert found.aborted or code != ErrorCode.ABORTED, "aborted, but nobody asked for it"
    if start.legal:
        _ended_legal(start, found, code)
        return
    how = verdict(start.code, start.refusal, code, start.parameters)
    if how == Verdict.ACCEPTED:
        _compare(start, found)


def _ended_legal(start: Start, found: Ended, code: ErrorCode) -> None:
    disturb = start.recipe["disturb"]
    if disturb == "abort" and code == ErrorCode.ABORTED:
        return
    if disturb == "bus error" and start.step.inject[1] and code in _BUS:
        return
    # An abort may come as the program ends
    assert not found.aborted or disturb == "abort", f"no interrupt after {start.step.limit} cycles"
    assert code == ErrorCode.NONE, f"{code.name} of a legal program"
    assert not start.step.inject[1] or disturb != "bus error" or not _touched(start), (
        "DONE, but a byte that the program accesses was answered with an error"
    )
    _compare(start, found)
    assert found.overlaps == 0, f"{found.overlaps} bursts overlap one of the other direction"
    assert found.counters["macs"] == start.macs, (
        f"{found.counters['macs']} multiplications counted, {start.macs} due"
    )
    late = found.cycles - found.counters["cycles"]
    assert late in range(_OUTSIDE + 1) or start.recipe["records"] == "interrupts", (
        f"{found.cycles} cycles on the bus, {found.counters['cycles']} counted"
    )


def _touched(start: Start) -> bool:
    """Whether the program surely accesses the byte whose accesses are answered with an error."""
    return start.recipe["area"] in ("program", "outputs")


def _compare(start: Start, found: Ended) -> None:
    wrong = np.flatnonzero((found.memory != start.expected) & start.compared)
    assert not wrong.size, (
        f"{wrong.size} bytes differ from the machine's, the first at {wrong[0]:#x}: "
        f"{found.memory[wrong[0]]:#04x} in place of {start.expected[wrong[0]]:#04x}"
    )
