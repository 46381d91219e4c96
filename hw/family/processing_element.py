"""One multiply-accumulate of the array, with double-buffered weights."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Module, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["ProcessingElement"]


class ProcessingElement(wiring.Component):
    """Multiplies an activation by the weight it holds and adds the product to a partial sum.

    `capture` keeps the weight of the same cycle in the shadow register. `swap` makes the shadow
    the active weight, from the activation of the same cycle on. A capture in the cycle of a swap
    does not disturb it.

    One activation per cycle. Operands, product and sum have a register each, as a multiplier block
    has them. This is the portable element, in plain Verilog; those of `maccord.hw.family`, each of
    one block, have the same members and the same cycles.

    Parameters
    ----------
    partial_sum_bits : int
        Width of the signed partial sums, 16 to 32.
    first, last : bool
        Whether there is no element above, `p` being 0, and whether there is none below: blocks
        may have wires of their own between elements.

    Members
    -------
    a, w : signed(8)
        Activation and weight.
    swap, capture : 1
        What is done with the weights.
    w_right : signed(8), of an element for two columns
        Weight of the right one; `w` is the left one's.
    p : signed(sum_bits)
        Partial sum from above, `LATENCY` - 1 cycles after the activation it belongs to.
    p_out : signed(sum_bits)
        Partial sum with the product, `LATENCY` cycles after the activation; exact in its lowest
        `partial_sum_bits`.

    Raises
    ------
    ValueError
        If `partial_sum_bits` is out of its range.
    """

    #: Cycles from `a` to the partial sum that contains it.
    LATENCY = 3
    #: Width of what elements hand down, where the family's blocks do not leave it open.
    SUM_BITS: int | None = None
    #: Columns of the array that it multiplies for, and rows whose sums may go down through it.
    COLUMNS = 1
    ROWS: int | None = None
    #: Cycles from the last row's `p_out` to the column's sum.
    SUMS_LATENCY = 0

    def __init__(self, *, partial_sum_bits: int, first: bool = False, last: bool = False) -> None:
        if not 16 <= partial_sum_bits <= 32:
            raise ValueError(f"partial_sum_bits must be between 16 and 32, got {partial_sum_bits}")
        self._first, self._last, self._bits = first, last, partial_sum_bits
        partial_sum = signed(self.SUM_BITS or partial_sum_bits)
        super().__init__(
            {
                "a": In(signed(8)),
                "swap": In(1),
                "capture": In(1),
                "w": In(signed(8)),
                "p": In(partial_sum),
                "p_out": Out(partial_sum),
            }
            | ({"w_right": In(signed(8))} if self.COLUMNS > 1 else {})
        )

    @property
    def weights(self) -> tuple[Signal, ...]:
        """The inputs for weights, one for each of its columns."""
        return (self.w,) if self.COLUMNS == 1 else (self.w, self.w_right)

    @classmethod
    def sums(cls, m: Module, name: str, column: Sequence[ProcessingElement]) -> list[Value]:
        """Return the sums of a column, one for each of its elements' columns.

        Parameters
        ----------
        m : Module
            Receives what that takes, in domain `sync`.
        name : str
            Begins the names in it.
        column : sequence of ProcessingElement
            From the first row to the last, connected.

        Returns
        -------
        list of Value
            Exact in their lowest `partial_sum_bits`, each column's one cycle after the one's to its
            left.
        """
        return [column[-1].p_out]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        shadow = Signal(signed(8), reset_less=True)
        active = Signal(signed(8), reset_less=True)
        operand = Signal(signed(8), reset_less=True)
        product = Signal(signed(16), reset_less=True)
        partial_sum = Signal.like(self.p, reset_less=True)
        with m.If(self.capture):
            m.d.sync += shadow.eq(self.w)
        # Cycle 1: operands
        m.d.sync += operand.eq(self.a)
        with m.If(self.swap):
            m.d.sync += active.eq(shadow)
        # Cycle 2: multiply
        m.d.sync += product.eq(operand * active)
        # Cycle 3: add
        m.d.sync += partial_sum.eq(self.p + product)
        m.d.comb += self.p_out.eq(partial_sum)
        return m
