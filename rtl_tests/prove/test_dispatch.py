"""Proof of dispatch: it accepts exactly the instructions that `maccord.spec.isa.check` accepts.

All 2**256 instructions, with and without a read fault, under any pauses of the queues. The rules
are those of `maccord.spec.isa.TABLE` itself: their Python is run on symbols. Under pauses and halts
each instruction is handed to one queue, once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from symbolic import WIDTH, Number, Paths, both, either, predicate
from transition import Counterexample, Hardware, Unrolling, literal

import maccord.hw.control.rules as hardware
from maccord.hw.control.dispatch import Dispatch
from maccord.spec.isa import HEADER_BITS, TABLE, UNIT_OF, Opcode, Unit, implemented
from maccord.spec.isa_rules import AtLeast, AtMost, Rule, Unless
from maccord.spec.parameters import Parameters
from maccord.spec.registers import ErrorCode

SMALL = Parameters(rows=4, cols=2)
CONFIGURATIONS = {
    "plain": SMALL,
    "every feature": Parameters(
        rows=15,
        cols=4,
        product=True,
        lookup=True,
        narrow=True,
        half_up=True,
        window_width=5,
        row_lanes=2,
    ),
    "packed, 4 bits": Parameters(
        rows=4, cols=2, family="xcup", packed=True, narrow=True, weight_bits=4
    ),
}
CYCLES = 18
DECIDED = Dispatch.LATENCY  # cycles from an instruction to its verdict
INSTRUCTION = "((_ extract 255 0) payload)"


@cache
def dispatch(parameters: Parameters) -> Hardware:
    return Hardware.of(Dispatch(parameters))


def numbers(opcode: Opcode, paths: Paths) -> dict[str, Number]:
    """All fields of an instruction, from their places in its encoding."""
    entry = TABLE[opcode]
    found: dict[str, Number] = {}
    for field in entry.fields:
        low = entry.position(field.name)
        bits = f"((_ extract {low + field.bits - 1} {low}) payload)"
        extend = "sign_extend" if field.signed else "zero_extend"
        found[field.name] = Number(f"((_ {extend} {WIDTH - field.bits}) {bits})", paths)
    return found


def kept(opcode: Opcode, rule: Rule, parameters: Parameters) -> str:
    def holds(paths: Paths) -> object:
        fields: Any = numbers(opcode, paths)
        return rule.holds(fields, parameters)

    return predicate(holds)


def verdicts(opcode: Opcode, parameters: Parameters) -> tuple[str, str]:
    """Whether an instruction keeps the rules of either error, as `check` judges."""
    if not implemented(opcode, parameters):
        return "false", "true"
    terms = [
        [kept(opcode, rule, parameters) for rule in TABLE[opcode].rules if rule.error == error]
        for error in (ErrorCode.ILLEGAL_INSTRUCTION, ErrorCode.SCRATCHPAD_RANGE)
    ]
    return both(terms[0]), both(terms[1])


def accepts(parameters: Parameters, design: Hardware | None = None) -> None:
    given = {("i__valid", cycle): "#b1" for cycle in range(DECIDED + 1)}
    given |= {("halt", cycle): "#b0" for cycle in range(DECIDED + 1)}
    run = Unrolling(design or dispatch(parameters), DECIDED, given, reset=True)
    run.let("payload", "(_ BitVec 257)", run.at("i__payload", 0))
    run.assume(*(f"(= payload {run.at('i__payload', k)})" for k in range(1, DECIDED + 1)))
    run.let("opcode", "(_ BitVec 4)", "((_ extract 3 0) payload)")
    run.let("fault", "Bool", "(= ((_ extract 256 256) payload) #b1)")
    accepted: dict[Unit, list[str]] = {unit: [] for unit in Unit}
    beyond: list[str] = []
    for opcode, unit in UNIT_OF.items():
        own = f"(= opcode {literal(opcode, 4)})"
        legal, inside = verdicts(opcode, parameters)
        accepted[unit].append(f"(and {own} {legal} {inside})")
        beyond.append(f"(and {own} {legal} (not {inside}))")
    run.let("ends", "Bool", f"(= opcode {literal(Opcode.END, 4)})")
    run.let("beyond", "Bool", either(beyond))
    for unit, terms in accepted.items():
        run.let(f"for_{unit.name.lower()}", "Bool", either(terms))
    some = " ".join(f"for_{unit.name.lower()}" for unit in Unit)
    expected = {
        **{f"{unit.name.lower()}__valid": f"for_{unit.name.lower()}" for unit in Unit},
        "ended": "ends",
        "beyond": "beyond",
        "illegal": f"(not (or ends beyond {some}))",
    }
    claims = [
        f"(= {run.at(name, DECIDED)} (and (not fault) {term}))" for name, term in expected.items()
    ]
    claims.append(f"(= {run.at('fault', DECIDED)} fault)")
    run.prove(*claims, *_forwarded(run), show=["opcode", INSTRUCTION, *claims])


def _forwarded(run: Unrolling) -> list[str]:
    """Each unit's queue is shown the instruction's masks and fields."""
    claims: list[str] = []
    for unit in Unit:
        name = f"{unit.name.lower()}__payload"
        for part, low in (("wait", 4), ("signal", 8)):
            bits = f"((_ extract {low + 3} {low}) payload)"
            claims.append(f"(= {run.at(f'{name}.{part}', DECIDED)} {bits})")
        width = run.width(f"{name}.fields")
        body = f"((_ extract {HEADER_BITS + width - 1} {HEADER_BITS}) payload)"
        claims.append(f"(= {run.at(f'{name}.fields', DECIDED)} {body})")
    return claims


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_exactly_the_legal_instructions_are_accepted(name: str) -> None:
    accepts(CONFIGURATIONS[name])


class Watched(wiring.Component):
    """Dispatch under any instructions, pauses and halts.

    Members
    -------
    legal : an instruction stays until it is accepted
    once : what is accepted has been handed to one queue, and nothing else has
    stable : what a queue is offered stays until it is taken
    """

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch
        super().__init__(
            {"i_valid": In(1), "i_payload": In(257), "halt": In(1), "ready": In(len(Unit))}
            | {name: Out(1) for name in ("legal", "once", "stable")}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.dispatch = dispatch = self._dispatch
        m.d.comb += [
            dispatch.i.valid.eq(self.i_valid),
            dispatch.i.payload.as_value().eq(self.i_payload),
            dispatch.halt.eq(self.halt),
        ]
        waits, before, legal = Signal(), Signal(257), Signal(init=1)
        same = self.i_valid & (self.i_payload == before)
        m.d.comb += self.legal.eq(legal & (~waits | same))
        m.d.sync += [
            waits.eq(self.i_valid & ~dispatch.i.ready),
            before.eq(self.i_payload),
            legal.eq(self.legal),
        ]
        handed, stable = Signal(len(Unit)), []
        for unit in Unit:
            port = getattr(dispatch, unit.name.lower())
            offered = Cat(port.valid, port.payload)
            pending, was = (
                Signal(name=f"pending{unit:d}"),
                Signal(len(offered), name=f"was{unit:d}"),
            )
            m.d.comb += [port.ready.eq(self.ready[unit]), handed[unit].eq(port.valid & port.ready)]
            m.d.sync += [pending.eq(port.valid & ~port.ready), was.eq(offered)]
            stable.append(~pending | (offered == was))
        due = Signal()  # the current instruction has been handed
        some = handed.any()
        m.d.sync += due.eq((due | some) & ~dispatch.i.ready)
        alone = (handed & (handed - 1)[: len(Unit)]) == 0
        m.d.comb += [
            self.once.eq((dispatch.i.ready == due) & ~(some & due) & alone),
            self.stable.eq(Cat(stable).all()),
        ]
        return m


def hands_once(dispatch: Dispatch) -> None:
    run = Unrolling(Hardware.of(Watched(dispatch)), CYCLES, interrupted=True)
    run.assume(run.at("legal", CYCLES))
    claims = [run.at(name, k) for k in range(1, CYCLES + 1) for name in ("once", "stable")]
    run.prove(*claims, show=claims)


def test_each_instruction_is_handed_once() -> None:
    hands_once(Dispatch(SMALL))


def test_an_instruction_that_is_handed_twice_has_a_counterexample() -> None:
    class Twice(Dispatch):
        def elaborate(self, platform: object) -> Module:
            m = super().elaborate(platform)
            again = Signal()
            m.d.sync += again.eq(self.load.valid & self.load.ready & ~again)
            with m.If(again):
                m.d.sync += self.load.valid.eq(1)
            return m

    with pytest.raises(Counterexample, match="= false"):
        hands_once(Twice(SMALL))


def off_by_one(kind: type[Rule]) -> Callable[..., Value]:
    """A circuit whose bounds of one kind are one further."""
    condition = hardware.Rules._condition

    def broken(self: hardware.Rules, fields: Any, rule: Rule) -> Value:
        if type(rule) is kind is AtMost:
            bound = hardware.value_of(rule.bound, self._parameters)
            return fields[rule.field] <= bound + 1
        if type(rule) is kind is AtLeast:
            bound = hardware.value_of(rule.bound, self._parameters)
            return fields[rule.field] > bound
        if type(rule) is kind is Unless:
            return condition(self, fields, rule.rule)
        return condition(self, fields, rule)

    return broken


@pytest.mark.parametrize("kind", [AtMost, AtLeast, Unless])
def test_a_wrong_rule_has_a_counterexample(
    monkeypatch: pytest.MonkeyPatch, kind: type[Rule]
) -> None:
    monkeypatch.setattr(hardware.Rules, "_condition", off_by_one(kind))
    with pytest.raises(Counterexample, match="opcode = "):
        accepts(SMALL, Hardware.of(Dispatch(SMALL)))


def test_a_rule_that_is_left_out_has_a_counterexample(monkeypatch: pytest.MonkeyPatch) -> None:
    keeps = hardware.Rules.keeps

    def fewer(self: hardware.Rules, opcode: Opcode, error: ErrorCode) -> Value:
        return keeps(self, Opcode.LOAD if opcode == Opcode.STORE else opcode, error)

    monkeypatch.setattr(hardware.Rules, "keeps", fewer)
    accepts(SMALL, Hardware.of(Dispatch(SMALL)))  # the two have the same rules

    def none(self: hardware.Rules, opcode: Opcode, error: ErrorCode) -> Value:
        return keeps(self, Opcode.END if opcode == Opcode.WEIGHT else opcode, error)

    monkeypatch.setattr(hardware.Rules, "keeps", none)
    with pytest.raises(Counterexample, match="opcode = #b"):
        accepts(SMALL, Hardware.of(Dispatch(SMALL)))
