"""Multipliers with operand and product registers."""

from __future__ import annotations

from amaranth.hdl import Module, Signal, Value

from . import ecp5_multiplier

__all__ = ["LATENCY", "PART", "multiply"]

#: Cycles from operands to their product.
LATENCY = 2
#: Unsigned bits that fit the 18 signed ones of a multiplier block, in every family.
PART = 17


def multiply(
    m: Module, name: str, a: Value, b: Value, load: Value, finish: Value, family: str
) -> Value:
    """Multiply: latency `LATENCY` cycles, throughput one product per cycle.

    Parameters
    ----------
    m : Module
        Receives the registers, in domain `sync`, without reset.
    name : str
        Name of the product.
    a, b : Value
        Operands, of which family `ecp5` takes 18 bits each at most, signed or not.
    load, finish : Value
        Clock enables of the operand registers and, one cycle later, of the product register. The
        registers of an instantiated multiplier block load in every cycle instead: the product is
        undefined data later than one cycle after `finish`.
    family : str
        One of `maccord.spec.parameters.FAMILIES`. ECP5 multipliers are instantiated, since the
        open tools use none of their registers. Other families' are inferred.

    Returns
    -------
    Value
    """
    if family == "ecp5":
        return ecp5_multiplier.product(m, name, a, b)
    operands = [
        Signal.like(value, name=f"{name}_{side}", reset_less=True)
        for side, value in (("a", a), ("b", b))
    ]
    product = Signal((a * b).shape(), name=f"{name}_product", reset_less=True)
    with m.If(load):
        m.d.sync += [ours.eq(value) for ours, value in zip(operands, (a, b), strict=True)]
    with m.If(finish):
        m.d.sync += product.eq(operands[0] * operands[1])
    return product
