"""Proof that program order never deadlocks: while instructions are left, something can go on.

A model of dispatch, queues, units and tokens: every program of `PROGRAM` instructions whose waits
are for tokens of earlier ones, in every state that it can reach and in more. The compiler's
programs are such: the instruction-level machine refuses others. That counters lose nothing and
units take what they hold is proved of the hardware in `test_tokens`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product

import pytest
from symbolic import both, either
from transition import Counterexample, literal, prove

from maccord.spec.isa import Unit

PROGRAM = 8  # instructions
WIDTH = 8
UNITS = range(len(Unit))
NONE = literal(0, WIDTH)


def total(terms: Iterable[str]) -> str:
    """How many of the terms hold."""
    found = NONE
    for term in terms:
        found = f"(bvadd {found} (ite {term} {literal(1, WIDTH)} {NONE}))"
    return found


def of(i: int, unit: int) -> str:
    return f"(= unit{i} {literal(unit, 2)})"


def masks(name: str, i: int, unit: int) -> str:
    return f"(= ((_ extract {unit} {unit}) {name}{i}) #b1)"


def rank(i: int, unit: int) -> str:
    """A unit's instructions before one."""
    return total(of(j, unit) for j in range(i))


def tokens(giver: int, taker: int, given: Iterable[str], taken: Iterable[str]) -> str:
    """Tokens held, after the instructions that satisfy the conditions have given and taken."""
    gives = (both((of(j, giver), masks("signal", j, taker), c)) for j, c in enumerate(given))
    takes = (both((of(j, taker), masks("wait", j, giver), c)) for j, c in enumerate(taken))
    return f"(bvsub {total(gives)} {total(takes)})"


def held(giver: int, taker: int) -> str:
    """In a state: what is completed has given, the head of a queue may have taken."""
    given = (f"(bvult {rank(j, giver)} done{giver})" for j in range(PROGRAM))
    taken = (f"(bvult {rank(j, taker)} taken{taker}_{giver})" for j in range(PROGRAM))
    return tokens(giver, taker, given, taken)


def dispatched(unit: int) -> str:
    """A unit's instructions that are dispatched."""
    return total(
        both((of(i, unit), f"(bvult {literal(i, WIDTH)} dispatched)")) for i in range(PROGRAM)
    )


def states(queue: int) -> Iterator[str]:
    """Yield what holds in a state, whose queues hold `queue` instructions each.

    `done`: instructions that a unit has completed; `taken`: those that have taken their tokens of
    another unit, in order.
    """
    yield f"(bvule dispatched {literal(PROGRAM, WIDTH)})"
    for unit in UNITS:
        yield f"(bvule done{unit} {dispatched(unit)})"
        yield f"(bvule (bvsub {dispatched(unit)} done{unit}) {literal(queue, WIDTH)})"
        for other in UNITS:
            taken = f"taken{unit}_{other}"
            yield f"(bvuge {taken} done{unit})"
            yield f"(bvule {taken} {dispatched(unit)})"
            yield f"(bvsge {held(other, unit)} {NONE})"


def in_order() -> Iterator[str]:
    """Yield that each token waited for is held in program order."""
    for i, unit, other in product(range(PROGRAM), UNITS, UNITS):
        before = ["true"] * i
        waits = both((of(i, unit), masks("wait", i, other)))
        yield f"(=> {waits} (bvsgt {tokens(other, unit, before, before)} {NONE}))"


def steps(queue: int) -> Iterator[str]:
    """Yield whether dispatch, or the instruction at the head of a unit's queue, can go on."""
    for i, unit in product(range(PROGRAM), UNITS):
        room = f"(bvult (bvsub {dispatched(unit)} done{unit}) {literal(queue, WIDTH)})"
        yield both((of(i, unit), f"(= dispatched {literal(i, WIDTH)})", room))
        reached = f"(bvult {literal(i, WIDTH)} dispatched)"
        head = both((of(i, unit), reached, f"(= {rank(i, unit)} done{unit})"))
        for other in UNITS:
            there = f"(bvsgt {held(other, unit)} {NONE})"
            turn = f"(= taken{unit}_{other} done{unit})"
            yield both((head, turn, f"(or (not {masks('wait', i, other)}) {there})"))
        yield both((head, *(f"(bvugt taken{unit}_{other} done{unit})" for other in UNITS)))


def goes_on(queue: int, *, ordered: bool = True) -> None:
    """Unless all instructions are completed, there is a step."""
    declared = {"dispatched": WIDTH}
    for i in range(PROGRAM):
        declared |= {f"unit{i}": 2, f"wait{i}": len(Unit), f"signal{i}": len(Unit)}
    for unit in UNITS:
        declared[f"done{unit}"] = WIDTH
        declared |= {f"taken{unit}_{other}": WIDTH for other in UNITS}
    completed = NONE
    for unit in UNITS:
        completed = f"(bvadd {completed} done{unit})"
    ended = f"(= {completed} {literal(PROGRAM, WIDTH)})"
    assumed = [*states(queue), *(in_order() if ordered else ())]
    prove(declared, assumed, [either((ended, *steps(queue)))], show=declared)


@pytest.mark.parametrize("queue", [1, 3])
def test_programs_in_order_never_deadlock(queue: int) -> None:
    goes_on(queue)


def test_a_program_out_of_order_deadlocks() -> None:
    """An instruction that waits for a later one's token."""
    with pytest.raises(Counterexample, match="dispatched = "):
        goes_on(1, ordered=False)
