"""Registers in a row: a value some cycles later."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Shape, Signal, Value, ValueLike

__all__ = ["delay"]


def delay(m: Module, name: str, value: ValueLike, cycles: int, *, reset_less: bool = True) -> Value:
    """Delay a value by a number of cycles.

    The registers are one wide vector that shifts: a simulator moves words instead of bits, and
    synthesis finds its shift-register primitives.

    Parameters
    ----------
    m : Module
        Module that receives the registers, in domain `sync`.
    name : str
        Name of the vector of registers.
    value : ValueLike
        What is delayed.
    cycles : int
        Registers in the row, 0 or more.
    reset_less : bool
        False for bits that must be 0 after a reset.

    Returns
    -------
    Value
        `value` as it was `cycles` cycles ago, with its width and sign.

    Raises
    ------
    ValueError
        If `cycles` is negative.
    """
    if cycles < 0:
        raise ValueError(f"cycles must be at least 0, got {cycles}")
    value = Value.cast(value)
    if cycles == 0:
        return value
    shape: Shape = value.shape()
    line = Signal(shape.width * cycles, name=name, reset_less=reset_less)
    m.d.sync += line.eq(Cat(value, line))
    oldest = line[shape.width * (cycles - 1) :]
    return oldest.as_signed() if shape.signed else oldest
