"""The scan wrapper drives each input of a block and catches each output."""

from __future__ import annotations

import pytest
from amaranth.hdl import ClockDomain, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from maccord.synth.wrapper import ScanWrapper

BITS = 11  # of the inputs


class Toy(wiring.Component):
    """Swaps its inputs' halves; a port of every kind."""

    def __init__(self) -> None:
        super().__init__(
            {"aclk": In(1), "low": In(4), "high": In(7), "swapped": Out(BITS), "tied": Out(2)}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.domains.sync = domain = ClockDomain(reset_less=True)
        m.d.comb += [
            domain.clk.eq(self.aclk),
            self.swapped[:7].eq(self.high),
            self.swapped[7:].eq(self.low),
            self.tied.eq(0b10),
        ]
        return m


@pytest.mark.parametrize("value", [0, 0b101_1000_1101, (1 << BITS) - 1])
def test_values_go_in_and_come_out(value: int) -> None:
    wrapper = ScanWrapper(Toy())
    caught = []

    async def drive(ctx) -> None:
        async def cycle() -> None:
            for level in (0, 1):
                ctx.set(wrapper.clock, level)
                await ctx.delay(1e-9)

        for index in reversed(range(BITS)):  # the last bit first
            ctx.set(wrapper.scan_in, value >> index & 1)
            await cycle()
        # Captured a cycle after it was asked for, when one more bit has come in
        ctx.set(wrapper.capture, 1)
        ctx.set(wrapper.scan_in, 0)
        await cycle()
        ctx.set(wrapper.capture, 0)
        await cycle()
        for _ in range(BITS + 2):
            caught.append(ctx.get(wrapper.scan_out))
            await cycle()

    simulator = Simulator(wrapper)
    simulator.add_testbench(drive)
    simulator.run()
    driven = value << 1 & ((1 << BITS) - 1)
    swapped = driven >> 4 | (driven & 15) << 7
    assert caught == [(0b10 << BITS | swapped) >> index & 1 for index in reversed(range(BITS + 2))]
