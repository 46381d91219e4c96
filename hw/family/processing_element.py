"""One multiply-accumulate of the array, with double-buffered weights."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Module, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["ProcessingElement"]


class ProcessingElement(wiring.Component):
    """Multiplies an activation by the active weight and adds the product to a partial sum.

    `capture` loads the weight of the same cycle into the shadow register. `swap` makes the shadow
    the active weight, from the activation of the same cycle on. A capture and a swap may coincide:
    the swap takes the shadow's previous value.

    Throughput is one activation per cycle. Operands, product and sum are registered, as in a DSP
    block. This is the portable element, in plain Verilog; those of the FPGA families, one block
    each, have the same members and latency.

    Parameters
    ----------
    partial_sum_bits : int
        Width of the signed partial sums, 8 + `weight_bits` to 32.
    weight_bits : int
        Width of the signed weights.
    first, last : bool
        Whether the element is the top one, with `p` = 0, and whether it is the bottom one: blocks
        may use dedicated cascade wires in between.

    Members
    -------
    a, w : signed(8), signed(weight_bits)
        Activation and weight.
    swap, capture : 1
        Controls of the weight registers.
    w_right : signed(weight_bits), of an element for two columns
        Weight of the right column; `w` is the left column's.
    p : signed(sum_bits)
        Partial sum from above, `LATENCY` - 1 cycles after the activation it belongs to.
    p_out : signed(sum_bits)
        Partial sum plus product, `LATENCY` cycles after the activation; exact in its lowest
        `partial_sum_bits`.

    Raises
    ------
    ValueError
        If `partial_sum_bits` is out of its range.
    """

    #: Cycles from `a` to the partial sum that contains it.
    LATENCY = 3
    #: Width of the partial sums between elements, where the family's blocks fix it.
    SUM_BITS: int | None = None
    #: Columns per element.
    COLUMNS = 1
    #: Cycles from the last row's `p_out` to the column's sum.
    SUMS_LATENCY = 0

    def __init__(
        self,
        *,
        partial_sum_bits: int,
        weight_bits: int = 8,
        first: bool = False,
        last: bool = False,
    ) -> None:
        fewest = 8 + weight_bits
        if not fewest <= partial_sum_bits <= 32:
            raise ValueError(
                f"partial_sum_bits must be between {fewest} and 32, got {partial_sum_bits}"
            )
        self._first, self._last, self._bits = first, last, partial_sum_bits
        self._weight = signed(weight_bits)
        partial_sum = signed(self.SUM_BITS or partial_sum_bits)
        super().__init__(
            {
                "a": In(signed(8)),
                "swap": In(1),
                "capture": In(1),
                "w": In(self._weight),
                "p": In(partial_sum),
                "p_out": Out(partial_sum),
            }
            | ({"w_right": In(self._weight)} if self.COLUMNS > 1 else {})
        )

    @property
    def weights(self) -> tuple[Signal, ...]:
        """The inputs for weights, one for each of its columns."""
        return (self.w,) if self.COLUMNS == 1 else (self.w, self.w_right)

    @classmethod
    def reach(cls, weight_bits: int) -> int | None:
        """Return the maximum number of rows in a chain of elements, if it is limited."""
        return None

    @classmethod
    def sums(cls, m: Module, name: str, column: Sequence[ProcessingElement]) -> list[Value]:
        """Return the sums of a column, one for each of its elements' columns.

        Parameters
        ----------
        m : Module
            Receives the logic, in domain `sync`.
        name : str
            Prefix of its names.
        column : sequence of ProcessingElement
            From the first row to the last, connected.

        Returns
        -------
        list of Value
            Exact in their lowest `partial_sum_bits`; each column lags the one to its left by one
            cycle.
        """
        return [column[-1].p_out]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        shadow = Signal(self._weight, reset_less=True)
        active = Signal(self._weight, reset_less=True)
        operand = Signal(signed(8), reset_less=True)
        product = Signal(signed(8 + len(active)), reset_less=True)
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
