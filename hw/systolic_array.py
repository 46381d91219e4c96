"""The R x C weight-stationary array with the skews at its edges."""

from __future__ import annotations

from collections.abc import Callable

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..golden.parameters import Parameters
from .delay import delays
from .processing_element import ProcessingElement

__all__ = ["SystolicArray"]


class SystolicArray(wiring.Component):
    """Multiplies a stream of activation vectors by a matrix of weights.

    Column j's partial sum is `sum(activation[i] * weight[i][j])`. It leaves `latency + j` cycles
    after its activations, one vector per cycle. Nothing is broadcast: activations and `swap`
    travel to the right, weights down, `capture` both ways, each skewed here.

    A matrix of weights is presented in `rows` consecutive cycles, row 0 first and with `capture`.
    Presented from cycle t on, it serves the vectors from any swap at `t + swap_gap` or later, and
    until the next swap. The next matrix may be presented from the cycle of that swap on.

    No register has a reset: what a reset leaves under way stays ahead of what comes after it.

    Parameters
    ----------
    parameters : Parameters
        Uses `rows`, `cols` and `partial_sum_bits`.
    element : callable
        Called with `partial_sum_bits`; makes a component with the members and the cycles of
        `ProcessingElement`.

    Members
    -------
    activation : signed(8), one per row
        A vector, all rows in one cycle.
    swap : 1
        The vector is the first that uses the matrix captured last.
    weight : signed(8), one per column
        A row of weights.
    capture : 1
        The row is row 0 of a matrix.
    partial_sum : signed(partial_sum_bits), one per column
        Sums, column j later than column 0 by j cycles.
    column_weight : signed(8), one per column
        The rows of weights as they enter the columns: column j delayed by j cycles.
    """

    def __init__(
        self,
        parameters: Parameters,
        *,
        element: Callable[..., ProcessingElement] = ProcessingElement,
    ):
        self._parameters = parameters
        self._element = element
        cols = parameters.cols
        super().__init__(
            {
                "activation": In(signed(8)).array(parameters.rows),
                "swap": In(1),
                "weight": In(signed(8)).array(cols),
                "capture": In(1),
                "partial_sum": Out(signed(parameters.partial_sum_bits)).array(cols),
                "column_weight": Out(signed(8)).array(cols),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from a vector to the sum of column 0."""
        return self._parameters.rows + ProcessingElement.LATENCY

    @property
    def swap_gap(self) -> int:
        """Fewest cycles from the first row of a matrix to the swap that makes it active."""
        return self._parameters.rows

    def elaborate(self, platform: object) -> Module:
        m = Module()
        rows, cols = self._parameters.rows, self._parameters.cols
        bits = self._parameters.partial_sum_bits
        weights = [delays(m, f"weight_{j}", self.weight[j], j + rows - 1) for j in range(cols)]
        partial_sums = [Signal(signed(bits), name=f"zero_{j}") for j in range(cols)]
        swap, capture = self.swap, self.capture
        for i in range(rows):
            activations = delays(m, f"activation_{i}", self.activation[i], i + cols)
            swaps = delays(m, f"swap_{i}", swap, cols)
            captures = delays(m, f"capture_{i}", capture, max(cols, 2))
            for j in range(cols):
                element = self._element(partial_sum_bits=bits)
                m.submodules[f"element_{i}_{j}"] = element
                m.d.comb += [
                    element.a.eq(activations[i + j + 1]),
                    element.swap.eq(swaps[j]),
                    element.w.eq(weights[j][i + j]),
                    element.capture.eq(captures[j]),
                    element.p.eq(partial_sums[j]),
                ]
                partial_sums[j] = element.p_out
            # The next row's vectors are one cycle later, its weights two.
            swap, capture = swaps[1], captures[2]
        for j in range(cols):
            m.d.comb += [
                self.partial_sum[j].eq(partial_sums[j]),
                self.column_weight[j].eq(weights[j][j]),
            ]
        return m
