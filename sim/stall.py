"""Describes what a hung accelerator is waiting for, and its progress."""

from collections.abc import Awaitable, Callable, Sequence

from ..spec.registers import Register, Status, UnitState

__all__ = ["describe_progress", "describe_stall"]

UNITS = ("load", "weight", "compute", "store", "fetch")  # in the register's order, four bits each

MEANING: dict[int, str] = {
    UnitState.IDLE: "idle",
    UnitState.WAITING: "waiting for another unit",
    UnitState.RUNNING: "running",
    UnitState.BUS: "waiting for memory",
}


async def describe_stall(read: Callable[[int], Awaitable[int]]) -> str:
    """Read the debug registers.

    Parameters
    ----------
    read : callable
        Coroutine function from register address to value.

    Returns
    -------
    str
        One sentence.
    """
    status = await read(Register.STATUS)
    if not status & Status.BUSY:
        return "the accelerator is not busy."
    units = await read(Register.UNITS)
    instruction = await read(Register.INSTRUCTION)
    states = []
    for i, name in enumerate(UNITS):
        code = units >> 4 * i & 0xF
        states.append(f"{name} is {MEANING.get(code, f'in state {code}')}")
    return f"after {instruction} instructions " + ", ".join(states) + "."


def describe_progress(areas: Sequence[tuple[str, int]], complete: int, entered: int) -> str:
    """Describe a program's progress.

    Parameters
    ----------
    areas : sequence of (str, int)
        Names and sizes in bytes.
    complete : int
        Number of complete areas.
    entered : int
        Bytes of the next one that have been written.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> describe_progress([("a", 10), ("b", 64)], 1, 48)
    '1 of 2 tensors are complete, and 48 of 64 bytes of b are there.'
    """
    text = f"{complete} of {len(areas)} tensors are complete"
    if complete == len(areas):
        return f"{text}."
    name, size = areas[complete]
    return f"{text}, and {entered:,} of {size:,} bytes of {name} are there."
