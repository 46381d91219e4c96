"""Shift registers that delay a value."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal, Value, ValueLike

__all__ = ["delay", "delays"]

CHUNK_BITS = 64


def delays(
    m: Module, name: str, value: ValueLike, cycles: int, *, reset_less: bool = True
) -> list[Value]:
    """Delay a value by 0 up to `cycles` cycles, one tap each.

    The registers are one wide shift vector: a simulator moves words instead of bits, and synthesis
    infers shift-register primitives.

    Parameters
    ----------
    m : Module
        Module that receives the registers, in domain `sync`.
    name : str
        Name of the shift register.
    value : ValueLike
        Value to delay.
    cycles : int
        Length of the shift register, 0 or more.
    reset_less : bool
        False for bits that must be 0 after a reset.

    Returns
    -------
    list of Value
        Entry k is `value` as it was k cycles ago, with its sign; `cycles + 1` entries.

    Raises
    ------
    ValueError
        If `cycles` is negative.
    """
    if cycles < 0:
        raise ValueError(f"cycles must be at least 0, got {cycles}")
    taps = [Value.cast(value)]
    width, signed = taps[0].shape().width, taps[0].shape().signed
    chunk = max(CHUNK_BITS // width, 1)
    for start in range(0, cycles, chunk):
        length = min(chunk, cycles - start)
        line = Signal(width * length, name=f"{name}_{start}", reset_less=reset_less)
        m.d.sync += line.eq(Cat(taps[-1], line))
        chunk_taps = [line[width * k : width * (k + 1)] for k in range(length)]
        taps += [tap.as_signed() if signed else tap for tap in chunk_taps]
    return taps


def delay(m: Module, name: str, value: ValueLike, cycles: int, *, reset_less: bool = True) -> Value:
    """Delay a value by a number of cycles: the last of `delays`."""
    return delays(m, name, value, cycles, reset_less=reset_less)[-1]
