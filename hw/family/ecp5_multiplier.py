"""Multipliers of Lattice ECP5: MULT18X18D with registers on its operands and its product."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import ClockSignal, Const, Instance, Module, Signal, Value

__all__ = ["BITS", "product"]

#: Width of an operand, signed or unsigned.
BITS = 18


def product(m: Module, name: str, a: Value, b: Value, take_b: Value | None = None) -> Value:
    """Multiply in one block: latency two cycles, throughput one product per cycle.

    Parameters
    ----------
    m : Module
        Receives the block, in domain `sync`. Its registers load in every cycle, except that of `b`
        if `take_b` is given.
    name : str
        Name of the block.
    a, b : Value
        Operands of `BITS` bits or fewer.
    take_b : Value, optional
        Clock enable of the register of `b`.

    Returns
    -------
    Value
        The product, two cycles later; its width is the sum of the operands' widths.

    Raises
    ------
    ValueError
        If an operand has more bits.
    """
    for operand in (a, b):
        if len(operand) > BITS:
            raise ValueError(f"operand must have {BITS} bits or fewer, got {len(operand)}")
    result = Signal((a * b).shape(), name=f"{name}_product")
    ports: dict[str, Any] = {f"i_C{bit}": Const(0) for bit in range(BITS)}
    for port, operand in (("A", a), ("B", b)):
        signed = operand.shape().signed
        top = operand[-1] if signed else Const(0)
        bits = [*operand, *[top] * (BITS - len(operand))]
        ports |= {f"i_{port}{bit}": value for bit, value in enumerate(bits)}
        ports |= {f"i_SIGNED{port}": Const(signed), f"i_SOURCE{port}": Const(0)}
    ports |= {f"o_P{bit}": result[bit] for bit in range(len(result))}
    registers = {}
    for register in ("INPUTA", "INPUTB", "OUTPUT"):
        registers |= {
            f"p_REG_{register}_CLK": "CLK0",
            f"p_REG_{register}_CE": "CE0" if take_b is None or register != "INPUTB" else "CE1",
            f"p_REG_{register}_RST": "RST0",
        }
    if take_b is not None:
        ports["i_CE1"] = take_b
    m.submodules[name] = Instance(
        "MULT18X18D",
        **registers,
        p_RESETMODE="SYNC",
        p_GSR="DISABLED",
        i_CLK0=ClockSignal(),
        i_CE0=Const(1),
        i_RST0=Const(0),
        **ports,
    )
    return result
