"""Proofs of the tokens: counters lose none, and never overflow.

In steps, for all time and any number of instructions where no bound is given:

1. A counter follows what is given and taken, from any state (the elaborated `Tokens`).
2. A unit takes only tokens that it holds (the elaborated units; LOAD and COMPUTE for `CYCLES`).
3. A counter exceeds the count in program order by no more than the instructions in the taker's
   queues, so it stays below its end (a model of one pair of units, by induction).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest
from amaranth.hdl import Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from symbolic import both
from transition import Counterexample, Hardware, Unrolling, literal, prove

from maccord.hw.compute import COMMANDS_DEPTH
from maccord.hw.control.tokens import Tokens
from maccord.hw.core import QUEUE_DEPTH
from maccord.hw.feed.compute_commands import ComputeCommands
from maccord.hw.feed.table_loader import TableLoader
from maccord.hw.feed.weight_feeder import WeightFeeder
from maccord.hw.memory.loader import Loader
from maccord.hw.memory.storer import Storer
from maccord.spec.isa import MAX_TOKENS, QUEUED, TOKEN_BITS, Unit
from maccord.spec.parameters import Parameters

PARAMETERS = Parameters(rows=4, cols=2, axi_bytes=8, lookup=True)
MOST = (1 << TOKEN_BITS) - 1  # that a counter holds
CYCLES = 12  # from a reset
STEPS = 3  # of an induction


def counts(tokens: wiring.Component) -> None:
    """Step 1."""
    run = Unrolling(Hardware.of(tokens), 1)
    claims: list[str] = []
    for source, sink in product(Unit, Unit):
        name = f"{source.name}_{sink.name}".lower()
        before, after = (f"((_ zero_extend 2) {run.at(name, cycle)})" for cycle in (0, 1))
        give = bit(run.at(f"give_{source.name.lower()}", 0), sink)
        take = bit(run.at(f"take_{sink.name.lower()}", 0), source)
        held = bit(run.at(f"held_{sink.name.lower()}", 0), source)
        legal = both(
            (
                f"(or (= {take} #b0) (= {held} #b1))",
                f"(or (= {give} #b0) (= {take} #b1) (not (= {before} {literal(MOST, 8)})))",
            )
        )
        more = f"(bvadd {before} ((_ zero_extend 7) {give}))"
        exact = f"(= {after} (bvsub {more} ((_ zero_extend 7) {take})))"
        claims.append(f"(=> {legal} {exact})")
        claims.append(f"(= (= {held} #b1) (not (= {before} {literal(0, 8)})))")
    run.prove(*claims, show=claims)


def bit(term: str, index: int) -> str:
    return f"((_ extract {index} {index}) {term})"


class Joined(wiring.Component):
    """What takes the compute unit's tokens but those of WEIGHT: TABLE's unit, then the others'."""

    def __init__(self) -> None:
        self.tables = TableLoader(PARAMETERS, read_latency=2)
        self.commands = ComputeCommands(PARAMETERS)
        free = {name: In(1) for name in ("pending", "running", "drained", "placed")}
        shared = {"i": self.tables.signature.members["i"], "halt": In(1)}
        super().__init__(shared | free | {"held": In(len(Unit)), "take": Out(len(Unit))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.tables, m.submodules.commands = tables, commands = self.tables, self.commands
        wiring.connect(m, wiring.flipped(self.i), tables.i)
        wiring.connect(m, tables.o, commands.i)
        m.d.comb += [
            tables.quiet.eq(self.drained & ~self.running),
            commands.outputs.ready.eq(self.placed),
            self.take.eq(tables.take | commands.take),
        ]
        for name in ("pending", "running", "drained"):
            m.d.comb += getattr(commands, name).eq(getattr(self, name))
        for part in (tables, commands):
            m.d.comb += [part.held.eq(self.held), part.halt.eq(self.halt)]
        return m


class Taking(wiring.Component):
    """A unit with the counters of its tokens; all else is arbitrary.

    Members
    -------
    give0 .. give3 : tokens given to it
    legal : commands stay until they are accepted, and no counter is full when a token is given
    sound : it takes only what it holds
    """

    def __init__(self, block: wiring.Component) -> None:
        self._block = block
        self._inputs = {
            "__".join(map(str, path)): Value.cast(value)
            for path, member, value in block.signature.flatten(block)
            if member.flow == wiring.In and path[0] not in ("i", "held")
        }
        width = len(block.i.payload.as_value())
        super().__init__(
            {name: In(len(value)) for name, value in self._inputs.items()}
            | {f"give{unit:d}": In(1) for unit in Unit}
            | {"i_valid": In(1), "i_payload": In(width), "legal": Out(1), "sound": Out(1)}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.block, m.submodules.tokens = block, tokens = self._block, Tokens()
        payload = self.i_payload
        offered = block.i
        m.d.comb += [offered.valid.eq(self.i_valid), offered.payload.as_value().eq(payload)]
        m.d.comb += [value.eq(getattr(self, name)) for name, value in self._inputs.items()]
        pending, before = Signal(), Signal(len(payload))
        m.d.sync += [pending.eq(offered.valid & ~offered.ready), before.eq(payload)]
        kept: Value = ~pending | (self.i_valid & (payload == before))
        # The counters of tokens for LOAD, whichever unit this is
        for unit in Unit:
            give = getattr(self, f"give{unit:d}")
            m.d.comb += getattr(tokens, f"give_{unit.name.lower()}")[0].eq(give)
        held, take = self._pick(m, tokens)
        full = Signal(len(Unit))
        for unit in Unit:
            count = Signal(TOKEN_BITS, name=f"count{unit:d}")
            give = getattr(self, f"give{unit:d}")
            m.d.sync += count.eq(count + give - take[unit])
            m.d.comb += full[unit].eq(give & count.all() | (held[unit] != count.any()))
        sound = (take & ~held) == 0
        if isinstance(block, WeightFeeder):  # what it offers is there, with the token
            waits = block.i.payload.wait[Unit.WEIGHT] & ~block.i.payload.setup
            sound &= ~block.o.valid | (self.i_valid & (~waits | held[Unit.WEIGHT]))
        m.d.comb += [self.legal.eq(kept & ~full.any()), self.sound.eq(sound)]
        return m

    def _pick(self, m: Module, tokens: Tokens) -> tuple[Signal, Signal]:
        """Connect the unit's tokens: all of them, or WEIGHT's alone."""
        held, take = Signal(len(Unit)), Signal(len(Unit))
        m.d.comb += held.eq(tokens.held_load)
        if len(self._block.take) == 1:
            m.d.comb += [
                take[Unit.WEIGHT].eq(self._block.take),
                self._block.held.eq(held[Unit.WEIGHT]),
            ]
        else:
            m.d.comb += [take.eq(self._block.take), self._block.held.eq(held)]
        m.d.comb += tokens.take_load.eq(take)
        return held, take


def takes(block: wiring.Component, *, always: bool) -> None:
    """Step 2: from a reset in mid-flight on; by induction for all time, if `always`."""
    design = Hardware.of(Taking(block))
    run = Unrolling(design, CYCLES, interrupted=True)
    run.assume(*(run.at("legal", cycle) for cycle in range(1, CYCLES + 1)))
    sound = [run.at("sound", cycle) for cycle in range(1, CYCLES + 1)]
    run.prove(*sound, show=sound)
    if always:
        run = Unrolling(design, STEPS)
        run.assume(*(run.at("legal", cycle) for cycle in range(STEPS + 1)))
        run.assume(*(run.at("sound", cycle) for cycle in range(STEPS)))
        run.prove(run.at("sound", STEPS))


def overflows(most: int) -> None:
    """Step 3: one pair of units, giver and taker; counts are 10 bits wide.

    `held`: the counter. `order`: given and not taken by what is dispatched, in program order.
    `owed`: to be given by dispatched instructions of the giver. `due`: to be taken by dispatched
    instructions of the taker, each of which is in its queues until it takes.
    """
    names = ("held", "order", "owed", "due", "queued")
    declared = dict.fromkeys(names, 10) | {"gives": 1, "waits": 1, "own": 1, "step": 2}

    def add(name: str, *terms: str) -> str:
        found = name
        for term in terms:
            found = f"(bvadd {found} {term})"
        return found

    one, none = literal(1, 10), literal(0, 10)
    wide = {name: f"((_ zero_extend 9) {name})" for name in ("gives", "waits", "own")}
    minus = {name: f"(bvneg {term})" for name, term in wide.items()}
    after = {
        "dispatch": {
            "order": add("order", wide["gives"], minus["waits"]),
            "owed": add("owed", wide["gives"]),
            "due": add("due", wide["waits"]),
            "queued": add("queued", wide["own"]),
        },
        "take": {
            "held": add("held", minus["waits"]),
            "due": add("due", minus["waits"]),
            "queued": add("queued", f"(bvneg {one})"),
        },
        "give": {"held": add("held", one), "owed": add("owed", f"(bvneg {one})")},
    }
    may = {
        "dispatch": both(
            (
                # its own unit decides what it may do: the taker waits, any other may give
                "(= own (bvor own waits))",
                f"(bvult queued {literal(QUEUED, 10)})",
                f"(bvuge order {wide['waits']})",
                f"(bvule {after['dispatch']['order']} {literal(most, 10)})",
            )
        ),
        # an instruction with nothing to take leaves those that have: at most as many are queued
        "take": both(
            (
                f"(bvugt queued {none})",
                f"(bvuge due {wide['waits']})",
                "(or (= waits #b1) (bvult due queued))",
                f"(or (= waits #b0) (bvugt held {none}))",
            )
        ),
        "give": f"(bvugt owed {none})",
    }

    def invariant(values: dict[str, str]) -> str:
        v = {name: values.get(name, name) for name in names}
        limits = {"held": MOST, "order": most, "queued": QUEUED}
        return both(
            (
                f"(= (bvadd {v['held']} {v['owed']}) (bvadd {v['order']} {v['due']}))",
                f"(bvule {v['due']} {v['queued']})",
                *(f"(bvule {v[name]} {literal(limit, 10)})" for name, limit in limits.items()),
                f"(bvule {v['owed']} {literal(400, 10)})",
            )
        )

    start = dict.fromkeys(names, none)
    prove(declared, [], [invariant(start)])
    for step, values in after.items():
        bounded = f"(bvult owed {literal(400, 10)})"  # width of the model alone
        prove(
            declared,
            [invariant({}), may[step], bounded],
            [invariant(values)],
            show=[*names, "gives", "waits"],
        )


# and whether for all time
UNITS: dict[str, tuple[Callable[[], wiring.Component], bool]] = {
    "load": (lambda: Loader(PARAMETERS, size=1 << 11), False),
    "store": (lambda: Storer(PARAMETERS), True),
    "compute": (Joined, False),
    "compute's weights": (lambda: WeightFeeder(PARAMETERS, parameter_gap=2), True),
}


def test_counters_follow_what_is_given_and_taken() -> None:
    counts(Tokens())


@pytest.mark.parametrize("unit", UNITS)
def test_units_take_what_they_hold(unit: str) -> None:
    make, always = UNITS[unit]
    takes(make(), always=always)


def test_counters_never_overflow() -> None:
    assert QUEUE_DEPTH + COMMANDS_DEPTH == QUEUED
    overflows(MAX_TOKENS)


def test_a_token_given_twice_has_a_counterexample() -> None:
    class Twice(Tokens):
        def elaborate(self, platform: object) -> Module:
            m = super().elaborate(platform)
            again, more = Signal(), Signal(TOKEN_BITS)
            m.d.sync += again.eq(self.give_load[Unit.COMPUTE])
            m.d.sync += more.eq(more + again)
            with m.If(again):
                m.d.comb += self.held_compute[Unit.LOAD].eq(1)
            return m

    with pytest.raises(Counterexample):
        counts(Twice())


def test_a_command_that_looks_for_its_tokens_too_early_has_a_counterexample() -> None:
    """Tokens that an earlier command of the unit still takes count for the next one."""

    class Hasty(Loader):
        def elaborate(self, platform: object) -> Module:
            m = super().elaborate(platform)
            early = Signal(len(Unit))
            m.d.sync += early.eq(self.held)
            with m.If(early.any() & self.i.valid):
                m.d.comb += self.take.eq(early & self.i.payload.wait)
            return m

    with pytest.raises(Counterexample):
        takes(Hasty(PARAMETERS, size=1 << 11), always=False)


def test_one_token_more_in_program_order_has_a_counterexample() -> None:
    with pytest.raises(Counterexample, match="held = #b0000111111"):
        overflows(MAX_TOKENS + 1)
