"""A host on the AXI4-Lite control port: scripts of writes, reads and waits."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from amaranth.hdl import Cat
from stream_bench import Bench, Channel

from maccord.hw.control.control import Control

__all__ = ["Host", "Read", "Script", "Wait", "Write"]


@dataclass(frozen=True)
class Write:
    """A write; its address comes `lead` cycles before the data, or after them if negative."""

    address: int
    value: int
    strobe: int = 15
    lead: int = 0


@dataclass(frozen=True)
class Read:
    """A read; the script gets the value."""

    address: int


@dataclass(frozen=True)
class Wait:
    """Some cycles without a transfer."""

    cycles: int = 1


Script = Generator[Write | Read | Wait, int, None]


class Host:
    """Runs a script on the port: each step when the one before has been answered.

    Parameters
    ----------
    bench : Bench
    block : Control
    rate : str
        Rhythm of all five channels.
    """

    def __init__(self, bench: Bench, block: Control, rate: str = "always") -> None:
        self._bench = bench
        slow = rate if rate != "patient" else "random"

        def channel(name: str, *payload: str) -> Channel:
            names = (f"s_axi_{name}{end}" for end in (*payload, "valid", "ready"))
            *parts, valid, ready = (getattr(block, full) for full in names)
            return Channel(Cat(parts), valid, ready)

        self.aw = bench.source(channel("aw", "addr"), rate=slow)
        self.w = bench.source(channel("w", "data", "strb"), rate=slow)
        self.ar = bench.source(channel("ar", "addr"), rate=slow)
        self.b = bench.sink("B", channel("b", "resp"), rate)
        self.r = bench.sink("R", channel("r", "data", "resp"), rate)

    def write(self, step: Write) -> None:
        """Put address and data on their channels at once, in the bus's own time."""
        self.aw.items.append(step.address)
        self.w.items.append(step.value | step.strobe << 32)

    def run(self, script: Script, limit: int = 20_000) -> None:
        """Simulate until the script's end; every answer must be OKAY."""
        state = {"script": script, "step": next(script), "since": 0}
        self._show(state["step"], 0)

        def advance() -> None:
            state["since"] += 1
            answer = self._answer(state["step"], state["since"])
            if answer is None:
                self._show(state["step"], state["since"])
                return
            try:
                state["step"] = state["script"].send(answer)
            except StopIteration:
                state["step"] = None
                return
            state["since"] = 0
            self._show(state["step"], 0)

        self._bench.each_cycle(advance)
        self._bench.run(lambda: state["step"] is None, limit)
        assert not any(self.b.items)
        assert not any(item >> 32 for item in self.r.items)

    def _show(self, step: Write | Read | Wait, since: int) -> None:
        if isinstance(step, Read) and since == 0:
            self.ar.items.append(step.address)
            self._before = len(self.r.items)
        if isinstance(step, Write):
            if since == max(-step.lead, 0):
                self.aw.items.append(step.address)
            if since == max(step.lead, 0):
                self.w.items.append(step.value | step.strobe << 32)
            if since == 0:
                self._before = len(self.b.items)

    def _answer(self, step: Write | Read | Wait, since: int) -> int | None:
        if isinstance(step, Wait):
            return 0 if since >= step.cycles else None
        sink = self.b if isinstance(step, Write) else self.r
        if len(sink.items) == self._before:
            return None
        return sink.items[-1] & 0xFFFF_FFFF
