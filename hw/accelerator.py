"""The accelerator: control port, core, and memory port."""

from __future__ import annotations

from amaranth.hdl import ClockDomain, Const, DomainRenamer, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..spec.parameters import ID_WIDTH, Parameters
from .control.control import Control, control_port
from .core import Core
from .parts.register_slice import RegisterSlice
from .resets import PARTS, start_parts

__all__ = ["ADDRESS_BITS", "Accelerator", "memory_port"]

ADDRESS_BITS = 40
_INCREMENT = 0b01  # AxBURST
_CACHE = 0b0011  # normal, non-cacheable, bufferable


def memory_port(parameters: Parameters) -> dict[str, wiring.Member]:
    """Members of an AXI4 master port, named as AXI names them."""
    width = parameters.axi_bytes
    members: dict[str, wiring.Member] = {}
    for channel in ("aw", "ar"):
        for name, bits in (
            ("id", ID_WIDTH),
            ("addr", ADDRESS_BITS),
            ("len", 8),
            ("size", 3),
            ("burst", 2),
            ("lock", 1),
            ("cache", 4),
            ("prot", 3),
            ("qos", 4),
            ("valid", 1),
        ):
            members[f"m_axi_{channel}{name}"] = Out(bits)
        members[f"m_axi_{channel}ready"] = In(1)
    return members | {
        "m_axi_wdata": Out(8 * width),
        "m_axi_wstrb": Out(width),
        "m_axi_wlast": Out(1),
        "m_axi_wvalid": Out(1),
        "m_axi_wready": In(1),
        "m_axi_bid": In(ID_WIDTH),
        "m_axi_bresp": In(2),
        "m_axi_bvalid": In(1),
        "m_axi_bready": Out(1),
        "m_axi_rid": In(ID_WIDTH),
        "m_axi_rdata": In(8 * width),
        "m_axi_rresp": In(2),
        "m_axi_rlast": In(1),
        "m_axi_rvalid": In(1),
        "m_axi_rready": Out(1),
    }


class Accelerator(wiring.Component):
    """INT8 accelerator for convolutions and linear layers, behind AXI4 and AXI4-Lite.

    Parameters
    ----------
    parameters : Parameters

    Members
    -------
    aclk : clock
    aresetn : synchronous reset, active low, asserted for at least 16 cycles
    interrupt : level-sensitive, high until software clears the status
    s_axi_* : AXI4-Lite slave, see `Control`
    m_axi_* : AXI4 master; the transaction ID identifies the reading unit

    No combinational path connects an input port to an output port.
    """

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters
        super().__init__(
            {"aclk": In(1), "aresetn": In(1), "interrupt": Out(1)}
            | control_port()
            | memory_port(parameters)
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.domains.sync = domain = ClockDomain()
        reset = Signal(init=1, reset_less=True)
        m.d.sync += reset.eq(~self.aresetn)
        m.d.comb += [domain.clk.eq(self.aclk), domain.rst.eq(reset)]
        m.submodules.control = control = Control(self.parameters)
        core = Core(self.parameters)
        # The core is reset before every program
        m.submodules.core = DomainRenamer(PARTS[0])(core)
        started = start_parts(m, domain.clk, control.start)
        for name in control_port():
            inner, outer = getattr(control, name), getattr(self, name)
            member = self.signature.members[name]
            m.d.comb += inner.eq(outer) if member.flow == wiring.In else outer.eq(inner)
        m.d.comb += [
            self.interrupt.eq(control.interrupt),
            core.start.eq(started),
            core.abort.eq(control.abort),
            core.program.eq(control.program),
            control.finish.eq(core.finish),
            control.error.eq(core.error),
            control.cause.eq(core.cause),
            control.work.eq(core.work),
            control.recorded.eq(core.recorded),
            core.counters.eq(control.counters),
            control.units.eq(core.units),
            control.instructions.eq(core.instructions),
        ]
        self._read_channels(m, core, control.base)
        self._write_channels(m, core, control.base)
        return m

    def _constants(self, m: Module, channel: str) -> None:
        size = (self.parameters.axi_bytes - 1).bit_length()
        for name, value in (("size", size), ("burst", _INCREMENT), ("cache", _CACHE)):
            m.d.comb += getattr(self, f"m_axi_{channel}{name}").eq(value)

    def _read_channels(self, m: Module, core: Core, base: Signal) -> None:
        self._constants(m, "ar")
        request = data.StructLayout({"address": ADDRESS_BITS, "length": 8, "id": ID_WIDTH})
        layout = {"data": len(core.read_data), "fault": 1, "last": 1, "id": ID_WIDTH}
        beat = data.StructLayout(layout)
        m.submodules.read_address_slice = address = RegisterSlice(request)
        m.submodules.read_data_slice = beats = RegisterSlice(beat)
        m.d.comb += [
            address.i.payload.address.eq(base + core.read_address),
            address.i.payload.length.eq(core.read_length),
            address.i.payload.id.eq(core.read_id),
            address.i.valid.eq(core.read_address_valid),
            core.read_address_ready.eq(address.i.ready),
            self.m_axi_araddr.eq(address.o.payload.address),
            self.m_axi_arlen.eq(address.o.payload.length),
            self.m_axi_arid.eq(address.o.payload.id),
            self.m_axi_arvalid.eq(address.o.valid),
            address.o.ready.eq(self.m_axi_arready),
            beats.i.payload.data.eq(self.m_axi_rdata),
            beats.i.payload.fault.eq(self.m_axi_rresp[1]),
            beats.i.payload.last.eq(self.m_axi_rlast),
            beats.i.payload.id.eq(self.m_axi_rid),
            beats.i.valid.eq(self.m_axi_rvalid),
            self.m_axi_rready.eq(beats.i.ready),
            core.read_data.eq(beats.o.payload.data),
            core.read_fault.eq(beats.o.payload.fault),
            core.read_last.eq(beats.o.payload.last),
            core.read_data_id.eq(beats.o.payload.id),
            core.read_data_valid.eq(beats.o.valid),
            beats.o.ready.eq(core.read_data_ready),
        ]

    def _write_channels(self, m: Module, core: Core, base: Signal) -> None:
        self._constants(m, "aw")
        request = data.StructLayout({"address": ADDRESS_BITS, "length": 8})
        m.submodules.write_address_slice = address = RegisterSlice(request)
        offset, beat = core.write_request, core.write_data
        m.d.comb += [
            address.i.payload.address.eq(base + offset.payload.address),
            address.i.payload.length.eq(offset.payload.length),
            address.i.valid.eq(offset.valid),
            offset.ready.eq(address.i.ready),
            self.m_axi_awid.eq(Const(0)),
            self.m_axi_awaddr.eq(address.o.payload.address),
            self.m_axi_awlen.eq(address.o.payload.length),
            self.m_axi_awvalid.eq(address.o.valid),
            address.o.ready.eq(self.m_axi_awready),
            self.m_axi_wdata.eq(beat.payload.data),
            self.m_axi_wstrb.eq(beat.payload.strobe),
            self.m_axi_wlast.eq(beat.payload.last),
            self.m_axi_wvalid.eq(beat.valid),
            beat.ready.eq(self.m_axi_wready),
            self.m_axi_bready.eq(1),
            core.acknowledged.eq(self.m_axi_bvalid),
            core.write_fault.eq(self.m_axi_bresp[1]),
        ]
