"""Products of int8 codes in steps from zero, as `maccord.golden.array.product`."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...spec.parameters import Parameters
from ..family.multiply import multiply
from ..parts.delay import delay, delays

__all__ = ["PRODUCT", "Product"]

#: Shape of a product: 255 * 255 at most in magnitude.
PRODUCT = signed(17)


class Product(wiring.Component):
    """Multiplies two vectors: (a - zero_point_a) * (b - zero_point_b), one column per cycle.

    The operands of a product come one after the other, at most one per cycle, with any pauses. The
    first is kept: every further vector with `second` is multiplied by it, too. Column j is j cycles
    behind column 0, as the sums of the array are.

    Parameters
    ----------
    parameters : Parameters
        Uses `cols` and `family`.

    Members
    -------
    valid, data : 1, 8 bits per column
        A vector of codes minus 128.
    second : 1
        1: the vector completes a product. 0: it is the first operand.
    broadcast : 1
        The first operand is b, else a.
    zero_point_a, zero_point_b : signed(8)
        Codes minus 128. They and `broadcast` are constant while vectors are in flight.
    valid_out, products : 1, `PRODUCT`, one per column
        Column j's product, `LATENCY` + j cycles after the second operand.
    """

    #: Cycles from the second operand to column 0's product.
    LATENCY = 4

    def __init__(self, parameters: Parameters) -> None:
        self._cols = parameters.cols
        self._family = parameters.family
        super().__init__(
            {
                "valid": In(1),
                "second": In(1),
                "data": In(8 * self._cols),
                "broadcast": In(1),
                "zero_point_a": In(signed(8)),
                "zero_point_b": In(signed(8)),
                "valid_out": Out(self._cols),
                "products": Out(PRODUCT).array(self._cols),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # Every line is tapped one cycle later from column to column
        length = self._cols - 1 + self.LATENCY
        opening = delays(m, "opening", self.valid & ~self.second, length, reset_less=False)
        closing = delays(m, "closing", self.valid & self.second, length, reset_less=False)
        is_b = self.second ^ self.broadcast
        zero_point = Mux(is_b, self.zero_point_b, self.zero_point_a)
        zero_points = delays(m, "zero_point", zero_point, self._cols)
        for j in range(self._cols):
            # Cycle 1: the column's turn
            code = delay(m, f"code_{j}", self.data.word_select(j, 8).as_signed(), j + 1)
            # Cycle 2: steps from zero
            steps = Signal(signed(9), name=f"steps_{j}", reset_less=True)
            with m.If(opening[j + 1] | closing[j + 1]):
                m.d.sync += steps.eq(code - zero_points[j + 1])
            # Cycle 3: keep the first operand
            first = Signal.like(steps, name=f"first_{j}")
            with m.If(opening[j + 2]):
                m.d.sync += first.eq(steps)
            # Cycles 3 and 4: multiply
            load, finish = closing[j + 2], closing[j + 3]
            product = multiply(m, f"product_{j}", steps, first, load, finish, self._family)
            m.d.comb += self.products[j].eq(product)
        m.d.comb += self.valid_out.eq(Cat(closing[self.LATENCY :]))
        return m
