"""Layer norm of rows of codes, as `maccord.golden.row.layer_norm`."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In

from ..family.multiply import LATENCY, multiply
from ..family.ram import Ram
from ..parts.delay import delay
from .float32 import (
    CODE_STAGES,
    DIFFERENCE_STAGES,
    FUSED_STAGES,
    PRODUCT_STAGES,
    code_difference,
    fused_multiply_add,
    product,
    scaled_code,
)
from .pipeline import Pipeline
from .ports import row_ports
from .row_buffer import RowBuffer
from .row_factor import RowFactor
from .tree import levels, tree

__all__ = ["LayerNorm"]

_STAGES = DIFFERENCE_STAGES + PRODUCT_STAGES + FUSED_STAGES + CODE_STAGES
_FUSED_AT = DIFFERENCE_STAGES + PRODUCT_STAGES


class LayerNorm(wiring.Component):
    """Takes a row of codes and gives its layer norm; then the next row.

    Rows pass twice: codes and their squares are added up as they come; once the row's factor is
    known, its elements pass through the lanes.

    Parameters
    ----------
    lanes, longest : int
        As `row_buffer.check_shape`.
    family : str
        One of `maccord.spec.parameters.FAMILIES`.

    Members
    -------
    write_*, elements, i, o : as in `row_ports`; the table holds gamma and beta of each element,
        fp32 bits, gamma in the lower 32
    zero_point, scale, eps : of the input, as in `RowFactor`
    multiplier : 31 bits of f(1 / f(so)) without its sign
    output_zero_point : minus 128, signed(8)
        All are constant while rows are in the unit.
    """

    #: Cycles from an element's second pass to its result.
    LATENCY = RowBuffer.LATENCY + _STAGES

    def __init__(self, *, lanes: int, longest: int, family: str = "generic") -> None:
        self._lanes = lanes
        self._longest = longest
        self._family = family
        super().__init__(
            row_ports(lanes=lanes, longest=longest, entries=longest, entry_bits=64)
            | {
                "zero_point": In(8),
                "scale": In(32),
                "eps": In(64),
                "multiplier": In(31),
                "output_zero_point": In(signed(8)),
            }
        )

    def most_cycles(self, elements: int) -> int:
        """Cycles from a row to the next at most, if vectors never wait."""
        vectors = -(-elements // self._lanes)
        adding = vectors + 1 + LATENCY + levels(self._lanes) + 2
        return adding + sum(RowFactor.CYCLES) + 2 + vectors + _STAGES

    def elaborate(self, platform: object) -> Module:
        m = Module()
        size = {"lanes": self._lanes, "longest": self._longest, "family": self._family}
        m.submodules.row = row = RowBuffer(**size)
        m.submodules.factor = factor = RowFactor(family=self._family)
        wiring.connect(m, wiring.flipped(self.i), row.i)
        added = self._sums(m, row.taken, factor)
        m.d.comb += [
            row.elements.eq(self.elements),
            row.final.eq(1),
            factor.elements.eq(self.elements),
            factor.zero_point.eq(self.zero_point),
            factor.scale.eq(self.scale),
            factor.eps.eq(self.eps),
        ]
        waiting, busy = Signal(), Signal()
        m.d.comb += factor.start.eq(waiting & ~busy)
        with m.If(added):
            m.d.sync += waiting.eq(1)
        with m.If(factor.start):
            m.d.sync += [waiting.eq(0), busy.eq(1)]
        m.d.comb += row.replay.eq(factor.done)
        parameters = self._parameters(m, row.replayed)
        valid = row.replayed.valid
        results = [
            self._lane(m, lane, row.replayed, factor, parameters[lane])
            for lane in range(self._lanes)
        ]
        leaving = delay(
            m, "leaving", Cat(valid, valid & row.replayed.last), _STAGES, reset_less=False
        )
        with m.If(leaving[1]):
            m.d.sync += busy.eq(0)
        m.d.comb += [self.o.valid.eq(leaving[0]), self.o.payload.eq(Cat(results))]
        return m

    def _sums(self, m: Module, taken: data.View, factor: RowFactor) -> Value:
        """Add up a row's codes and their squares; return when they are known."""
        squared = delay(m, "squared", taken.valid, LATENCY, reset_less=False)
        entering = delay(m, "entering", taken.valid, LATENCY - 1, reset_less=False)
        codes = [_code(taken, lane) & taken.mask[lane].replicate(8) for lane in range(self._lanes)]
        squares = [
            multiply(m, f"square{lane}", code, code, taken.valid, entering, self._family)
            for lane, code in enumerate(codes)
        ]
        late = [delay(m, f"code{lane}", code, LATENCY) for lane, code in enumerate(codes)]
        ends = Cat(squared, delay(m, "ends", taken.valid & taken.last, LATENCY, reset_less=False))
        ends = delay(m, "adding", ends, levels(self._lanes), reset_less=False)
        parts = [
            tree(m, name, values, lambda a, b: a + b)
            for name, values in (("part", late), ("square_part", squares))
        ]
        totals = Signal(24, reset_less=True), Signal(32, reset_less=True)
        first, added = Signal(init=1), Signal()
        m.d.sync += added.eq(ends[1])
        with m.If(ends[0]):
            m.d.sync += first.eq(ends[1])
            for total, part in zip(totals, parts, strict=True):
                m.d.sync += total.eq(part + (total & ~first.replicate(len(total))))
        m.d.comb += [factor.sums.eq(totals[0]), factor.squares.eq(totals[1])]
        return added

    def _parameters(self, m: Module, replayed: data.View) -> list[Value]:
        """Return gamma and beta of each lane's element when it is to be multiplied with gamma."""
        ahead = _FUSED_AT - Ram.LATENCY
        valid, last = delay(m, "ahead", Cat(replayed.valid, replayed.last), ahead, reset_less=False)
        place = Signal(range(self._longest // self._lanes))
        with m.If(valid):
            m.d.sync += place.eq(place + 1)
            with m.If(last):
                m.d.sync += place.eq(0)
        enable, address = Signal(), Signal.like(self.write_address, reset_less=True)
        entry = Signal(64, reset_less=True)
        m.d.sync += [
            enable.eq(self.write_enable),
            address.eq(self.write_address),
            entry.eq(self.write_data),
        ]
        bits = levels(self._lanes)
        found: list[Value] = []
        for lane in range(self._lanes):
            store = Ram(width=64, depth=self._longest // self._lanes, family=self._family)
            m.submodules[f"parameters{lane}"] = store
            m.d.comb += [
                store.write_enable.eq(enable & (address[:bits] == lane)),
                store.write_address.eq(address[bits:]),
                store.write_data.eq(entry),
                store.read_enable.eq(valid),
                store.read_address.eq(place),
            ]
            found.append(store.read_data)
        return found

    def _lane(
        self, m: Module, lane: int, replayed: data.View, factor: RowFactor, parameters: Value
    ) -> Value:
        """Return a lane's result minus 128, `_STAGES` cycles later."""
        pipeline = Pipeline(m, replayed.valid, _STAGES, self._family, f"_{lane}")
        steps = (_code(replayed, lane) - self.zero_point).as_signed()
        centred = code_difference(pipeline, steps, factor.offset)
        normalized = product(pipeline, centred, factor.factor)
        scaled = fused_multiply_add(pipeline, parameters[:32], normalized, parameters[32:])
        code = scaled_code(pipeline, scaled, self.multiplier, self.output_zero_point)
        pipeline.finish()
        return code


def _code(vector: data.View, lane: int) -> Value:
    """Return a lane's code as it is without 128 taken off."""
    return vector.codes.word_select(lane, 8) ^ 0x80
