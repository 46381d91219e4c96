"""Quotients, roots and sums of positive floating-point numbers, a bit per cycle."""

from __future__ import annotations

from typing import ClassVar

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, enum, wiring
from amaranth.lib.wiring import In, Out

from ..array.requantize import plus_bit, round_even

__all__ = ["BITS", "NUMBER", "Operation", "Serial"]

#: Bits of a significand: fp64's.
BITS = 53
#: A number of 0 or more: bits * 2**(exponent - 52); the highest bit is set but for 0.
NUMBER = data.StructLayout({"bits": BITS, "exponent": signed(12)})

_EXTRA = 2  # bits found beyond the significand, before those that count as one
_SHORT = 24


class Operation(enum.Enum, shape=2):
    """What is computed, each rounded to nearest even: a quotient to 24 bits, the others to 53."""

    SHORT_QUOTIENT = 0
    QUOTIENT = 1
    ROOT = 2
    SUM = 3


class Serial(wiring.Component):
    """Computes one result at a time.

    Members
    -------
    start, operation, a, b : begin with a / b, the root of a, or a + b, not all of them 0
    done, result : a cycle, and what holds from then on until the next start
    """

    #: Cycles from `start` to `done`; a sum takes as many as its operands' exponents differ more.
    CYCLES: ClassVar = {
        Operation.SHORT_QUOTIENT: _SHORT + _EXTRA + 3,
        Operation.QUOTIENT: BITS + _EXTRA + 3,
        Operation.ROOT: BITS + _EXTRA + 3,
        Operation.SUM: 3,
    }

    def __init__(self) -> None:
        super().__init__(
            {
                "start": In(1),
                "operation": In(Operation),
                "a": In(NUMBER),
                "b": In(NUMBER),
                "done": Out(1),
                "result": Out(NUMBER),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        operation = Signal(Operation)
        # What is left of the dividend or radicand, the smaller addend; the divisor, the digits of
        # the radicand, the larger addend; the digits found
        rest = Signal(BITS + 5, reset_less=True)
        other = Signal(BITS + 4, reset_less=True)
        found = Signal(BITS + _EXTRA, reset_less=True)
        exponent = Signal(signed(13), reset_less=True)
        left = Signal(range(64))
        sticky = Signal(reset_less=True)
        registers = rest, other, found, exponent, left
        m.d.sync += self.done.eq(0)
        with m.FSM():
            with m.State("idle"), m.If(self.start):
                m.d.sync += [operation.eq(self.operation), found.eq(0)]
                self._begin(m, *registers)
                m.next = "steps"
            with m.State("steps"):
                with m.If(left != 0):
                    m.d.sync += left.eq(left - 1)
                    self._step(m, operation.as_value(), rest, other, found)
                with m.Else():
                    total = (rest + other)[: BITS + 4]
                    carry = total[-1]
                    with m.If(operation == Operation.SUM):
                        m.d.sync += [
                            found.eq(Mux(carry, total[2:], total[1:])),
                            sticky.eq(total[0] | (carry & total[1])),
                            exponent.eq(exponent + carry),
                        ]
                    with m.Else():
                        m.d.sync += sticky.eq(rest.any())
                    m.next = "round"
            with m.State("round"):
                self._round(m, operation.as_value(), found, sticky, exponent)
                m.next = "idle"
        return m

    def _begin(
        self, m: Module, rest: Value, other: Value, found: Value, exponent: Value, left: Value
    ) -> None:
        """Load the operands."""
        a, b = self.a, self.b
        with m.Switch(self.operation):
            with m.Case(Operation.ROOT):
                odd = a.exponent[0]
                # Two digits before the point
                digits = Mux(odd, Cat(Const(0, 1), a.bits), Cat(a.bits, Const(0, 1)))
                m.d.sync += [
                    rest.eq(0),
                    other.eq(Cat(Const(0, 3), digits)),
                    exponent.eq((a.exponent - odd) >> 1),
                    left.eq(BITS + _EXTRA),
                ]
            with m.Case(Operation.SUM):
                swap = (a.bits == 0) | ((b.bits != 0) & (a.exponent < b.exponent))
                large = Mux(swap, b.as_value(), a.as_value())
                small = Mux(swap, a.as_value(), b.as_value())
                gap = _exponent(large) - _exponent(small)
                m.d.sync += [
                    rest.eq(Cat(Const(0, 3), small[:BITS])),
                    other.eq(Cat(Const(0, 3), large[:BITS])),
                    exponent.eq(_exponent(large)),
                    left.eq(Mux(small[:BITS].any(), Mux(gap > BITS + 3, BITS + 3, gap), 0)),
                ]
            with m.Default():
                less = a.bits < b.bits
                short = self.operation == Operation.SHORT_QUOTIENT
                m.d.sync += [
                    rest.eq(Mux(less, Cat(Const(0, 1), a.bits), a.bits)),
                    other.eq(b.bits),
                    exponent.eq(a.exponent - b.exponent - less),
                    left.eq(Mux(short, _SHORT, BITS) + _EXTRA),
                ]

    def _step(self, m: Module, operation: Value, rest: Value, other: Value, found: Value) -> None:
        """Find the next digit, or shift the smaller addend by one place."""
        root = operation == Operation.ROOT
        more = Mux(root, Cat(other[-2:], rest)[: len(rest)], rest)
        less = Mux(root, Cat(Const(1, 2), found), other)
        difference = more - less
        fits = ~difference[-1]
        kept = Mux(fits, difference[: len(rest)], more)
        with m.If(operation == Operation.SUM):
            m.d.sync += rest.eq(Cat(rest[1] | rest[0], rest[2:]))
        with m.Else():
            m.d.sync += [
                found.eq(Cat(fits, found)),
                rest.eq(Mux(root, kept, Cat(Const(0, 1), kept))),
            ]
            with m.If(root):
                m.d.sync += other.eq(Cat(Const(0, 2), other))

    def _round(
        self, m: Module, operation: Value, found: Value, sticky: Value, exponent: Value
    ) -> None:
        """Round to nearest even; the result is left-aligned."""
        up = round_even(found[2], found[1], found[0] | sticky)
        rounded = plus_bit(found[_EXTRA:], up)
        short = operation == Operation.SHORT_QUOTIENT
        over = Mux(short, rounded[_SHORT], rounded[BITS])
        bits = Mux(short, Cat(Const(0, BITS - _SHORT), rounded[:_SHORT]), rounded[:BITS])
        m.d.sync += [
            self.result.bits.eq(Mux(over, 1 << BITS - 1, bits)),
            self.result.exponent.eq(exponent + over),
            self.done.eq(1),
        ]


def _exponent(number: Value) -> Value:
    return number[BITS:].as_signed()
