"""Says what an accelerator that does not finish is waiting for."""

from collections.abc import Awaitable, Callable

from ..golden.registers import Register, Status, UnitState

__all__ = ["describe_stall"]

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
