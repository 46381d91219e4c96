"""Trees of two-operand functions over lanes, a pipeline stage for each level."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from amaranth.hdl import Module, Signal, Value

__all__ = ["levels", "tree"]


def levels(lanes: int) -> int:
    """Levels of a tree over a power of two of lanes: its latency in cycles."""
    return (lanes - 1).bit_length()


def tree(
    m: Module, name: str, values: Sequence[Value], function: Callable[[Value, Value], Value]
) -> Value:
    """Combine values in pairs until one is left, `levels` cycles later.

    Parameters
    ----------
    m : Module
        Receives the registers, in domain `sync`, without reset.
    name : str
        Of the registers.
    values : sequence of Value
        A power of two of them.
    function : callable
        Of two values.
    """
    level = 0
    while len(values) > 1:
        level += 1
        combined = [function(a, b) for a, b in zip(values[::2], values[1::2], strict=True)]
        registers = [
            Signal.like(value, name=f"{name}_{level}_{index}", reset_less=True)
            for index, value in enumerate(combined)
        ]
        m.d.sync += [a.eq(b) for a, b in zip(registers, combined, strict=True)]
        values = registers
    return values[0]
