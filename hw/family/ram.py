"""Block RAM with one write port and one read port with output register."""

from __future__ import annotations

from amaranth.hdl import Const, Module, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from .ecp5_ram import blocks

__all__ = ["Ram"]


class Ram(wiring.Component):
    """Memory of `depth` words, read through an output register.

    Read latency is `LATENCY` cycles; with `hold`, the output holds until the next read. Reading a
    word in the cycle that writes it returns undefined data.

    Parameters
    ----------
    width : int
        Bits of a word.
    depth : int
        Words, a power of two.
    family : str
        One of `maccord.spec.parameters.FAMILIES`. ECP5 block RAMs are instantiated: the open tools
        cannot infer their output register, and without it they are slow. Other families' are
        inferred.
    hold : bool
        Whether the output holds between reads. If not, blocks far from each other need no common
        enable.

    Members
    -------
    write_enable, write_address, write_data : write port
    read_enable, read_address, read_data : read port
    """

    #: Cycles from an address to its word.
    LATENCY = 2
    write_enable: Signal
    write_address: Signal
    write_data: Signal
    read_enable: Signal
    read_address: Signal
    read_data: Signal

    def __init__(self, *, width: int, depth: int, family: str, hold: bool = False) -> None:
        if depth & (depth - 1) or depth < 2:
            raise ValueError(f"depth must be a power of two of at least 2, got {depth}")
        self._width = width
        self._depth = depth
        self._family = family
        self._hold = hold
        super().__init__(
            {
                "write_enable": In(1),
                "write_address": In(range(depth)),
                "write_data": In(width),
                "read_enable": In(1),
                "read_address": In(range(depth)),
                "read_data": Out(width),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        valid = Signal(reset_less=True)  # data in flight at a reset are not read
        m.d.sync += valid.eq(self.read_enable)
        if self._family == "ecp5":
            blocks(m, self, *((self.read_enable, valid) if self._hold else (Const(1), Const(1))))
            return m
        m.submodules.memory = store = memory.Memory(shape=self._width, depth=self._depth, init=[])
        write, read = store.write_port(), store.read_port()
        out = Signal(self._width, reset_less=True)
        m.d.comb += [
            write.en.eq(self.write_enable),
            write.addr.eq(self.write_address),
            write.data.eq(self.write_data),
            read.en.eq(self.read_enable),
            read.addr.eq(self.read_address),
            self.read_data.eq(out),
        ]
        with m.If(valid):
            m.d.sync += out.eq(read.data)
        return m
