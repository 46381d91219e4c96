"""Drives a block cycle by cycle; its output streams are checked for their handshake rules."""

from __future__ import annotations

import gc
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, repeat
from typing import Any, NamedTuple

import numpy as np
from amaranth.hdl import Shape, UnusedElaboratable, Value
from amaranth.lib import data
from amaranth.sim import Simulator

RHYTHMS = ("always", "random", "bursts", "patient")


class Channel(NamedTuple):
    """A stream made of separate signals, such as an AXI channel's."""

    payload: Any
    valid: Any
    ready: Any


def rhythm(name: str, rng: np.random.Generator) -> Iterator[bool]:
    """In which cycles a side of a stream is willing.

    Parameters
    ----------
    name : str
        "always"; "random", half the cycles; "bursts", long runs of either; "patient", as random,
        and a sink with it is ready only after it has seen `valid`.
    rng : numpy.random.Generator
    """
    if name == "always":
        return repeat(True)
    if name not in RHYTHMS:
        raise ValueError(f"rhythm must be one of {', '.join(RHYTHMS)}, got {name}")
    return _runs(rng, 12 if name == "bursts" else 0)


def _runs(rng: np.random.Generator, longest: int) -> Iterator[bool]:
    while True:
        if longest:
            yield from repeat(True, int(rng.integers(1, longest)))
            yield from repeat(False, int(rng.integers(1, longest)))
        else:
            yield from (rng.random(256) < 0.5).tolist()


def encode(shape: Any, item: Any) -> int:
    """Bits of a payload, given as an integer or as a (nested) mapping of its fields."""
    if isinstance(shape, data.StructLayout):
        bits = 0
        for name, value in item.items():
            field = shape[name]
            bits |= encode(field.shape, value) << field.offset
        return bits
    return int(item) & (1 << Shape.cast(shape).width) - 1


def decode(shape: Any, bits: int) -> Any:
    """Payload as an integer, or as a (nested) dict of its fields."""
    if isinstance(shape, data.StructLayout):
        return {
            name: decode(field.shape, bits >> field.offset & (1 << field.width) - 1)
            for name, field in shape
        }
    shape = Shape.cast(shape)
    return bits - (1 << shape.width) if shape.signed and bits >> shape.width - 1 else bits


@contextmanager
def unused_blocks() -> Iterator[None]:
    """Let blocks that are made here be dropped without use, which Amaranth warns of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnusedElaboratable)
        yield
        gc.collect()


def refusal(make: Callable[[], object]) -> str:
    """Text of the ValueError with which a block refuses its options."""
    text = ""
    with unused_blocks():
        try:
            make()
        except ValueError as error:
            text = str(error)
    assert text, "was not refused"
    return text


class Watched:
    """A signal that is recorded in every cycle."""

    def __init__(self, signal: Any) -> None:
        self._shape = signal.shape()
        self.bits: list[int] = []

    @property
    def value(self) -> Any:
        """The last sample, 0 before there is one."""
        return decode(self._shape, self.bits[-1] if self.bits else 0)

    @property
    def values(self) -> list[Any]:
        """All samples, by cycle."""
        return [decode(self._shape, bits) for bits in self.bits]


class Source:
    """Feeds `items` into an input stream, and keeps `valid` until each is taken."""

    def __init__(self, channel: Any, items: Iterable[Any], willing: Iterator[bool]) -> None:
        self.channel = channel
        self.items = deque(items)
        self.cycles: list[int] = []  # in which each item was taken
        self._willing = willing
        self._shown = False

    def before(self, bench: Bench) -> None:
        if not self._shown and self.items and next(self._willing):
            self._shown = True
            bench.drive(self.channel.payload, self.items[0])
        bench.drive(self.channel.valid, int(self._shown))

    def after(self, bench: Bench, ready: int) -> None:
        if self._shown and ready:
            self.items.popleft()
            self.cycles.append(bench.cycle)
            self._shown = False


class Sink:
    """Takes the payloads of an output stream.

    Checks that `valid` and the payload, once shown, stay until they are taken; with the rhythm
    "patient", also that `valid` does not wait for `ready`.
    """

    def __init__(self, name: str, channel: Any, willing: Iterator[bool], patient: bool) -> None:
        self.name = name
        self.channel = channel
        self.items: list[Any] = []
        self.cycles: list[int] = []
        self._shape = channel.payload.shape()
        self._willing = willing
        self._patient = patient
        self._ready = False
        self._pending: int | None = None

    def before(self, bench: Bench) -> None:
        seen = self._pending is not None or not self._patient
        self._ready = next(self._willing) and seen
        bench.drive(self.channel.ready, int(self._ready))

    def after(self, bench: Bench, valid: int, bits: int) -> None:
        if self._pending is not None:
            assert valid, f"{self.name}: valid falls before ready, cycle {bench.cycle}"
            assert bits == self._pending, f"{self.name}: payload changes, cycle {bench.cycle}"
        self._pending = bits if valid and not self._ready else None
        if valid and self._ready:
            self.items.append(decode(self._shape, bits))
            self.cycles.append(bench.cycle)


class Bench:
    """A block in domain `sync`, its sources, sinks and watched signals.

    Parameters
    ----------
    block : wiring.Component
    seed : int
        Of all rhythms.
    """

    def __init__(self, block: Any, seed: int = 0) -> None:
        self.cycle = -1  # the last one sampled
        self._block = block
        self._rng = np.random.default_rng(seed)
        self._sources: list[Source] = []
        self._sinks: list[Sink] = []
        self._watched: list[tuple[Any, Watched]] = []
        self._callbacks: list[Callable[[], None]] = []
        self._driven: dict[int, tuple[Any, int]] = {}
        self._changed: dict[int, tuple[Any, int]] = {}

    def source(self, channel: Any, items: Iterable[Any] = (), rate: str = "always") -> Source:
        """Drive an input stream."""
        self._sources.append(Source(channel, items, rhythm(rate, self._rng.spawn(1)[0])))
        return self._sources[-1]

    def sink(self, name: str, channel: Any, rate: str = "always", stalled: int = 0) -> Sink:
        """Take from an output stream, after some cycles if `stalled`, and check it."""
        willing = chain(repeat(False, stalled), rhythm(rate, self._rng.spawn(1)[0]))
        self._sinks.append(Sink(name, channel, willing, rate == "patient"))
        return self._sinks[-1]

    def watch(self, signal: Any) -> Watched:
        """Record a signal in every cycle."""
        watched = Watched(signal)
        self._watched.append((Value.cast(signal), watched))
        return watched

    def each_cycle(self, callback: Callable[[], None]) -> None:
        """Call after each sample; what it drives holds from the next cycle on."""
        self._callbacks.append(callback)

    def drive(self, signal: Any, item: Any) -> None:
        """Set an input from the coming cycle on."""
        value = Value.cast(signal)
        bits = encode(signal.shape(), item)
        if self._driven.get(id(value), (None, None))[1] != bits:
            self._driven[id(value)] = self._changed[id(value)] = (value, bits)

    def run(self, done: Callable[[], bool], limit: int = 20_000) -> int:
        """Simulate until `done` says so after a cycle; return the number of cycles.

        Raises
        ------
        AssertionError
            If it does not within `limit` cycles.
        """

        async def testbench(ctx: Any) -> None:
            await self._loop(ctx, done, limit)

        simulator = Simulator(self._block)
        simulator.add_clock(1e-6)
        simulator.add_testbench(testbench)
        simulator.run()
        return self.cycle + 1

    async def _loop(self, ctx: Any, done: Callable[[], bool], limit: int) -> None:
        signals = [s.channel.ready for s in self._sources]
        for sink in self._sinks:
            signals += [sink.channel.valid, Value.cast(sink.channel.payload)]
        signals += [value for value, _ in self._watched]
        self._prepare(ctx)
        async for _clock, _reset, *values in ctx.tick().sample(*signals):
            samples = iter(values)
            self.cycle += 1
            for source in self._sources:
                source.after(self, next(samples))
            for sink in self._sinks:
                sink.after(self, next(samples), next(samples))
            for (_, watched), bits in zip(self._watched, samples, strict=True):
                watched.bits.append(bits)
            for callback in self._callbacks:
                callback()
            if done():
                return
            assert self.cycle < limit, f"nothing came of it in {limit} cycles"
            self._prepare(ctx)

    def _prepare(self, ctx: Any) -> None:
        """Drive the inputs of the coming cycle."""
        for end in (*self._sources, *self._sinks):
            end.before(self)
        for value, bits in self._changed.values():
            ctx.set(value, bits)
        self._changed.clear()
