"""Writes results of the row unit back to the output scratchpad, when its port is free."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..family.ram import Ram
from ..parts.delay import delay
from .row_walk import walk_layout

__all__ = ["RowWriter"]


class RowWriter(wiring.Component):
    """Keeps up to two rows of results until they are written.

    Parameters
    ----------
    lanes, longest : int
        As `row_buffer.check_shape`.
    family : str
        One of `maccord.spec.parameters.FAMILIES`.

    Members
    -------
    start : begin with the rows of `walk`, which holds from then on
    walk : rows; `more` counts vectors of `lanes` bytes
    i : vectors of results, which cannot wait
    taken : the scratchpad's write port is taken `LATENCY` cycles later
    write_enable, write_address, write_data : the port; no byte behind a row's last is written
    row_done : the last vector of a row has left the buffer
    done : all rows have been written, for reads from the next cycle on
    """

    #: Cycles from `taken` to the write that it stands for.
    LATENCY = Ram.LATENCY + 1
    i: stream.Interface

    def __init__(self, *, lanes: int, longest: int, family: str = "generic") -> None:
        self._lanes = lanes
        self._depth = 2 * longest // lanes
        self._family = family
        super().__init__(
            {
                "start": In(1),
                "walk": In(walk_layout()),
                "i": In(stream.Signature(8 * lanes, always_ready=True)),
                "taken": In(1),
                "write_enable": Out(lanes),
                "write_address": Out(24),
                "write_data": Out(8 * lanes),
                "row_done": Out(1),
                "done": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.store = store = Ram(
            width=8 * self._lanes, depth=self._depth, family=self._family
        )
        put, get = Signal(range(self._depth)), Signal(range(self._depth))
        stored = Signal(range(self._depth + 1))
        issue, last, final = Signal(), Signal(), Signal()
        address = self._walk(m, issue, last, final)
        m.d.comb += [
            issue.eq((stored != 0) & ~self.taken),
            store.write_enable.eq(self.i.valid),
            store.write_address.eq(put),
            store.write_data.eq(self.i.payload),
            store.read_enable.eq(issue),
            store.read_address.eq(get),
            self.row_done.eq(issue & last),
            self.done.eq(delay(m, "done_line", self.row_done & final, self.LATENCY + 2,
                               reset_less=False)),
        ]  # fmt: skip
        m.d.sync += [
            put.eq(put + self.i.valid),
            get.eq(get + issue),
            stored.eq(stored + self.i.valid - issue),
            self.write_data.eq(store.read_data),
        ]
        tail = self.walk.span[: (self._lanes - 1).bit_length()]
        mask = Cat(issue & (~last | (lane <= tail)) for lane in range(self._lanes))
        m.d.comb += [
            self.write_enable.eq(delay(m, "mask", mask, self.LATENCY, reset_less=False)),
            self.write_address.eq(delay(m, "place", address, self.LATENCY)),
        ]
        return m

    def _walk(self, m: Module, issue: Signal, last: Signal, final: Signal) -> Signal:
        """Step from vector to vector; return the address of the next one to be written."""
        address, row = Signal(24, reset_less=True), Signal(24, reset_less=True)
        more = Signal(signed(25), reset_less=True)  # vectors after this one, minus 1
        after = Signal(signed(18), reset_less=True)  # rows after this one, minus 1
        load, primed = Signal(), Signal()
        m.d.comb += [
            last.eq(more[-1]),
            final.eq(after[-1]),
            load.eq(primed | (issue & last)),
        ]
        m.d.sync += primed.eq(self.start)
        with m.If(self.start):
            m.d.sync += [row.eq(self.walk.buffer), after.eq(self.walk.rows - 1)]
        with m.Elif(load):
            m.d.sync += [row.eq(row + self.walk.pitch), after.eq(after - 1)]
        with m.If(load | issue):
            m.d.sync += [
                address.eq(Mux(load, row, address + self._lanes)),
                more.eq(Mux(load, self.walk.more, more) - 1),
            ]
        return address
