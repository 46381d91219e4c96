"""Order between instructions: tokens, and a check that tokens order every shared access.

Each instruction has a clock, the number of instructions of every unit that are known to be done
before it starts. A unit knows its own past; a token brings its sender's knowledge along. COMPUTE
gives its tokens to the loading units when its reads are done and to STORE when its outputs are
there, so that STORE knows of outputs from COMPUTE's own tokens only. Two
accesses to the same bytes, one of them a write, must be ordered so: otherwise the hardware, which
runs the units at the same time, may do them in either order.
"""

from __future__ import annotations

from collections import deque

import numpy as np
import numpy.typing as npt

from .isa import MAX_TOKENS, Instruction, Unit

__all__ = ["AccessOrder", "Tokens"]

Clock = npt.NDArray[np.int64]


class Tokens:
    """The token counters between units, followed in program order."""

    def __init__(self) -> None:
        self._held: list[list[deque[Clock]]] = [[deque() for _ in Unit] for _ in Unit]
        self._known = np.zeros((len(Unit), len(Unit)), np.int64)

    def begin(self, unit: Unit, instruction: Instruction) -> Clock:
        """Take the tokens an instruction waits for; return its clock.

        Raises
        ------
        ValueError
            If a token is not there: in program order, no one would ever send it.
        """
        clock = self._known[unit]
        for other in Unit:
            if instruction.wait >> other & 1:
                if not self._held[other][unit]:
                    raise ValueError(f"waits for a token from {other.name} that is not there")
                writes = clock[Unit.COMPUTE]
                np.maximum(clock, self._held[other][unit].popleft(), out=clock)
                if unit == Unit.STORE and other != Unit.COMPUTE:
                    clock[Unit.COMPUTE] = writes
        return clock.copy()

    def finish(self, unit: Unit, instruction: Instruction) -> None:
        """Send the tokens an instruction signals.

        Raises
        ------
        ValueError
            If a counter would exceed `MAX_TOKENS`.
        """
        self._known[unit, unit] += 1
        for other in Unit:
            if instruction.signal >> other & 1:
                if len(self._held[unit][other]) == MAX_TOKENS:
                    raise ValueError(f"signals more than {MAX_TOKENS} tokens to {other.name}")
                self._held[unit][other].append(self._known[unit].copy())


class AccessOrder:
    """Who touched each byte of a scratchpad last, as numbers of instructions per unit."""

    def __init__(self, size: int) -> None:
        self._written = np.zeros((len(Unit), size), np.int32)
        self._read = np.zeros((len(Unit), size), np.int32)

    def access(self, unit: Unit, clock: Clock, where: slice, write: bool) -> None:
        """Record an access, after checking that what it conflicts with is done.

        Raises
        ------
        ValueError
            If no token orders it after an earlier access of another unit.
        """
        for other in Unit:
            if other == unit:
                continue
            conflict = self._written[other, where].max(initial=0)
            if write:
                conflict = max(conflict, self._read[other, where].max(initial=0))
            if conflict > clock[other]:
                raise ValueError(
                    f"{'writes' if write else 'reads'} bytes {where.start} to {where.stop - 1} "
                    f"that {other.name} may still be using: no token orders the two"
                )
        (self._written if write else self._read)[unit, where] = clock[unit] + 1
