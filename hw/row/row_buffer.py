"""Holds a row of codes while it is read several times."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..family.ram import Ram
from ..parts.delay import delay

__all__ = ["RowBuffer", "check_shape", "vector_layout"]


def check_shape(lanes: int, longest: int) -> None:
    """Raise ValueError unless a row unit can have that many lanes and elements.

    Parameters
    ----------
    lanes : int
        Codes of a vector, a power of two.
    longest : int
        Elements of the longest row, a power of two, at least two vectors and at most 2**16.
    """
    if lanes < 1 or lanes & (lanes - 1):
        raise ValueError(f"lanes must be a power of two, got {lanes}")
    if longest & (longest - 1) or not 2 * lanes <= longest <= 1 << 16:
        raise ValueError(
            f"longest row must be a power of two from {2 * lanes} to 65536 elements, got {longest}"
        )


def vector_layout(lanes: int) -> data.StructLayout:
    """Layout of a vector on its way: whether it is one, a row's last, which lanes, their codes."""
    return data.StructLayout({"valid": 1, "last": 1, "mask": lanes, "codes": 8 * lanes})


class RowBuffer(wiring.Component):
    """Takes a row, then repeats it on each request; after the last one it takes the next row.

    Parameters
    ----------
    lanes, longest : int
        As `check_shape`.
    family : str
        One of `maccord.spec.parameters.FAMILIES`.

    Members
    -------
    elements : of a row, 1 or more; constant while rows are in the buffer
    i : stream of vectors, 8 bits per lane; what is behind a row's last element is ignored
    replay, final : repeat the row, for the last time; only while the buffer holds one
    taken : a row's vectors as they come, a cycle after their transfer
    replayed : a row's vectors, the first `LATENCY` cycles after `replay`, one per cycle
    """

    #: Cycles from `replay` to the first vector.
    LATENCY = 1 + Ram.LATENCY

    def __init__(self, *, lanes: int, longest: int, family: str = "generic") -> None:
        check_shape(lanes, longest)
        self._lanes = lanes
        self._depth = longest // lanes
        self._family = family
        layout = vector_layout(lanes)
        super().__init__(
            {
                "elements": In(range(longest + 1)),
                "i": In(stream.Signature(8 * lanes)),
                "replay": In(1),
                "final": In(1),
                "taken": Out(layout),
                "replayed": Out(layout),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.store = store = Ram(
            width=8 * self._lanes, depth=self._depth, family=self._family
        )
        place = Signal(range(self._depth))
        holding, reading, final = Signal(), Signal(), Signal()
        # Of the last vector: its place and its last element
        bits = (self._lanes - 1).bit_length()
        end = Signal(range(self._depth * self._lanes), reset_less=True)
        m.d.sync += end.eq(self.elements - 1)
        last = Signal()
        mask = Cat(~last | (lane <= end[:bits]) for lane in range(self._lanes))
        arriving = self.i.valid & self.i.ready
        m.d.comb += [
            last.eq(place == end[bits:]),
            self.i.ready.eq(~holding),
            store.write_enable.eq(arriving),
            store.write_address.eq(place),
            store.write_data.eq(self.i.payload),
            store.read_enable.eq(reading),
            store.read_address.eq(place),
        ]
        m.d.sync += [
            self.taken.valid.eq(arriving),
            self.taken.last.eq(last),
            self.taken.mask.eq(mask),
            self.taken.codes.eq(self.i.payload),
        ]
        with m.If(arriving | reading):
            m.d.sync += place.eq(place + 1)
            with m.If(last):
                m.d.sync += [place.eq(0), reading.eq(0), holding.eq(~(reading & final))]
        with m.If(self.replay):
            m.d.sync += [reading.eq(1), final.eq(self.final)]
        late = delay(m, "late", Cat(reading, last, mask), Ram.LATENCY, reset_less=False)
        m.d.comb += self.replayed.eq(Cat(late, store.read_data))
        return m
