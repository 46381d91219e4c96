"""Proofs of the AXI4-Lite slave's handshakes, from a reset in mid-flight on: every legal master.

The master keeps valid and payload until the handshake, and is arbitrary otherwise: addresses in
any order with data, pauses, responses left waiting. The core's signals are arbitrary, too.
"""

from __future__ import annotations

import pytest
from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from transition import Counterexample, Hardware, Unrolling

import maccord.hw.control.control as hardware
from maccord.spec.parameters import Parameters

CYCLES = 20
CLAIMS = ("answers_fit", "reads_fit", "b_stable", "r_stable", "okay", "in_time")
PATIENCE = 6  # cycles from an accepted request to its response, at most


class Watched(wiring.Component):
    """The slave, and what its ports must never do.

    Members
    -------
    legal : the master has kept its rules
    answers_fit, reads_fit : no response without its request, no second request accepted before
    b_stable, r_stable : a response stays as it is until it is taken
    okay : responses are OKAY
    in_time : a request is answered within `PATIENCE` cycles of idle response channels
    """

    def __init__(self) -> None:
        super().__init__(
            {name: Out(1) for name in ("legal", *CLAIMS)}
            | {name: In(1) for name in ("awvalid", "wvalid", "bready", "arvalid", "rready")}
            | {"awaddr": In(12), "wdata": In(32), "wstrb": In(4), "araddr": In(12)}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.slave = slave = hardware.Control(Parameters(rows=4, cols=2))
        for name in ("awvalid", "wvalid", "bready", "arvalid", "rready"):
            m.d.comb += getattr(slave, f"s_axi_{name}").eq(getattr(self, name))
        for name in ("awaddr", "wdata", "wstrb", "araddr"):
            m.d.comb += getattr(slave, f"s_axi_{name}").eq(getattr(self, name))
        address = slave.s_axi_awvalid & slave.s_axi_awready
        data = slave.s_axi_wvalid & slave.s_axi_wready
        answer = slave.s_axi_bvalid & slave.s_axi_bready
        request = slave.s_axi_arvalid & slave.s_axi_arready
        read = slave.s_axi_rvalid & slave.s_axi_rready
        addresses, words, requests = Signal(4), Signal(4), Signal(4)  # not yet answered
        m.d.sync += [
            addresses.eq(addresses + address - answer),
            words.eq(words + data - answer),
            requests.eq(requests + request - read),
        ]
        legal = Signal(init=1)
        m.d.comb += self.legal.eq(legal & self._kept(m, slave))
        m.d.sync += legal.eq(self.legal)
        since_b, since_r = Signal(4), Signal(4)
        m.d.sync += [
            since_b.eq(Mux((addresses > 0) & (words > 0) & ~slave.s_axi_bvalid, since_b + 1, 0)),
            since_r.eq(Mux((requests > 0) & ~slave.s_axi_rvalid, since_r + 1, 0)),
        ]
        m.d.comb += [
            self.answers_fit.eq(~slave.s_axi_bvalid | ((addresses > 0) & (words > 0))),
            self.reads_fit.eq((~slave.s_axi_rvalid | (requests > 0)) & (requests <= 1)),
            self.okay.eq((slave.s_axi_bresp == 0) & (slave.s_axi_rresp == 0)),
            self.in_time.eq((since_b < PATIENCE) & (since_r < PATIENCE)),
        ]
        b, r = Signal(), Signal()
        held = Signal(32)
        m.d.sync += [b.eq(slave.s_axi_bvalid & ~slave.s_axi_bready), held.eq(slave.s_axi_rdata)]
        m.d.sync += r.eq(slave.s_axi_rvalid & ~slave.s_axi_rready)
        m.d.comb += [
            self.b_stable.eq(~b | slave.s_axi_bvalid),
            self.r_stable.eq(~r | (slave.s_axi_rvalid & (slave.s_axi_rdata == held))),
        ]
        return m

    def _kept(self, m: Module, slave: hardware.Control) -> Signal:
        """Whether the master has kept valid and payload up to this cycle."""
        kept = Signal()
        rules = []
        for channel, payload in (
            ("aw", ("awaddr",)),
            ("w", ("wdata", "wstrb")),
            ("ar", ("araddr",)),
        ):
            waits = Signal(name=f"{channel}_waits")
            valid = getattr(slave, f"s_axi_{channel}valid")
            m.d.sync += waits.eq(valid & ~getattr(slave, f"s_axi_{channel}ready"))
            same = valid
            for name in payload:
                signal = getattr(slave, f"s_axi_{name}")
                before = Signal.like(signal, name=f"{name}_before")
                m.d.sync += before.eq(signal)
                same = same & (signal == before)
            rules.append(~waits | same)
        m.d.comb += kept.eq(rules[0] & rules[1] & rules[2])
        return kept


def handshakes() -> None:
    run = Unrolling(Hardware.of(Watched()), CYCLES, interrupted=True)
    run.assume(run.at("legal", CYCLES))
    claims = {f"{name}@{k}": run.at(name, k) for k in range(1, CYCLES + 1) for name in CLAIMS}
    run.prove(*claims.values(), show=claims.values())


def test_handshakes_keep_the_rules() -> None:
    handshakes()


def test_an_answer_per_address_alone_has_a_counterexample(monkeypatch) -> None:
    """Answer an address whose data have not come."""

    class Hasty(hardware.Control):
        def _write_channels(self, m, write, address, value, strobe) -> None:
            m.d.comb += [self.s_axi_awready.eq(~self.s_axi_bvalid), self.s_axi_wready.eq(1)]
            with m.If(self.s_axi_awvalid & self.s_axi_awready):
                m.d.sync += self.s_axi_bvalid.eq(1)
            with m.Elif(self.s_axi_bready):
                m.d.sync += self.s_axi_bvalid.eq(0)

    monkeypatch.setattr(hardware, "Control", Hasty)
    with pytest.raises(Counterexample, match="false"):
        handshakes()


def test_data_that_change_while_they_wait_have_a_counterexample(monkeypatch) -> None:
    class Restless(hardware.Control):
        def elaborate(self, platform):
            m = super().elaborate(platform)
            with m.If(~self.s_axi_rready):
                m.d.sync += self.s_axi_rdata.eq(self.s_axi_rdata + 1)
            return m

    monkeypatch.setattr(hardware, "Control", Restless)
    with pytest.raises(Counterexample, match="false"):
        handshakes()
