"""Dispatch, golden check and machine refuse the same instructions: cases from the table itself.

`test_dispatch.py` states independently of the table what is illegal; here every rule is met and
broken at its bounds, and fields are random.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from amaranth.hdl import ResetInserter, Signal
from stream_bench import Bench, decode

from maccord.golden.machine.machine import Machine, ProgramError
from maccord.hw.control import rules as hw_rules
from maccord.hw.control.dispatch import Dispatch
from maccord.hw.layouts import header_layout
from maccord.spec.isa import (
    TABLE,
    Instruction,
    Mode,
    Opcode,
    check,
    encode,
    encode_program,
    implemented,
)
from maccord.spec.isa_rules import Implemented, Rule, Unless, Where, value_of
from maccord.spec.parameters import Parameters
from maccord.spec.registers import ErrorCode

CONFIGURATIONS = {
    "no depthwise": Parameters(
        rows=4, cols=12, axi_bytes=16, activation_bytes=2048, weight_bytes=1024, output_bytes=1024
    ),
    "depthwise": Parameters(
        *(9, 3),
        axi_bytes=8,
        activation_bytes=4096,
        weight_bytes=1024,
        accumulators=16,
        product=True,
    ),
    "windows 5": Parameters(
        *(15, 3),
        axi_bytes=8,
        activation_bytes=4096,
        weight_bytes=1024,
        accumulators=16,
        window_width=5,
        half_up=True,
    ),
    "packed weights": Parameters(
        *(9, 3), axi_bytes=8, activation_bytes=4096, weight_bytes=1024, narrow=True
    ),
    "weights of 4 bits": Parameters(
        *(9, 3), axi_bytes=8, activation_bytes=4096, weight_bytes=1024, narrow=True, weight_bits=4
    ),
    "weights of 2 bits": Parameters(
        *(4, 3), axi_bytes=8, activation_bytes=4096, weight_bytes=1024, narrow=True, weight_bits=2
    ),
    "tables": Parameters(
        rows=4, cols=4, axi_bytes=8, activation_bytes=2048, weight_bytes=1024, lookup=True
    ),
    "rows": Parameters(
        *(5, 4),
        axi_bytes=8,
        activation_bytes=2048,
        weight_bytes=1024,
        row_lanes=2,
        row_elements=512,
    ),
}
CASES = pytest.mark.parametrize("p", CONFIGURATIONS.values(), ids=CONFIGURATIONS)
#: Rows or passes up to which the machine, which goes through them one by one, takes part.
LONGEST = 256


def opcodes(p: Parameters) -> list[Opcode]:
    """Instructions that the hardware has."""
    return [opcode for opcode in TABLE if implemented(opcode, p)]


def near(opcode: Opcode, rule: Rule, p: Parameters) -> list[int]:
    """Values around a rule's bound that its field can hold; a power of two alone, too."""
    while isinstance(rule, Unless):
        rule = rule.rule
    (field,) = (f for f in TABLE[opcode].fields if f.name == rule.subject)
    low, high = field.span
    found = {0, 1, 2, high, high // 2 + 1}
    if isinstance(rule, Implemented):
        found |= set(range(low, high + 1))
    bound = getattr(rule, "bound", None)
    if bound is not None:
        b = value_of(bound, p)
        found |= {b - 1, b, b + 1, b // 2, 2 * b, b - p.axi_bytes, b + p.axi_bytes}
    return sorted(value for value in found if low <= value <= high)


def legal(opcode: Opcode, p: Parameters) -> Instruction:
    """An instruction that keeps all rules, most of its fields 0; the hardware may lack it."""
    fields = dict.fromkeys((field.name for field in TABLE[opcode].fields), 0)
    for rule in TABLE[opcode].rules:
        if not rule.holds(fields, p):
            fields[rule.subject] = next(
                value
                for value in near(opcode, rule, p)
                if all(
                    r.holds(fields | {rule.subject: value}, p)
                    for r in TABLE[opcode].rules
                    if r.subject == rule.subject
                )
            )
    found = Instruction(opcode, fields)
    assert (check(found, p) == ErrorCode.NONE) == implemented(opcode, p)
    return found


def at_bounds(p: Parameters) -> Iterator[tuple[Rule, Instruction]]:
    """Instructions in which one field lies near the bound of a rule, in every mode."""
    for opcode in opcodes(p):
        entry = TABLE[opcode]
        for rule in entry.rules:
            base = legal(opcode, p)
            bases = [base]
            if isinstance(rule, Implemented | Unless) and "mode" in base.fields:
                window = {r.subject: 1 for r in entry.rules if isinstance(r, Unless)}
                bases += [
                    replace(base, fields=base.fields | window | {"mode": mode})
                    for mode in Mode
                    if mode != Mode.MUL  # not a value of the field
                ]
            for start in bases:
                for value in near(opcode, rule, p):
                    yield rule, replace(start, fields=start.fields | {rule.subject: value})


def at_random(p: Parameters, rng: np.random.Generator) -> Instruction:
    """A legal instruction with some of its fields random or near the bounds of a rule."""
    opcode = Opcode(int(rng.choice(opcodes(p))))
    found = legal(opcode, p)
    fields = dict(found.fields)
    rules = {rule.subject: rule for rule in TABLE[opcode].rules}
    for field in TABLE[opcode].fields:
        low, high = field.span
        if field.name not in rules or rng.random() < 0.05:
            kind = np.int64 if field.signed else np.uint64
            fields[field.name] = int(rng.integers(low, high, endpoint=True, dtype=kind))
        elif rng.random() < 0.3:
            fields[field.name] = int(rng.choice(near(opcode, rules[field.name], p)))
    return replace(found, fields=fields)


def by_hardware(program: list[Instruction], p: Parameters) -> list[ErrorCode]:
    """What Dispatch says of each instruction, all of the others forgotten."""
    block, reset = Dispatch(p), Signal()
    bench = Bench(ResetInserter(reset)(block))
    names = ("illegal", "beyond", "ended", "fault")
    flags = {name: bench.watch(getattr(block, name)) for name in names}
    ports = [bench.watch(getattr(block, n).valid) for n in ("load", "weight", "compute", "store")]
    items = [
        {"instruction": decode(header_layout(), int.from_bytes(encode(i), "little")), "fault": 0}
        for i in program
    ]
    period = Dispatch.LATENCY + 2
    bench.drive(block.i.valid, 1)

    def show() -> None:
        index, phase = divmod(bench.cycle + 1, period)
        bench.drive(block.i.payload, items[min(index, len(items) - 1)])
        bench.drive(reset, int(phase == period - 1))

    show()
    bench.each_cycle(show)
    bench.run(lambda: bench.cycle == period * len(program) - 1)
    found = []
    for index in range(len(program)):
        at = Dispatch.LATENCY + index * period
        illegal, beyond, ended, fault = (flags[name].values[at] for name in names)
        handed = sum(port.values[at] for port in ports)
        assert illegal + beyond + ended + fault + handed == 1
        found.append(
            ErrorCode.ILLEGAL_INSTRUCTION
            if illegal
            else ErrorCode.SCRATCHPAD_RANGE
            if beyond
            else ErrorCode.NONE
        )
    return found


def by_machine(instruction: Instruction, p: Parameters) -> ErrorCode:
    """Why the machine refuses an instruction as dispatch would; static rules do not count."""
    data = encode_program([instruction, Instruction(Opcode.END, {})])
    try:
        Machine(p, np.frombuffer(data, np.uint8).copy()).run(0)
    except ProgramError as error:
        return error.code if error.at_dispatch else ErrorCode.NONE
    return ErrorCode.NONE


def work(instruction: Instruction) -> int:
    """Rows of a transfer, or passes of a SETUP's walk, at most."""
    if instruction.opcode == Opcode.SETUP:
        return instruction["run"] * instruction["taps"] * instruction["lines"]
    return instruction.fields.get("rows", 0)


def disagreements(program: list[Instruction], p: Parameters) -> list[Instruction]:
    due = [check(instruction, p) for instruction in program]
    return [
        instruction
        for instruction, golden, rtl in zip(program, due, by_hardware(program, p), strict=True)
        if golden != rtl or (work(instruction) <= LONGEST and by_machine(instruction, p) != golden)
    ]


@CASES
def test_every_rule_at_its_bounds(p: Parameters) -> None:
    cases = list(at_bounds(p))
    for opcode in opcodes(p):
        entry = TABLE[opcode]
        for rule in entry.rules:
            own = [i for r, i in cases if r is rule and i.opcode == opcode]
            others = [r for r in entry.rules if r is not rule]
            alone = [i for i in own if all(r.holds(i.fields, p) for r in others)]
            # Kept, and broken by itself: then a circuit without it is found out
            ignored = isinstance(rule, Where) and not value_of(rule.has, p)
            found = {rule.holds(i.fields, p) for i in alone}
            assert found == ({True} if ignored else {True, False}), rule
    assert disagreements([instruction for _, instruction in cases], p) == []


@CASES
def test_random_fields(p: Parameters) -> None:
    seed = p.rows
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    program = [at_random(p, rng) for _ in range(200)]
    refused = sum(check(instruction, p) != ErrorCode.NONE for instruction in program)
    assert 40 < refused < 160
    assert disagreements(program, p) == []


@pytest.mark.parametrize(
    ("opcode", "where"),
    [
        (Opcode.TABLE, "tables"),
        *((opcode, "rows") for opcode in (Opcode.SETUP_ROW, Opcode.ROW_TABLE, Opcode.ROWS)),
    ],
    ids=str,
)
def test_absent_instructions_are_refused(opcode: Opcode, where: str) -> None:
    """An instruction that keeps its rules, on hardware that does not have it."""
    having, lacking = CONFIGURATIONS[where], CONFIGURATIONS["depthwise"]
    table = legal(opcode, having)
    assert check(table, lacking) == ErrorCode.ILLEGAL_INSTRUCTION
    assert disagreements([table], lacking) == []
    assert disagreements([table], having) == []


def test_a_dispatch_without_a_rule_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    p = CONFIGURATIONS["no depthwise"]
    compute = TABLE[Opcode.COMPUTE]
    fewer = replace(compute, rules=tuple(r for r in compute.rules if r.subject != "output"))
    monkeypatch.setattr(hw_rules, "TABLE", TABLE | {Opcode.COMPUTE: fewer})
    cases = [i for _, i in at_bounds(p) if i.opcode == Opcode.COMPUTE]
    assert disagreements(cases, p) != []


def test_a_bound_off_by_one_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    p = CONFIGURATIONS["no depthwise"]

    def wrong(bound: int | str, parameters: Parameters) -> int:
        return value_of(bound, parameters) + (bound == "cols")

    monkeypatch.setattr(hw_rules, "value_of", wrong)
    cases = [i for _, i in at_bounds(p) if i.opcode == Opcode.COMPUTE]
    assert disagreements(cases, p) != []
