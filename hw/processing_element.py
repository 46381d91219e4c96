"""One multiply-accumulate of the array, with double-buffered weights."""

from __future__ import annotations

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["ProcessingElement"]


class ProcessingElement(wiring.Component):
    """Multiplies an activation by the weight it holds and adds the product to a partial sum.

    Activations, `swap` and `capture` move one element to the right per cycle, weights and partial
    sums one element down. `capture` keeps the weight of the same cycle in the shadow register;
    `swap`, which comes with the first activation of a pass, makes the shadow the active weight
    from that activation on. A capture in the cycle of a swap does not disturb it.

    One activation per cycle; `p` must come two cycles after the `a` it belongs to, `p_out` leaves
    three cycles after that `a`. This is the portable element: one that instantiates a family's
    DSP block needs the same members and the same cycles.

    Parameters
    ----------
    partial_sum_bits : int
        Width of the signed partial sums, 16 to 32.

    Members
    -------
    a, w : signed(8)
        Activation from the left, weight from above.
    swap, capture : 1
        Control from the left.
    p : signed(partial_sum_bits)
        Partial sum from above.
    a_out, swap_out, capture_out, w_out, p_out
        The same for the neighbours.

    Raises
    ------
    ValueError
        If `partial_sum_bits` is out of its range.
    """

    #: Cycles from `a` to the partial sum that contains it.
    LATENCY = 3

    def __init__(self, *, partial_sum_bits: int):
        if not 16 <= partial_sum_bits <= 32:
            raise ValueError(f"partial_sum_bits must be between 16 and 32, got {partial_sum_bits}")
        super().__init__(
            {
                "a": In(signed(8)),
                "swap": In(1),
                "capture": In(1),
                "w": In(signed(8)),
                "p": In(signed(partial_sum_bits)),
                "a_out": Out(signed(8)),
                "swap_out": Out(1),
                "capture_out": Out(1),
                "w_out": Out(signed(8)),
                "p_out": Out(signed(partial_sum_bits)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        a, w, shadow, active = (
            Signal(signed(8), name=name, reset_less=True)
            for name in ("a_register", "w_register", "shadow", "active")
        )
        product = Signal(signed(16), reset_less=True)
        partial_sum = Signal.like(self.p, reset_less=True)
        swap = Signal(name="swap_register")
        capture = Signal(name="capture_register")
        # Cycle 1: operands
        m.d.sync += [a.eq(self.a), w.eq(self.w), swap.eq(self.swap), capture.eq(self.capture)]
        with m.If(self.capture):
            m.d.sync += shadow.eq(self.w)
        with m.If(self.swap):
            m.d.sync += active.eq(shadow)
        # Cycle 2: multiply
        m.d.sync += product.eq(a * active)
        # Cycle 3: add
        m.d.sync += partial_sum.eq(self.p + product)
        m.d.comb += [
            self.a_out.eq(a),
            self.w_out.eq(w),
            self.swap_out.eq(swap),
            self.capture_out.eq(capture),
            self.p_out.eq(partial_sum),
        ]
        return m
