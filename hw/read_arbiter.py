"""Shares the AXI read channels between the reading units."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..golden.parameters import ID_WIDTH, Parameters
from .bursts import burst_layout

__all__ = ["ReadArbiter"]


class ReadArbiter(wiring.Component):
    """Grants bursts by fixed priority, the first unit highest; beats return by transaction ID.

    Members
    -------
    request<i>, data<i> : each unit's bursts, and its beats in order
    address, id, length, address_valid, address_ready : AXI AR, registered
    beat_id, beat, beat_valid, beat_ready : AXI R
    """

    def __init__(self, parameters: Parameters, *, units: int) -> None:
        self._units = units
        width = 8 * parameters.axi_bytes
        super().__init__(
            {f"request{i}": In(stream.Signature(burst_layout())) for i in range(units)}
            | {f"data{i}": Out(stream.Signature(width)) for i in range(units)}
            | {
                "address": Out(32),
                "id": Out(ID_WIDTH),
                "length": Out(8),
                "address_valid": Out(1),
                "address_ready": In(1),
                "beat_id": In(ID_WIDTH),
                "beat": In(width),
                "beat_valid": In(1),
                "beat_ready": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        free = Signal()
        m.d.comb += free.eq(~self.address_valid | self.address_ready)
        with m.If(free):
            m.d.sync += self.address_valid.eq(0)
        earlier = 0
        for index in range(self._units):
            request = getattr(self, f"request{index}")
            grant = Signal(name=f"grant{index}")
            m.d.comb += [
                grant.eq(request.valid & ~earlier),
                request.ready.eq(grant & free),
            ]
            with m.If(grant & free):
                m.d.sync += [
                    self.address_valid.eq(1),
                    self.address.eq(request.payload.address),
                    self.length.eq(request.payload.length),
                    self.id.eq(index),
                ]
            earlier = earlier | request.valid
        with m.Switch(self.beat_id):
            for index in range(self._units):
                unit = getattr(self, f"data{index}")
                m.d.comb += unit.payload.eq(self.beat)
                with m.Case(index):
                    m.d.comb += [
                        unit.valid.eq(self.beat_valid),
                        self.beat_ready.eq(unit.ready),
                    ]
            with m.Default():
                m.d.comb += self.beat_ready.eq(1)
        return m
