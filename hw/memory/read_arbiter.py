"""Shares the AXI read channels between the reading units."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ...spec.parameters import ID_WIDTH, Parameters
from .bursts import burst_layout

__all__ = ["ReadArbiter"]


class ReadArbiter(wiring.Component):
    """Grants bursts by fixed priority, unit 0 highest; beats are routed by transaction ID.

    Members
    -------
    request<i> : bursts of unit i
    data<i> : beats of unit i, in order
    address, id, length, address_valid, address_ready : AXI AR, registered
    beat_id, beat, beat_last, beat_valid, beat_ready : AXI R
    halt : grants no further burst, from two cycles later on; beats are accepted and may be dropped
    owed : bursts are outstanding, one cycle late
    """

    #: Width of the outstanding-burst counter; no burst is granted while its top bit is set.
    OWED_BITS = 12

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
                "beat_last": In(1),
                "beat_valid": In(1),
                "beat_ready": Out(1),
                "halt": In(1),
                "owed": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        free, closed, granted, arrived = (Signal() for _ in range(4))
        bursts = Signal(self.OWED_BITS)
        m.d.comb += [
            free.eq(~self.address_valid | self.address_ready),
            self.owed.eq((bursts != 0) | granted | arrived),
        ]
        m.d.sync += [
            closed.eq(self.halt | bursts[-1]),
            arrived.eq(self.beat_valid & self.beat_ready & self.beat_last),
            bursts.eq(bursts + granted - arrived),
        ]
        with m.If(free):
            m.d.sync += self.address_valid.eq(0)
        earlier: Value | int = 0
        grants: list[Value] = []
        for index in range(self._units):
            request = getattr(self, f"request{index}")
            grant = Signal(name=f"grant{index}")
            m.d.comb += [
                grant.eq(request.valid & ~earlier & ~closed),
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
            grants.append(grant)
        m.d.sync += granted.eq(Cat(grants).any() & free)
        with m.Switch(self.beat_id):
            for index in range(self._units):
                unit = getattr(self, f"data{index}")
                m.d.comb += unit.payload.eq(self.beat)
                with m.Case(index):
                    m.d.comb += [
                        unit.valid.eq(self.beat_valid),
                        self.beat_ready.eq(unit.ready | self.halt),
                    ]
            with m.Default():
                m.d.comb += self.beat_ready.eq(1)
        return m
