"""Happens-before order of instructions, established by tokens.

Each instruction has a vector clock: for every unit, the number of instructions known to have
completed before it starts. A unit's own instructions are ordered; a token carries its sender's
clock. COMPUTE gives its tokens to the loading units when its reads are done, and to STORE when
its outputs are written. So only COMPUTE's own tokens tell STORE that outputs are complete. COMPUTE
reads weights once it has WEIGHT's token, whatever else it waits for. So only WEIGHT's own tokens
tell it that weights have arrived.
"""

from __future__ import annotations

from collections import deque

import numpy as np
import numpy.typing as npt

from ...spec.isa import MAX_TOKENS, Instruction, Unit

__all__ = ["Clock", "Tokens"]

Clock = npt.NDArray[np.int64]


class Tokens:
    """Token counters and clocks of the units, updated in program order."""

    def __init__(self) -> None:
        self._held: list[list[deque[Clock]]] = [[deque() for _ in Unit] for _ in Unit]
        self._known = np.zeros((len(Unit), len(Unit)), np.int64)

    def begin(self, unit: Unit, instruction: Instruction) -> Clock:
        """Take the tokens an instruction waits for; return its clock.

        Raises
        ------
        ValueError
            If a token is missing: no earlier instruction sends it.
        """
        clock = self._known[unit]
        for other in Unit:
            if instruction.wait >> other & 1:
                if not self._held[other][unit]:
                    raise ValueError(f"waits for a token from {other.name} that is not there")
                writes, weights = clock[Unit.COMPUTE], clock[Unit.WEIGHT]
                np.maximum(clock, self._held[other][unit].popleft(), out=clock)
                if unit == Unit.STORE and other != Unit.COMPUTE:
                    clock[Unit.COMPUTE] = writes
                if unit == Unit.COMPUTE and other != Unit.WEIGHT:
                    clock[Unit.WEIGHT] = weights
        return clock.copy()

    def finish(self, unit: Unit, instruction: Instruction) -> None:
        """Send the tokens an instruction signals.

        Raises
        ------
        ValueError
            If more than `MAX_TOKENS` would be held: in hardware, the counter could overflow.
        """
        self._known[unit, unit] += 1
        for other in Unit:
            if instruction.signal >> other & 1:
                if len(self._held[unit][other]) == MAX_TOKENS:
                    raise ValueError(f"signals more than {MAX_TOKENS} tokens to {other.name}")
                self._held[unit][other].append(self._known[unit].copy())
