"""Race detection: tokens must order any two conflicting accesses of different units.

Two accesses conflict if they touch the same bytes and one is a write. The units run concurrently,
so without a token the hardware may perform them in either order.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...spec.isa import Unit
from ..control.tokens import Clock

__all__ = ["AccessOrder", "UnorderedError"]


Bytes = slice | npt.NDArray[np.int64]


def _ends(where: Bytes) -> tuple[int, int]:
    if isinstance(where, slice):
        return where.start, where.stop - 1
    return int(where.min()), int(where.max())


class UnorderedError(ValueError):
    """No token orders two conflicting accesses."""


class AccessOrder:
    """Last accesses to each byte of a scratchpad, as instruction numbers per unit."""

    def __init__(self, size: int) -> None:
        self._written = np.zeros((len(Unit), size), np.int32)
        self._read = np.zeros((len(Unit), size), np.int32)

    def access(self, unit: Unit, clock: Clock, where: Bytes, write: bool) -> None:
        """Note an access, after checking that conflicting accesses have completed.

        Raises
        ------
        UnorderedError
            If no token orders it after an earlier access of another unit.
        """
        for other in Unit:
            if other == unit:
                continue
            conflict = self._written[other, where].max(initial=0)
            if write:
                conflict = max(conflict, self._read[other, where].max(initial=0))
            if conflict > clock[other]:
                first, last = _ends(where)
                raise UnorderedError(
                    f"{'writes' if write else 'reads'} bytes {first} to {last} "
                    f"that {other.name} may still be using: no token orders the two"
                )
        (self._written if write else self._read)[unit, where] = clock[unit] + 1
