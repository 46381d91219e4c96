"""From drafts to a program: dependences, instruction order, and tokens.

Units run concurrently, each executing its own instructions in order. Program order determines
only how early an instruction is dispatched. Loads and weights are prefetched ahead of the COMPUTE
that needs them, as soon as the data that they overwrite is dead. The number of prefetches per
unit is limited, so that a full queue does not block dispatch to the other units.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..spec.isa import Instruction, Mode, Opcode, Unit
from .drafts import Draft, Region, Space

__all__ = ["link", "linked", "needs", "order"]

_UNITS = tuple(int(unit) for unit in Unit)
# Granularity of dependence tracking, bytes: no two buffers or weight beats share a grain. In memory
# a beat is the least: a read takes it whole, so its other bytes must not be in flight either.
_GRAIN = {Space.MEMORY: 16, Space.ACTIVATION: 16, Space.WEIGHT: 8, Space.OUTPUT: 64}
_PAGE = 4096  # bytes; memory that no draft touches takes no grains
_AHEAD = 6  # instructions dispatched ahead per unit; its queue holds 8
_SOME = 4  # weights prefetched for a later part while the bus has more urgent work
_FRESH = 8  # COMPUTEs that may still be in flight when later ones are dispatched
_SLOW, _SLOW_AHEAD = 64, 2  # the same, and loads ahead, behind functions of rows
_BEHIND = 16  # instructions; older ones have completed, so a later one's token is taken

_SETUPS = (Opcode.SETUP, Opcode.SETUP_ADD, Opcode.SETUP_MUL)
_TOKENLESS = (*_SETUPS, Opcode.RECORD, Opcode.SETUP_ROW, Opcode.ROW_TABLE, Opcode.ROWS)

Needs = list[list[int]]
Grains = slice | npt.NDArray[np.int64]


def link(drafts: Sequence[Draft], axi_bytes: int) -> list[Instruction]:
    """Convert drafts to a program, `END` included.

    Parameters
    ----------
    drafts : sequence of Draft
        In an order that is correct when executed sequentially.
    axi_bytes : int
        Bytes per beat of the memory bus.

    Returns
    -------
    list of Instruction
        Each unit's instructions in the given order; tokens order all conflicting accesses.
    """
    return linked(drafts, axi_bytes)[0]


def linked(drafts: Sequence[Draft], axi_bytes: int) -> tuple[list[Instruction], list[int]]:
    """Return the program, as `link` does, and the draft of each instruction but `END`."""
    wanted = needs(drafts, axi_bytes)
    placed = order(drafts, wanted)
    return [*_tokens(drafts, wanted, placed), Instruction(Opcode.END, {})], placed


class _Accesses:
    """The last draft of each unit to access each grain of a space, counted from 1 per unit."""

    def __init__(self, grains: int) -> None:
        self._written = np.zeros((len(Unit), grains), np.int32)
        self._read = np.zeros((len(Unit), grains), np.int32)
        self._writers: list[int] = []
        self._readers: list[int] = []

    def conflicts(self, unit: int, where: Grains, write: bool, wanted: list[int]) -> None:
        """Raise `wanted` to the drafts of other units on which an access depends."""
        for other in self._writers:
            if other != unit:
                last = int(self._written[other, where].max())
                if last > wanted[other]:
                    wanted[other] = last
        if not write:
            return
        for other in self._readers:
            if other != unit:
                last = int(self._read[other, where].max())
                if last > wanted[other]:
                    wanted[other] = last

    def note(self, unit: int, number: int, where: Grains, write: bool) -> None:
        """Note an access."""
        units, table = (self._writers, self._written) if write else (self._readers, self._read)
        if unit not in units:
            units.append(unit)
        table[unit, where] = number


class _Numbering:
    """Numbers the grains of each space; in memory only those of pages that a draft touches."""

    def __init__(self, drafts: Sequence[Draft], axi_bytes: int) -> None:
        least = _GRAIN[Space.MEMORY]
        self._grain = {**_GRAIN, Space.MEMORY: max(least, axi_bytes)}
        self._per_page = _PAGE // self._grain[Space.MEMORY]
        regions = [region for draft in drafts for region in (*draft.reads, *draft.writes)]
        ends = [max((r.end for r in regions if r.space == space), default=0) for space in Space]
        touched = np.zeros(ends[Space.MEMORY] // _PAGE + 1, np.int64)
        for region in regions:
            if region.space == Space.MEMORY:
                touched[region.start // _PAGE : -(-region.end // _PAGE)] = 1
        self._pages = (np.cumsum(touched) - 1) * self._per_page
        self.sizes = [ends[space] // self._grain[space] + 1 for space in Space]
        self.sizes[Space.MEMORY] = int(touched.sum()) * self._per_page + 1

    def grains(self, region: Region) -> Grains:
        """Return the grains of a region."""
        grain, paged = self._grain[region.space], region.space == Space.MEMORY
        if not region.pitch:
            first, last = region.start // grain, (region.end - 1) // grain
            if paged:
                first, last = (int(self._in_page(np.array(n * grain))) for n in (first, last))
            return slice(first, last + 1)
        starts = np.arange(region.start, region.end, region.pitch)
        firsts, lasts = starts // grain, (starts + region.row_bytes - 1) // grain
        most = int((lasts - firsts).max()) + 1
        found = np.minimum(firsts[:, None] + np.arange(most), lasts[:, None]).reshape(-1)
        return self._in_page(found * grain) if paged else found

    def _in_page(self, addresses: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        return self._pages[addresses // _PAGE] + addresses % _PAGE // self._grain[Space.MEMORY]


def needs(drafts: Sequence[Draft], axi_bytes: int) -> Needs:
    """For each draft, the number of drafts of each other unit that must complete before it."""
    numbering = _Numbering(drafts, axi_bytes)
    accesses = [_Accesses(numbering.sizes[space]) for space in Space]
    counts = [0] * len(Unit)
    number: dict[int, int] = {}
    result: list[list[int]] = []
    for draft in drafts:
        unit = int(draft.unit)
        wanted = [0] * len(Unit)
        touched = [
            (accesses[region.space], numbering.grains(region), write)
            for regions, write in ((draft.reads, False), (draft.writes, True))
            for region in regions
        ]
        for access, where, write in touched:
            access.conflicts(unit, where, write, wanted)
        for other in draft.after:
            wanted[other.unit] = max(wanted[other.unit], number[id(other)])
        wanted[unit] = 0
        counts[unit] += 1
        number[id(draft)] = counts[unit]
        for access, where, write in touched:
            access.note(unit, counts[unit], where, write)
        result.append(wanted)
    return result


def order(drafts: Sequence[Draft], wanted: Needs) -> list[int]:
    """Order the drafts: dependences of each COMPUTE, then prefetches, then the COMPUTE."""
    return _Placing(drafts, wanted).run()


class _Placing:
    def __init__(self, drafts: Sequence[Draft], wanted: Needs) -> None:
        self.drafts, self.wanted = drafts, wanted
        self.queues: list[list[int]] = [[] for _ in Unit]
        for index, draft in enumerate(drafts):
            self.queues[draft.unit].append(index)
        self.done = [0] * len(Unit)
        self.placed: list[int] = []
        # A function of rows takes long: loads that need its results must not fill their queue
        self.slow = any(draft.opcode == Opcode.ROWS for draft in drafts)
        self.parts = {unit: self._parts(unit) for unit in (Unit.LOAD, Unit.WEIGHT)}

    def _parts(self, unit: Unit) -> list[int]:
        """For each draft, the number of setups before the COMPUTE that needs it."""
        parts: list[int] = []
        part = 0
        for index in self.queues[Unit.COMPUTE]:
            part += self.drafts[index].opcode in _SETUPS
            parts += [part] * (self.wanted[index][unit] - len(parts))
        return parts + [part] * (len(self.queues[unit]) - len(parts))

    def run(self) -> list[int]:
        weights = loads = 0  # consumed by the drafts placed so far
        recent = _SLOW if self.slow else _FRESH
        stored = deque([0] * recent, maxlen=recent)
        part, busy = 0, False  # busy: the current part is bus-bound
        for index in self.queues[Unit.COMPUTE]:
            draft = self.drafts[index]
            if draft.opcode in _SETUPS:
                part += 1
                busy = draft.opcode != Opcode.SETUP or draft.fields["mode"] != Mode.DENSE
            before = self.done[Unit.LOAD]
            self._place_needed(index)
            begins = self.done[Unit.LOAD] > before
            weights = max(weights, self.wanted[index][Unit.WEIGHT])
            loads = max(loads, self.wanted[index][Unit.LOAD])
            urgent = busy or draft.opcode in _SETUPS
            self._weights_ahead(weights + _AHEAD, part, weights + _SOME if urgent else -1)
            self._load_ahead(_AHEAD if begins else _AHEAD // 2, loads, part, stored[0])
            self._place(index)
            self._ahead(Unit.STORE, _AHEAD)
            stored.append(self.done[Unit.STORE])
        for unit in _UNITS:
            self._advance(unit, len(self.queues[unit]))
        return self.placed

    def _place(self, index: int) -> None:
        self.placed.append(index)
        self.done[Unit.COMPUTE] += 1

    def _place_needed(self, index: int) -> None:
        """Place the dependences of a draft."""
        for unit in (Unit.WEIGHT, Unit.LOAD, Unit.STORE, Unit.COMPUTE):
            self._advance(unit, self.wanted[index][unit])

    def _advance(self, unit: int, count: int) -> None:
        """Place a unit's drafts until `count` of them are placed."""
        while self.done[unit] < count:
            index = self.queues[unit][self.done[unit]]
            self._place_needed(index)
            self.placed.append(index)
            self.done[unit] += 1

    def _weights_ahead(self, until: int, part: int, later: int) -> None:
        """Place weights up to number `until`, for a later part up to `later` (-1: no limit)."""
        queue = self.queues[Unit.WEIGHT]
        while self.done[Unit.WEIGHT] < min(until, len(queue)):
            done = self.done[Unit.WEIGHT]
            if later >= 0 and self.parts[Unit.WEIGHT][done] > part and done >= later:
                return
            self._ahead(Unit.WEIGHT, 1)
            if self.done[Unit.WEIGHT] == done:
                return

    def _load_ahead(self, most: int, used: int, part: int, stored: int) -> None:
        """Place up to `most` loads, but few for a later part that depend on a recent store.

        They would fill the queue and block the rest of the current part.
        """
        queue = self.queues[Unit.LOAD]
        for _ in range(most):
            done = self.done[Unit.LOAD]
            if done == len(queue):
                return
            fresh = self.wanted[queue[done]][Unit.STORE] > stored
            if fresh and self.parts[Unit.LOAD][done] > part and done - used >= _AHEAD:
                return
            if fresh and self.slow and done - used >= _SLOW_AHEAD:
                return
            self._ahead(Unit.LOAD, 1)

    def _ahead(self, unit: int, most: int) -> None:
        """Place up to `most` more drafts of a unit, while their dependences are placed."""
        queue = self.queues[unit]
        while most > 0 and self.done[unit] < len(queue):
            index = queue[self.done[unit]]
            wanted = self.wanted[index]
            if any(wanted[other] > self.done[other] for other in _UNITS):
                return
            self.placed.append(index)
            self.done[unit] += 1
            most -= 1


def _tokens(drafts: Sequence[Draft], wanted: Needs, placed: Sequence[int]) -> list[Instruction]:
    """Add waits and signals for dependences that are not already implied (vector clocks).

    Taking a token implies everything that its sender had completed or waited for before.
    """
    waits, signals = [0] * len(drafts), [0] * len(drafts)
    members: list[list[int]] = [[] for _ in Unit]  # the unit's drafts so far
    clocks: list[list[npt.NDArray[np.int64]]] = [[] for _ in Unit]  # vector clock after each
    known = [np.zeros(len(Unit), np.int64) for _ in Unit]
    for index in placed:
        unit = drafts[index].unit
        clock = known[unit].copy()
        for other in _UNITS:
            need = wanted[index][other]
            if need <= clock[other]:
                continue
            need = _giver(drafts, members[other], need, unit)
            waits[index] |= 1 << other
            signals[members[other][need - 1]] |= 1 << unit
            writes, weights = clock[Unit.COMPUTE], clock[Unit.WEIGHT]
            np.maximum(clock, clocks[other][need - 1], out=clock)
            if unit == Unit.STORE and other != Unit.COMPUTE:
                clock[Unit.COMPUTE] = writes  # other units' tokens imply only COMPUTE's reads
            if unit == Unit.COMPUTE and other != Unit.WEIGHT:
                clock[Unit.WEIGHT] = weights  # it reads weights before it has the other tokens
        members[unit].append(index)
        clock[unit] = len(members[unit])
        known[unit] = clock
        clocks[unit].append(clock)
    return [Instruction(drafts[i].opcode, drafts[i].fields, waits[i], signals[i]) for i in placed]


def _giver(drafts: Sequence[Draft], members: Sequence[int], need: int, taker: Unit) -> int:
    """Choose the draft that signals `taker`: a unit's draft number `need`, or a later one.

    Taking tokens soon after they are sent keeps the token counters small.
    """
    late = len(members) - _BEHIND
    while late > need and not _gives(drafts[members[late - 1]], taker):
        late -= 1
    giver = max(need, late)
    opcode = drafts[members[giver - 1]].opcode
    if opcode in _TOKENLESS:
        raise ValueError(f"{opcode.name} gives no token, and nothing behind it stands for it")
    return giver


def _gives(draft: Draft, taker: Unit) -> bool:
    """Whether a draft's token reaches a unit: COMPUTE signals STORE when it has written outputs."""
    if draft.opcode == Opcode.COMPUTE and taker == Unit.STORE:
        return bool(draft.fields.get("last", 1))
    return draft.opcode not in _TOKENLESS
