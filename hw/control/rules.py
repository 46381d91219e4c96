"""Logic that checks the rules of `maccord.spec.isa_rules`."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib.data import View

from ...spec.isa import TABLE, Opcode
from ...spec.isa_rules import (
    AlignedTo,
    AtLeast,
    AtMost,
    Equals,
    Implemented,
    NonZero,
    Rule,
    Unless,
    UnlessWhere,
    Where,
    WithinScratchpad,
    value_of,
)
from ...spec.parameters import Parameters
from ...spec.registers import ErrorCode
from ..layouts import fields_layout

__all__ = ["Rules"]


class Rules:
    """Checks every rule of every instruction; instructions share the logic of equal rules.

    Parameters
    ----------
    m : Module
        Receives the registers.
    body : Value
        Instruction from its first field on.
    parameters : Parameters
    """

    def __init__(self, m: Module, body: Value, parameters: Parameters) -> None:
        self._m = m
        self._body = body
        self._parameters = parameters
        self._tests: dict[tuple[object, ...], Signal] = {}

    def keeps(self, opcode: Opcode, error: ErrorCode) -> Value:
        """Whether the fields satisfy an opcode's rules for one error, one cycle late."""
        rules = (rule for rule in TABLE[opcode].rules if rule.error == error)
        tests = [self._test(opcode, rule) for rule in rules if self._applies(rule)]
        return Cat(tests).all() if tests else Const(1)

    def _applies(self, rule: Rule) -> bool:
        """Whether the hardware has the field that a rule is on."""
        return not isinstance(rule, Where) or bool(value_of(rule.has, self._parameters))

    def _test(self, opcode: Opcode, rule: Rule) -> Signal:
        """Return the register that holds whether a rule is satisfied."""
        p = self._parameters
        layout = fields_layout(opcode, narrow=p.narrow, half_up=p.half_up, gather=p.gather)
        fields = View(layout, self._body[: layout.size])
        key = (rule, layout[rule.field].offset, layout[rule.field].width)
        if key not in self._tests:
            test = Signal(name=f"keeps_{opcode.name.lower()}_{len(self._tests)}")
            self._m.d.sync += test.eq(self._condition(fields, rule))
            self._tests[key] = test
        return self._tests[key]

    def _condition(self, fields: View, rule: Rule) -> Value:
        """Whether a rule is satisfied, combinationally."""
        value, p = fields[rule.field], self._parameters
        match rule:
            case NonZero():
                return value != 0
            case AtLeast():
                return value >= value_of(rule.bound, p)
            case AtMost():
                return value <= value_of(rule.bound, p)
            case Equals():
                return value == value_of(rule.bound, p)
            case AlignedTo():
                return (value & (value_of(rule.bound, p) - 1)) == 0
            case WithinScratchpad():
                return (value >> (value_of(rule.bound, p) - 1).bit_length()) == 0
            case Implemented():
                return Cat(value == choice for choice in rule.values(p)).any()
            case UnlessWhere() if not value_of(rule.has, p):
                return self._condition(fields, rule.rule)
            case Where():
                return self._condition(fields, rule.rule)
            case Unless():
                return (value == rule.value) | self._condition(fields, rule.rule)
            case _:
                raise TypeError(f"no circuit for the rule {rule}")
