"""Scan wrapper for out-of-context builds: four pins, with every port in use."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, ClockDomain, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["CLOCK", "ScanWrapper"]

CLOCK = "aclk"


class ScanWrapper(wiring.Component):
    """Drives every input of a block from a shift register and captures every output in another.

    An accelerator has more ports than an FPGA has pins, and unconnected logic is trimmed. Here
    each port has its own register, which place and route may put anywhere; paths between ports and
    these registers count like internal paths.

    Parameters
    ----------
    block : wiring.Component
        Its clock is the member `CLOCK`.

    Members
    -------
    clock, capture, scan_in, scan_out : 1
        `capture` loads the outputs; otherwise the register shifts.
    """

    clock: Signal
    capture: Signal
    scan_in: Signal
    scan_out: Signal

    def __init__(self, block: wiring.Component) -> None:
        self._block: Any = block
        super().__init__({"clock": In(1), "capture": In(1), "scan_in": In(1), "scan_out": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.domains.scan = domain = ClockDomain(reset_less=True)
        m.submodules.accelerator = block = self._block
        members = block.signature.members
        inputs = [name for name in members if members[name].flow == In and name != CLOCK]
        outputs = Cat(getattr(block, name) for name in members if members[name].flow == Out)
        driven = Cat(getattr(block, name) for name in inputs)
        drive = Signal(len(driven), reset_less=True)
        caught = Signal(len(outputs), reset_less=True)
        capture = Signal(reset_less=True)
        m.d.comb += [
            domain.clk.eq(self.clock),  # pyright: ignore[reportAttributeAccessIssue]
            getattr(block, CLOCK).eq(self.clock),
            driven.eq(drive),
            self.scan_out.eq(caught[-1]),
        ]
        m.d.scan += [
            capture.eq(self.capture),
            drive.eq(Cat(self.scan_in, drive)),
            caught.eq(Cat(drive[-1], caught)),
        ]
        with m.If(capture):
            m.d.scan += caught.eq(outputs)
        return m
