"""Pipeline registers for functions written as straight-line code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from amaranth.hdl import Cat, Module, Mux, Signal, Value

__all__ = ["Cut", "activity", "clamp", "stages"]


class Cut(Protocol):
    """Passes values to the next stage, registered or unchanged."""

    def __call__(self, **values: Value) -> tuple[Value, ...]: ...


def stages(m: Module, enables: Sequence[Value], suffix: str = "", first: int = 1) -> Cut:
    """Return a function that registers a pipeline's values, one stage per call.

    Parameters
    ----------
    m : Module
        Receives the registers, in domain `sync`, without reset.
    enables : sequence of Value
        Clock enable of each stage's registers.
    suffix : str
        Suffix of the registers' names.
    first : int
        Number of the first stage, used in the names.

    Returns
    -------
    callable
        Takes named values and returns them in the same order, one stage later.
    """
    remaining = iter(enumerate(enables, first))

    def registers(**values: Value) -> tuple[Value, ...]:
        stage, enable = next(remaining)
        cut = [
            Signal.like(value, name=f"{name}_{stage}{suffix}", reset_less=True)
            for name, value in values.items()
        ]
        with m.If(enable):
            m.d.sync += [a.eq(b) for a, b in zip(cut, values.values(), strict=True)]
        return tuple(cut)

    return registers


def activity(m: Module, valid: Value, count: int) -> list[Value]:
    """Return the clock enables of a pipeline's stages: each is set when a value enters the stage.

    Yosys merges identical valid-bit shift registers of neighbouring pipelines into one with a
    large fan-out. Storing *idle* instead of *valid* keeps one chain per pipeline.

    Parameters
    ----------
    m : Module
        Receives the registers, in domain `sync`.
    valid : Value
        A value enters the first stage.
    count : int
        Stages, 2 or more.

    Returns
    -------
    list of Value
        One per stage; the first is `valid`.
    """
    idle = Signal(count - 1, init=(1 << count - 1) - 1)
    m.d.sync += idle.eq(Cat(~valid, idle))
    return [valid, *~idle]


def clamp(value: Value, low: Value, high: Value, cut: Cut) -> Value:
    """Clamp to signed(8), in two stages.

    Parameters
    ----------
    value : Value
        Signed, 8 bits or more.
    low, high : Value
        signed(8), constant while values are in flight.
    cut : callable
        As returned by `stages`.

    Returns
    -------
    Value
        signed(8).
    """
    # Signs of differences: one carry chain each
    within, below, above = cut(
        within=value[:8].as_signed(), below=(value - low)[-1], above=(high - value)[-1]
    )
    (y,) = cut(y=Mux(below, low, Mux(above, high, within)))
    return y
