"""What the units' tests share: commands, tokens, and the memory behind a unit's bus."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
from stream_bench import Bench, Sink, Source

from maccord.spec.isa import FIELDS, HEADER_BITS, UNIT_OF, Instruction, Opcode, Unit, encode

__all__ = ["ReadMemory", "TokenBank", "WriteMemory", "command", "instruction"]


def command(source: Instruction, *, product: bool = False, **extra: int) -> dict[str, Any]:
    """An instruction as it lies in its unit's queue; the compute unit's has bits for fields.

    `product` says whether the hardware has SETUP_MUL.
    """
    fields: dict[str, int] | int = source.fields
    if UNIT_OF[source.opcode] == Unit.COMPUTE:
        fields = int.from_bytes(encode(source), "little") >> HEADER_BITS
        extra = {"setup": int(source.opcode not in (Opcode.COMPUTE, Opcode.TABLE))}
        extra["add"] = int(source.opcode in (Opcode.SETUP_ADD, Opcode.SETUP_MUL, Opcode.TABLE))
        if product:
            extra["mul"] = int(source.opcode == Opcode.SETUP_MUL)
    return {"wait": source.wait, "signal": source.signal} | extra | {"fields": fields}


def instruction(opcode: Opcode, wait: int = 0, signal: int = 0, **fields: int) -> Instruction:
    """An instruction whose other fields are 0."""
    return Instruction(opcode, dict.fromkeys(FIELDS[opcode], 0) | fields, wait, signal)


class TokenBank:
    """Token counters of one unit: tokens come at random, or when the test gives them.

    Parameters
    ----------
    bench : Bench
    block : component with `held`, `take` and `give`
    chance : float
        Probability with which a token of each unit comes in a cycle.
    """

    def __init__(self, bench: Bench, block: Any, chance: float = 0.0, seed: int = 0) -> None:
        self._bench, self._block = bench, block
        self._chance = chance
        self._rng = np.random.default_rng(seed)
        self._take, self._give = bench.watch(block.take), bench.watch(block.give)
        self.counts = [0] * len(Unit)
        self.given: list[tuple[int, int]] = []  # (cycle, mask)
        self.taken: list[tuple[int, int]] = []
        bench.each_cycle(self._cycle)

    def _cycle(self) -> None:
        take, give, cycle = self._take.value, self._give.value, self._bench.cycle
        if give:
            self.given.append((cycle, give))
        if take:
            self.taken.append((cycle, take))
        for unit in Unit:
            if take >> unit & 1:
                assert self.counts[unit], f"takes a token of {unit.name} it does not hold"
                self.counts[unit] -= 1
            if self._rng.random() < self._chance:
                self.counts[unit] += 1
        held = sum(1 << unit for unit in Unit if self.counts[unit])
        self._bench.drive(self._block.held, held)


class ReadMemory:
    """Answers read bursts with beats, in order, `latency` cycles after their request or later."""

    def __init__(
        self,
        bench: Bench,
        requests: Sink,
        beats: Source,
        memory: np.ndarray,
        axi_bytes: int,
        latency: int = 1,
    ) -> None:
        self._bench, self._requests, self._beats = bench, requests, beats
        self._memory, self._axi_bytes, self._latency = memory, axi_bytes, latency
        self._answered = 0
        self._due: deque[tuple[int, int]] = deque()
        bench.each_cycle(self._cycle)

    def _cycle(self) -> None:
        while self._answered < len(self._requests.items):
            burst = self._requests.items[self._answered]
            arrival = self._requests.cycles[self._answered] + self._latency
            for beat in range(burst["length"] + 1):
                start = burst["address"] + beat * self._axi_bytes
                data = self._memory[start : start + self._axi_bytes]
                self._due.append((arrival, int.from_bytes(data.tobytes(), "little")))
            self._answered += 1
        while self._due and self._due[0][0] <= self._bench.cycle + 1:
            self._beats.items.append(self._due.popleft()[1])


class WriteMemory:
    """Takes write bursts and their beats, in any order of the two; acknowledges each burst once.

    Checks that `last` comes with the last beat of each burst.
    """

    def __init__(
        self,
        bench: Bench,
        acknowledged: Any,
        requests: Sink,
        beats: Sink,
        memory: np.ndarray,
        axi_bytes: int,
        latency: int = 1,
    ) -> None:
        self._bench, self._acknowledged = bench, acknowledged
        self._requests, self._beats = requests, beats
        self.memory, self._axi_bytes, self._latency = memory, axi_bytes, latency
        self._burst = self._beat = self._seen = 0
        self._due: deque[int] = deque()
        self.acknowledgements: list[int] = []  # cycles
        self.written = np.zeros(memory.size, int)  # how often each byte was
        bench.each_cycle(self._cycle)

    def _cycle(self) -> None:
        while self._seen < len(self._beats.items) and self._burst < len(self._requests.items):
            self._write(self._beats.items[self._seen], self._requests.items[self._burst])
            self._seen += 1
        # One at a time, as on the bus.
        now = bool(self._due) and self._due[0] <= self._bench.cycle + 1
        self._bench.drive(self._acknowledged, int(now))
        if now:
            self._due.popleft()
            self.acknowledgements.append(self._bench.cycle + 1)

    def _write(self, beat: dict[str, int], burst: dict[str, int]) -> None:
        start = burst["address"] + self._beat * self._axi_bytes
        for byte in range(self._axi_bytes):
            if beat["strobe"] >> byte & 1:
                self.memory[start + byte] = beat["data"] >> 8 * byte & 0xFF
                self.written[start + byte] += 1
        assert beat["last"] == (self._beat == burst["length"])
        self._beat += 1
        if beat["last"]:
            self._beat = 0
            self._burst += 1
            self._due.append(self._bench.cycle + self._latency)
