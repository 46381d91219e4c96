"""Registers that cut a function into the stages of a pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from amaranth.hdl import Cat, Module, Mux, Signal, Value

__all__ = ["Cut", "activity", "clamp", "stages"]


class Cut(Protocol):
    """Passes a stage's values on to the next: through registers, or as they are."""

    def __call__(self, **values: Value) -> tuple[Value, ...]: ...


def stages(m: Module, enables: Sequence[Value], suffix: str = "", first: int = 1) -> Cut:
    """Make the registers of a pipeline, which is a function that calls what is returned.

    Parameters
    ----------
    m : Module
        Receives the registers, in domain `sync`, without reset.
    enables : sequence of Value
        When the registers of each stage load; they hold otherwise.
    suffix : str
        Ends their names.
    first : int
        Number of the first stage, in their names.

    Returns
    -------
    callable
        Takes named values, returns them in the same order, one stage later.
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
    """Return the enables of a pipeline's stages: each is set as a value enters it.

    Neighbours that get a value one cycle after each other would have one line of valid bits
    between them, once synthesis has merged equal registers, and each bit of it would enable
    registers in all of them. Inverted bits have an inverter each to begin with, and stay apart.

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
        One for each stage, the first being `valid`.
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
        As of `stages`.

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
