"""Array, accumulators and requantizers: from activation vectors to vectors of int8 codes."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..golden.parameters import Parameters
from .accumulator import Accumulator, control_layout
from .delay import delay
from .requantize import Requantizer
from .systolic_array import SystolicArray

__all__ = ["Datapath", "vector_layout"]


def vector_layout(parameters: Parameters) -> data.StructLayout:
    """What comes with a vector of activations: `valid`, `swap` and its accumulators' control."""
    fields = {name: field.shape for name, field in control_layout(parameters)}
    return data.StructLayout({"valid": 1, "swap": 1, **fields})


class Datapath(wiring.Component):
    """Computes tiles of matrix products and requantizes them.

    Nothing stalls: what goes in comes out `latency` cycles later, one vector per cycle. The
    issuer sees to the distances that the properties name.

    A tile is a series of passes over the same accumulators, one matrix of weights each. The
    first vector of a pass has `swap`; the vectors of the first pass have `first`, those of the
    last pass `last`. Vectors of one address are at least `Accumulator.ADDRESS_GAP` cycles apart,
    vectors with `last` at least `columns_per_lane`.

    Parameters
    ----------
    parameters : Parameters
        Uses `rows`, `cols`, `lanes`, `accumulators` and what derives from them.

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
        `weight` is a row of parameters: of 8 in consecutive cycles, the int32 bias of each column
        in 4 bytes, then its fp32 multiplier, both low byte first.
    zero_point, low, high : signed(8)
        Codes minus 128, constant while vectors are in flight.
    valid, y : 1, signed(8) per column
        A vector of results: codes minus 128.
    """

    def __init__(self, parameters: Parameters):
        self._parameters = parameters
        self._array = SystolicArray(parameters)
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
        )

    @property
    def latency(self) -> int:
        """Cycles from a vector with `last` to its results."""
        last_column = self._parameters.cols - 1
        return self._control_delay + Accumulator.LATENCY + Requantizer.LATENCY + last_column

    @property
    def swap_gap(self) -> int:
        """Fewest cycles from `capture` to the vector with `swap` that uses the matrix.

        The next matrix's `capture` may come in the cycle of that vector or later.
        """
        return self._array.swap_gap

    @property
    def load_gap(self) -> int:
        """Fewest cycles from the first row of parameters to a vector with `load_bias`.

        Negative if such a vector may come before them; `load_multiplier` may come a cycle earlier.
        """
        return Accumulator.PARAM_ROWS - self._control_delay

    @property
    def param_gap(self) -> int:
        """Fewest cycles from a vector with `load_multiplier` to the next tile's parameters.

        That vector is the first of a tile's last pass, the one with its last `swap`. The first of
        the next 8 rows may come this many cycles after it, or later.
        """
        return self._control_delay + 1

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
        accumulators = self._accumulators(m)
        group = self._parameters.columns_per_lane
        for lane in range(self._parameters.lanes):
            self._lane(m, lane, accumulators[lane * group : (lane + 1) * group])
        # The last column's results come last: when they are there, all are.
        result = delay(
            m, "result", accumulators[-1].acc_valid, Requantizer.LATENCY, reset_less=False
        )
        m.d.comb += self.valid.eq(result)
        return m

    def _accumulators(self, m: Module) -> list[Accumulator]:
        """Hang an accumulator below each column, the control passing from one to the next."""
        layout = control_layout(self._parameters)
        now = Signal(layout)
        m.d.comb += [now[name].eq(self.vector[name]) for name, _ in layout]
        cycles = self._control_delay
        valid = delay(m, "valid_delay", self.vector.valid, cycles, reset_less=False)
        control, param = delay(m, "control_delay", now, cycles), self.param
        accumulators = []
        for j in range(self._parameters.cols):
            m.submodules[f"accumulator_{j}"] = accumulator = Accumulator(self._parameters)
            m.d.comb += [
                accumulator.valid.eq(valid),
                accumulator.control.eq(control),
                accumulator.param.eq(param),
                accumulator.weight.eq(self._array.column_weight[j]),
                accumulator.partial_sum.eq(self._array.partial_sum[j]),
            ]
            valid, control = accumulator.valid_out, accumulator.control_out
            param = accumulator.param_out
            accumulators.append(accumulator)
        return accumulators

    def _lane(self, m: Module, lane: int, accumulators: list[Accumulator]) -> None:
        """Requantize the columns of a lane, which come one per cycle, and align their results."""
        m.submodules[f"requantizer_{lane}"] = requantizer = Requantizer()
        m.d.comb += [
            requantizer.valid.eq(Cat(a.acc_valid for a in accumulators).any()),
            requantizer.acc.eq(_select([(a.acc_valid, a.acc) for a in accumulators])),
            requantizer.multiplier.eq(_select([(a.acc_valid, a.multiplier) for a in accumulators])),
            requantizer.zero_point.eq(self.zero_point),
            requantizer.low.eq(self.low),
            requantizer.high.eq(self.high),
        ]
        group, cols = len(accumulators), self._parameters.cols
        ages = cols - 1 - lane * group
        line = Signal(8 * ages, name=f"align_{lane}", reset_less=True)
        m.d.sync += line.eq(Cat(requantizer.y, line))
        taps = Cat(requantizer.y, line)
        for phase in range(group):
            age = ages - phase
            m.d.comb += self.y[lane * group + phase].eq(taps[8 * age : 8 * (age + 1)])


def _select(cases: list[tuple[Value, Value]]) -> Value:
    """Choose the value whose condition holds, the last one if none does."""
    *others, (_, value) = cases
    for condition, other in reversed(others):
        value = Mux(condition, other, value)
    return value
