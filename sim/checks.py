"""Checks that invalidate a simulation's result, whatever its output bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

from ..runtime.errors import SimulationError, ToolchainError
from ..spec.parameters import Parameters
from ..spec.registers import COUNTERS, WITHOUT_REGISTER, ErrorCode, Status
from .job import Result
from .results import Outcome, Verdict

__all__ = ["attempt", "bus_faults", "other_accelerator", "stopped"]

_PORT_CYCLES = 4  # from the bus to the accelerator's start, and from its end to the interrupt


def attempt(run: Callable[[], Result], parameters: Parameters) -> Result | Outcome:
    """Run a simulation; return an outcome if it failed or the accelerator does not match."""
    try:
        result = run()
    except (ValueError, ToolchainError) as error:
        return Outcome(Verdict.BAD_INPUT, problems=(str(error),))
    except SimulationError as error:
        return Outcome(Verdict.FAILED, problems=(str(error),))
    other = other_accelerator(result, parameters)
    # before the status: another accelerator may have rejected the program
    return Outcome(Verdict.BAD_INPUT, problems=(other,)) if other else result


def stopped(result: Result) -> str:
    """Describe why the accelerator stopped early, if it did."""
    if result.status & Status.DONE and not result.status & Status.ERROR:
        return ""
    known = result.error_code in list(ErrorCode)
    code = ErrorCode(result.error_code).name if known else str(result.error_code)
    return f"the accelerator stopped with status {result.status:#04x}, error {code}"


def other_accelerator(result: Result, parameters: Parameters) -> str:
    """Name the first parameter in which the netlist differs, if any."""
    for field, wanted in asdict(parameters).items():
        if field in WITHOUT_REGISTER:
            continue
        found = result.registers.get(field.upper())
        if found != wanted:
            return f"the netlist must have been made with {field} {wanted}, got one with {found}"
    return ""


def bus_faults(result: Result) -> list[str]:
    """Bus protocol violations, and cycles not attributed to exactly one cause."""
    faults = []
    if result.protocol_errors:
        faults.append(f"the AXI protocol was violated: {result.protocol_error}")
    if result.overlaps:
        faults.append(f"{result.overlaps} bursts overlapped one of the other direction")
    total = sum(result.counters[cause] for cause in COUNTERS)
    if not 0 <= result.cycles - total <= _PORT_CYCLES * len(result.programs):
        faults.append(f"the counters by cause sum to {total:,}, not to {result.cycles:,} cycles")
    return faults
