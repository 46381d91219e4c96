"""The circuit that tells a mutant from the design: 1 in a cycle in which their outputs differ."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from .aiger import Aig

__all__ = ["miter"]


class _Builder:
    """Adds ANDs, each once; literals are those of the circuit that it builds."""

    def __init__(self, first: int) -> None:
        self.first = first  # variable of the first AND
        self.ands: list[tuple[int, int]] = []
        self._known: dict[tuple[int, int], int] = {}

    def both(self, a: int, b: int) -> int:
        if a > b:
            a, b = b, a
        if a == 0 or a ^ 1 == b:
            return 0
        if a in (1, b):
            return b
        found = self._known.get((a, b))
        if found is None:
            found = 2 * (self.first + len(self.ands))
            self._known[a, b] = found
            self.ands.append((a, b))
        return found

    def differ(self, a: int, b: int) -> int:
        return self.both(self.both(a, b) ^ 1, self.both(a ^ 1, b ^ 1) ^ 1)

    def any(self, literals: Iterable[int]) -> int:
        found = 1
        for literal in literals:
            found = self.both(found, literal ^ 1)
        return found ^ 1


def _reached(circuit: Aig, switch: int, ends: Collection[int]) -> set[int]:
    """Variables that a switch may change, in its cycle or later, but not by way of `ends`."""
    first_latch = 1 + circuit.inputs
    first_and = first_latch + len(circuit.latches)
    readers: dict[int, list[int]] = defaultdict(list)
    for number, (a, b) in enumerate(circuit.ands):
        readers[a >> 1].append(first_and + number)
        readers[b >> 1].append(first_and + number)
    for number, literal in enumerate(circuit.latches):
        readers[literal >> 1].append(first_latch + number)
    found, waiting = {switch}, [switch]
    while waiting:
        for reader in readers[waiting.pop()]:
            if reader not in found:
                found.add(reader)
                if reader not in ends:
                    waiting.append(reader)
    return found


def miter(circuit: Aig, switch: int, others: Iterable[int], *, apart: bool = False) -> Aig | None:
    """Compare a circuit with itself while one of its inputs is 1.

    What the switch reaches exists twice, everything else once: inputs are the same on both sides.

    Parameters
    ----------
    circuit : Aig
    switch : int
        Variable of an input, which is 0 on one side and 1 on the other.
    others : iterable of int
        Variables of inputs that are 0 on both sides.
    apart : bool
        Whether what reads an output reads that of the design on both sides. The outputs are then
        the boundary of a part, around which everything exists once: if none ever differs, nothing
        around them does.

    Returns
    -------
    Aig or None
        With one output: whether any of the circuit's differs. None if the switch reaches none.
    """
    ends = {literal >> 1 for literal in circuit.outputs} if apart else set[int]()
    reached = _reached(circuit, switch, ends)
    compared = [literal for literal in circuit.outputs if literal >> 1 in reached]
    if not compared:
        return None
    inputs, count = circuit.inputs, len(circuit.latches)
    first_latch, first_and = 1 + inputs, 1 + inputs + count
    twice = [number for number in range(count) if first_latch + number in reached]
    build = _Builder(first_and + len(twice))
    design = [2 * variable for variable in range(first_and)] + [0] * len(circuit.ands)
    for other in others:
        design[other] = 0
    design[switch] = 0
    # What the mutant reads, and what it gives: the same but for ends
    given = {first_latch + number: 2 * (first_and + i) for i, number in enumerate(twice)}
    given[switch] = 1
    read = {variable: literal for variable, literal in given.items() if variable not in ends}
    for variable, (a, b) in enumerate(circuit.ands, first_and):
        own = build.both(design[a >> 1] ^ a & 1, design[b >> 1] ^ b & 1)
        design[variable] = own
        if variable in reached:
            left = read.get(a >> 1, design[a >> 1]) ^ a & 1
            right = read.get(b >> 1, design[b >> 1]) ^ b & 1
            given[variable] = build.both(left, right)
            if variable not in ends:
                read[variable] = given[variable]

    def on(literal: int, side: Mapping[int, int]) -> int:
        return side.get(literal >> 1, design[literal >> 1]) ^ literal & 1

    differ = build.any(build.differ(on(literal, {}), on(literal, given)) for literal in compared)
    latches = [on(literal, {}) for literal in circuit.latches]
    latches += [on(circuit.latches[number], read) for number in twice]
    return _needed(Aig(inputs, latches, [differ], build.ands))


def _needed(circuit: Aig) -> Aig:
    """Keep what the outputs depend on; inputs and latches are numbered anew."""
    first_latch = 1 + circuit.inputs
    first_and = first_latch + len(circuit.latches)
    seen: set[int] = {0}
    waiting = [literal >> 1 for literal in circuit.outputs]
    while waiting:
        variable = waiting.pop()
        if variable in seen:
            continue
        seen.add(variable)
        if variable >= first_and:
            waiting += (literal >> 1 for literal in circuit.ands[variable - first_and])
        elif variable >= first_latch:
            waiting.append(circuit.latches[variable - first_latch] >> 1)
    names = {variable: number for number, variable in enumerate(sorted(seen))}

    def renamed(literal: int) -> int:
        return 2 * names[literal >> 1] | literal & 1

    return Aig(
        sum(1 for variable in range(1, first_latch) if variable in seen),
        [renamed(next_) for n, next_ in enumerate(circuit.latches) if first_latch + n in seen],
        [renamed(literal) for literal in circuit.outputs],
        [
            (renamed(a), renamed(b))
            for n, (a, b) in enumerate(circuit.ands)
            if first_and + n in seen
        ],
    )
