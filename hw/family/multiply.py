"""Products with registers on the operands and behind the multiplier."""

from __future__ import annotations

from amaranth.hdl import Module, Signal, Value

from . import ecp5_multiplier

__all__ = ["LATENCY", "PART", "multiply"]

#: Cycles from operands to their product.
LATENCY = 2
#: Unsigned bits that the 18 signed ones of a multiplier block hold, in every family.
PART = 17


def multiply(
    m: Module, name: str, a: Value, b: Value, load: Value, finish: Value, family: str
) -> Value:
    """Multiply, `LATENCY` cycles long, one product per cycle.

    Parameters
    ----------
    m : Module
        Receives the registers, in domain `sync`, without reset.
    name : str
        Of the product.
    a, b : Value
        Operands, of which family `ecp5` takes 18 bits each at most, signed or not.
    load, finish : Value
        When the operands' registers load, and, a cycle later, the product's. They hold otherwise,
        but for those of a family's multiplier block, which load in every cycle: what comes later
        than a cycle after `finish` is not to be relied on.
    family : str
        One of `maccord.spec.parameters.FAMILIES`: multipliers of ECP5 are instantiated, since
        the open tools use none of their registers. Those of other families are inferred.

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
