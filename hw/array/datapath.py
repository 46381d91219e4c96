"""Array, accumulators and requantizers: from activation vectors to vectors of int8 codes."""

from __future__ import annotations

from typing import NamedTuple

from amaranth.hdl import Cat, Module, Mux, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...spec.parameters import WINDOW, Parameters
from ..layouts import vector_layout
from ..parts.delay import delay, delays
from .accumulator import Accumulator
from .product import PRODUCT
from .requantize import Requantizer
from .systolic_array import SystolicArray

__all__ = ["Datapath"]


class _Result(NamedTuple):
    """A column's sum on its way to a requantizer."""

    valid: Value
    acc: Value
    multiplier: Value


class Datapath(wiring.Component):
    """Computes tiles of matrix products and requantizes them.

    There is no back-pressure: throughput is one vector per cycle, latency `latency` cycles. The
    caller must respect the minimum spacings given by the `*_gap` properties.

    A tile is a series of passes over the same accumulators, with one weight matrix each. The
    first vector of a pass has `swap`; the vectors of the first pass have `first`, those of the
    last pass `last`. Vectors of one address are at least `Accumulator.ADDRESS_GAP` cycles apart,
    vectors with `last` at least `columns_per_lane`.

    Parameters
    ----------
    parameters : Parameters
        Uses `rows`, `cols`, `lanes`, `accumulators` and the properties derived from them.

    Members
    -------
    activation : signed(8), one per row
        A vector: codes minus 128.
    vector : vector_layout(parameters)
        Its control, in the same cycle.
    weight : signed(8), one per column
        A row of weights, or of parameters.
    capture : 1
        `weight` is row 0 of a matrix; the others follow in the next cycles.
    param : 1
        `weight` is one of 8 rows of parameters, in consecutive cycles: per column the int32 bias
        in 4 bytes, then the fp32 multiplier, both low byte first.
    zero_point, low, high : signed(8)
        Codes minus 128, constant from one cycle before the first vector until none is in flight.
    valid, y : 1, signed(8) per column
        A vector of results: codes minus 128.
    depthwise : 1, if the parameters have it
        Vectors are windows of cells, see `SystolicArray`. Changes only with no vector in flight,
        at least `mode_gap` cycles before the next vector.
    lines : signed(8), `WINDOW` lines by one per column, if the parameters have `depthwise`
        A vector's cells, in place of `activation`. The newest cell follows the vector's control by
        two cycles; the window's earlier cells arrive in the cycles immediately before it.
    product_valid, products : 1, `PRODUCT`, one per column, if the parameters have `product`
        A vector of products, column j's j cycles late. There are none while vectors with `last`
        are in flight; they are spaced as those are. Their codes leave `product_latency` cycles
        after column 0's product.
    width : 2, if there are several `weight_widths`
        Code of the matrix's width, with `capture`: its rows are packed, see `SystolicArray`.
    multiplier : 31
        The products' fp32 multiplier, without its sign; constant as `zero_point` is.
    """

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        self._array = SystolicArray(parameters)
        windows = {
            "depthwise": In(1),
            "lines": In(signed(8)).array(WINDOW, parameters.cols),
        }
        products = {
            "product_valid": In(parameters.cols),
            "products": In(PRODUCT).array(parameters.cols),
            "multiplier": In(31),
        }
        super().__init__(
            {
                "activation": In(signed(8)).array(parameters.rows),
                "vector": In(vector_layout(parameters)),
                "weight": In(signed(8)).array(parameters.cols),
                "capture": In(1),
                "param": In(1),
                "zero_point": In(signed(8)),
                "low": In(signed(8)),
                "high": In(signed(8)),
                "valid": Out(1),
                "y": Out(signed(8)).array(parameters.cols),
            }
            | (windows if parameters.depthwise else {})
            | (products if parameters.product else {})
            | ({"width": In(2)} if parameters.mixes_widths else {})
        )

    @property
    def latency(self) -> int:
        """Cycles from a vector with `last` to its results."""
        last_column = self._parameters.cols - 1
        return self._control_delay + Accumulator.LATENCY + Requantizer.LATENCY + last_column

    @property
    def product_latency(self) -> int:
        """Cycles from column 0's product to a vector's codes."""
        return Requantizer.LATENCY + self._parameters.cols - 1

    @property
    def swap_gap(self) -> int:
        """Minimum number of cycles from `capture` to the vector with `swap` for the matrix.

        The next matrix's `capture` may come in the cycle of that vector or later.
        """
        return self._array.swap_gap

    @property
    def mode_gap(self) -> int:
        """Minimum number of cycles from a change of `depthwise` to the next vector."""
        return self._array.mode_gap

    @property
    def load_gap(self) -> int:
        """Minimum number of cycles from the first row of parameters to `load_bias`.

        Negative if the vector may precede them; `load_multiplier` may come one cycle earlier.
        """
        return Accumulator.PARAM_ROWS - self._control_delay

    @property
    def param_gap(self) -> int:
        """Minimum number of cycles from `load_multiplier` to the next tile's parameters.

        `load_multiplier` belongs to the first vector of a tile's last pass, as its last `swap`
        does; the first of the next 8 parameter rows may follow this many cycles later.
        """
        return self._control_delay + 3

    @property
    def _control_delay(self) -> int:
        """Cycles from a vector to its control at column 0, one ahead of the partial sum."""
        return self._array.latency - 1

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.array = array = self._array
        m.d.comb += [
            array.swap.eq(self.vector.valid & self.vector.swap),
            array.capture.eq(self.capture),
        ]
        for ours, outer in ((array.activation, self.activation), (array.weight, self.weight)):
            m.d.comb += [a.eq(b) for a, b in zip(ours, outer, strict=True)]
        if self._parameters.depthwise:
            m.d.comb += array.depthwise.eq(self.depthwise)
            for ours, outer in zip(array.lines, self.lines, strict=True):
                m.d.comb += [a.eq(b) for a, b in zip(ours, outer, strict=True)]
        if self._parameters.mixes_widths:
            m.d.comb += array.width.eq(self.width)
        results = self._accumulators(m)
        group = self._parameters.columns_per_lane
        # Shifted past the lanes like the results, one step ahead of them
        values = Cat(self.zero_point, self.low, self.high)
        if self._parameters.product:
            values = Cat(values, self.multiplier)
        constants = delays(m, "constants", values, self._parameters.lanes)
        for lane in range(self._parameters.lanes):
            requantizer = Requantizer(family=self._parameters.family)
            m.submodules[f"requantizer_{lane}"] = requantizer
            layer = (requantizer.zero_point, requantizer.low, requantizer.high)
            m.d.comb += Cat(layer).eq(constants[lane + 1])
            columns = range(lane * group, (lane + 1) * group)
            own = [results[j] for j in columns]
            if self._parameters.product:
                own = [self._or_product(j, results[j], constants[lane + 1][24:]) for j in columns]
            self._lane(m, lane, requantizer, own)
        # Only the valid chain is reset: stale data elsewhere in the pipeline precede new data and
        # are never read.
        last = self.vector.valid & self.vector.last
        valid = delay(m, "result", last, self.latency, reset_less=False)
        if self._parameters.product:
            first, cycles = self.product_valid[0], self.product_latency
            valid |= delay(m, "product_result", first, cycles, reset_less=False)
        m.d.comb += self.valid.eq(valid)
        return m

    def _or_product(self, column: int, result: _Result, multiplier: Value) -> _Result:
        """Put a column's product in place of its sum."""
        valid = self.product_valid[column]
        return _Result(
            result.valid | valid,
            Mux(valid, self.products[column], result.acc),
            Mux(valid, multiplier, result.multiplier),
        )

    def _accumulators(self, m: Module) -> list[_Result]:
        """Connect an accumulator to each column, with control skewed by one cycle per column."""
        vector, cols, ahead = self.vector, self._parameters.cols, self._control_delay

        def line(name: str, strobe: Value, cycle: int) -> list[Value]:
            return delays(m, f"{name}_line", strobe, ahead + cycle + cols - 1)[ahead + cycle :]

        length = ahead + Accumulator.LATENCY + cols - 1
        address = delays(m, "address_line", vector.address, length)[ahead:]
        lines = {
            "read": line("read", vector.valid & ~vector.first, 0),
            "read_address": address,
            "load_bias": line("load_bias", vector.valid & vector.load_bias, 0),
            "add": line("add", vector.valid, 1),
            "first": line("first", vector.first, 1),
            "load_multiplier": line("load_multiplier", vector.valid & vector.load_multiplier, 3),
            "write": line("write", vector.valid & ~vector.last, 3),
            "write_address": address[3:],
            "param": delays(m, "param_line", self.param, cols - 1),
            "weight": self._array.column_weight,
            "partial_sum": self._array.partial_sum,
        }
        if self._parameters.gather:
            lines["keep"] = line("keep", Mux(vector.valid, vector.keep, 0), 3)
        valid = line("valid", vector.valid & vector.last, 4)
        results = []
        for j in range(cols):
            m.submodules[f"accumulator_{j}"] = accumulator = Accumulator(self._parameters)
            m.d.comb += [getattr(accumulator, name).eq(taps[j]) for name, taps in lines.items()]
            results.append(_Result(valid[j], accumulator.acc, accumulator.multiplier))
        return results

    def _lane(self, m: Module, lane: int, requantizer: Requantizer, results: list[_Result]) -> None:
        """Requantize a lane's columns, one per cycle, and align their codes."""
        chosen = results[-1]
        for result in results[:-1]:
            chosen = _Result(
                result.valid | chosen.valid,
                Mux(result.valid, result.acc, chosen.acc),
                Mux(result.valid, result.multiplier, chosen.multiplier),
            )
        m.d.comb += [
            requantizer.valid.eq(chosen.valid),
            requantizer.acc.eq(chosen.acc),
            requantizer.multiplier.eq(chosen.multiplier),
        ]
        group = len(results)
        oldest = self._parameters.cols - 1 - lane * group
        codes = delays(m, f"align_{lane}", requantizer.y, oldest)
        for phase in range(group):
            m.d.comb += self.y[lane * group + phase].eq(codes[oldest - phase])
