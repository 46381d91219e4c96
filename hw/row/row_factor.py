"""Mean and factor of a row of layer norm, as `maccord.golden.row.layer_norm.row_factors`."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..array.requantize import plus_bit, round_even, zeros_above
from ..parts.delay import delay
from .float32 import FUSED_STAGES, INTEGER_STAGES, from_integers, fused_multiply_add, significand
from .pipeline import Pipeline
from .serial import BITS, NUMBER, Operation, Serial

__all__ = ["RowFactor"]

_BIAS, _LONG_BIAS = 127, 1023  # of exponents in fp32 and fp64
_ONE = _BIAS << 23
_SHORT = Operation.SHORT_QUOTIENT
_NUMBER = BITS + 12

_Step = tuple[tuple[Any, ...], list[Any]]  # operands, what is kept of the result


class RowFactor(wiring.Component):
    """Computes both from a row's sums, one row at a time.

    Members
    -------
    start, sums, squares : begin with a row's sum of codes and of their squares, which hold until
        `done`
    elements : of a row, 1 or more
    zero_point : the input's, 0..255
    scale, eps : bits of the input's scale in fp32 and of eps in fp64, positive and normal
        All four are constant while a row is in the unit.
    done, offset, factor : a cycle, and what holds from then on until the next `done`: f(mean -
        zero point) and the factor, bits in fp32
    """

    #: The most cycles from `start` to `done`.
    CYCLES = (
        *(INTEGER_STAGES + 1, 2 * (Serial.CYCLES[Operation.SHORT_QUOTIENT] + 1)),
        *(4 * (FUSED_STAGES + 1), Serial.CYCLES[Operation.SUM] + BITS + 4),
        *(Serial.CYCLES[Operation.ROOT] + 1, Serial.CYCLES[Operation.QUOTIENT] + 1),
    )

    def __init__(self, *, family: str = "generic") -> None:
        self._family = family
        super().__init__(
            {
                "start": In(1),
                "sums": In(24),
                "squares": In(32),
                "elements": In(17),
                "zero_point": In(8),
                "scale": In(32),
                "eps": In(64),
                "done": Out(1),
                "offset": Out(32),
                "factor": Out(32),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        integers = Pipeline(m, self.start, INTEGER_STAGES, self._family, "_integer")
        sums, squares, elements = from_integers(integers, self.sums, self.squares, self.elements)
        m.submodules.serial = serial = Serial()
        kick, x, y, z = Signal(), Signal(32), Signal(32), Signal(32)
        pipeline = Pipeline(m, kick, FUSED_STAGES, self._family)
        fused = fused_multiply_add(pipeline, x, y, z)
        fused_done = delay(m, "fused_done", kick, FUSED_STAGES, reset_less=False)
        # The mean; squares, variance, and that in steps of the input; the root and what it is of
        mean, value = Signal(32, reset_less=True), Signal(32, reset_less=True)
        root, offset = Signal(NUMBER, reset_less=True), Signal(32, reset_less=True)
        short = _short(serial.result)
        steps: dict[str, _Step] = {
            "mean": ((_SHORT, _number(sums), _number(elements)), [mean.eq(short)]),
            "squares": ((_SHORT, _number(squares), _number(elements)), [value.eq(short)]),
            "offset": ((mean, Const(_ONE, 32), _negative(self.zero_point)), [offset.eq(fused)]),
            # A variance is not negative
            "variance": (
                (Cat(mean[:31], ~mean[31]), mean, value),
                [value.eq(Mux(fused[31], 0, fused))],
            ),
            "scaled": ((value, self.scale, Const(0, 32)), [value.eq(fused)]),
            "scaled_twice": ((value, self.scale, Const(0, 32)), [value.eq(fused)]),
            "sum": ((Operation.SUM, _number(value), _long(self.eps)), [root.eq(serial.result)]),
            "root": ((Operation.ROOT, root.as_value(), root.as_value()), [root.eq(serial.result)]),
            "quotient": (
                (Operation.QUOTIENT, _number(self.scale), root.as_value()),
                [self.offset.eq(offset), self.factor.eq(short), self.done.eq(1)],
            ),
        }
        begin = Signal()
        ready = delay(m, "ready", self.start, INTEGER_STAGES, reset_less=False)
        m.d.sync += [begin.eq(0), self.done.eq(0)]
        with m.FSM():
            with m.State("idle"), m.If(ready):
                m.d.sync += begin.eq(1)
                m.next = "mean"
            for (name, (operands, kept)), following in zip(
                steps.items(), [*list(steps)[1:], "idle"], strict=True
            ):
                is_serial = isinstance(operands[0], Operation)
                unit = (serial.operation, serial.a, serial.b) if is_serial else (x, y, z)
                with m.State(name):
                    m.d.comb += [port.eq(v) for port, v in zip(unit, operands, strict=True)]
                    m.d.comb += (serial.start if is_serial else kick).eq(begin)
                    with m.If(serial.done if is_serial else fused_done):
                        m.d.sync += [*kept, begin.eq(following != "idle")]
                        m.next = following
        return m


def _number(bits: Value) -> Value:
    """Return an fp32 number as the serial unit takes it."""
    return Cat(Const(0, BITS - 24), significand(bits), bits[23:31] - Const(_BIAS, 12))[:_NUMBER]


def _long(bits: Value) -> Value:
    """Return a normal fp64 number as the serial unit takes it."""
    return Cat(bits[:52], Const(1, 1), bits[52:63] - Const(_LONG_BIAS, 12))[:_NUMBER]


def _short(number: data.View) -> Value:
    """Round a result to fp32; one below 2**-126 is 0."""
    bits = number.bits
    up = round_even(bits[29], bits[28], bits[:28].any())
    rounded = plus_bit(bits[29:], up)
    exponent = (number.exponent + _BIAS + rounded[24])[:12].as_signed()
    present = bits[-1] & (exponent > 0)
    return Cat(rounded[:23], exponent[:8]) & present.replicate(31)


def _negative(code: Value) -> Value:
    """Return a code's negative in fp32."""
    zeros = zeros_above(code)
    exponent = (Const(_BIAS + 7, 8) - zeros)[:8]
    normalized = (code << zeros)[:7]
    return Mux(code == 0, 0, Cat(Const(0, 16), normalized, exponent, Const(1, 1)))
