"""What became of a fault, in the terms of ENFOR-SA (arXiv 2602.00909)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .registers import Register
from .runs import Ended, Fault

__all__ = ["OUTCOMES", "Record", "classify", "ranking"]

OUTCOMES = ("masked", "tolerated", "sdc1", "sdc5", "due")
_UNREAD, _OVERWRITTEN, _LATER = "unread", "overwritten", "later"
_TOP = 5


@dataclass(frozen=True)
class Record:
    """One fault on one input; a row of ``faults.csv``.

    Parameters
    ----------
    level : str
        ``clean``, or the perturbation of the input.
    fault : int
        The same number is the same fault at all levels.
    block, register : str
    word, bit, cycle : int
    image : int
        Index of the input.
    outcome : str
        One of `OUTCOMES`.
    masked_in : str
        Of a masked fault, where its last effect was: the block of the last register that differed
        from the golden run; ``unread`` or ``overwritten``, if only the flipped bit ever did;
        ``later``, if the effect vanished behind the cycles that are compared one by one. Empty if
        not masked.
    masked_register : str
        That register; empty if there is none.
    end : str
        As in `Ended`.
    tensor : str
        The first tensor with a wrong write; empty if there is none.
    tensors, wrong_writes, stray_writes, violations, simulated_cycles : int
        As in `Ended`.
    top1 : int
        Index of the highest score, -1 if there is none.
    """

    level: str
    fault: int
    block: str
    register: str
    word: int
    bit: int
    cycle: int
    image: int
    outcome: str
    masked_in: str
    masked_register: str
    end: str
    tensor: str
    tensors: int
    wrong_writes: int
    stray_writes: int
    violations: int
    simulated_cycles: int
    top1: int


def ranking(scores: npt.NDArray[np.uint8]) -> list[int]:
    """Return the classes from the highest score to the lowest, equal ones in their order."""
    return np.argsort(-scores.astype(np.int64), kind="stable").tolist()


def classify(
    fault: Fault,
    ended: Ended,
    golden: npt.NDArray[np.uint8],
    *,
    level: str,
    image: int,
    registers: Sequence[Register],
    tensors: Sequence[str],
) -> Record:
    """Classify a fault.

    Parameters
    ----------
    fault : Fault
    ended : Ended
    golden : ndarray of shape (classes,), uint8
        Codes of the golden scores.
    level : str
    image : int
    registers : sequence of Register
    tensors : sequence of str
        Names of the areas, in the order in which they are written.
    """
    register = registers[fault.register]
    best = ranking(golden)
    scores = golden
    if ended.output:
        scores = np.frombuffer(ended.output, np.uint8) ^ np.uint8(0x80)
    top1 = ranking(scores)[0]
    if ended.end in ("error", "hang"):
        outcome, top1 = "due", -1
    elif not ended.wrong and not ended.output:
        outcome = "masked"
    elif top1 == best[0]:
        outcome = "tolerated"
    else:
        outcome = "sdc1" if top1 in best[:_TOP] else "sdc5"
    where, what = _masked(fault, ended, registers) if outcome == "masked" else ("", "")
    first = tensors[ended.area] if 0 <= ended.area < len(tensors) else ""
    return Record(
        level, fault.number, register.block, register.full_name, fault.word, fault.bit,
        fault.cycle, image, outcome, where, what, ended.end, first, ended.areas, ended.wrong,
        ended.strays, ended.violations, ended.cycles, top1,
    )  # fmt: skip


def _masked(fault: Fault, ended: Ended, registers: Sequence[Register]) -> tuple[str, str]:
    """Return where a fault ended, a block or one of three words; and the last register."""
    if ended.end in (_UNREAD, _OVERWRITTEN):
        return ended.end, ""
    if ended.alive or ended.end == "done" or ended.last == -1:
        return _LATER, ""
    if ended.last == fault.register:
        return _OVERWRITTEN, ""
    return registers[ended.last].block, registers[ended.last].full_name
