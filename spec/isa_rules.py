"""Rules that the fields of an instruction must satisfy, as data.

Each rule checks one field. `maccord.spec.isa` lists the rules of every instruction,
`maccord.spec.isa.check` evaluates them, and `maccord.hw.control.dispatch` implements them in logic.
A bound is a number, or the name of a property of `Parameters`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .registers import ErrorCode

if TYPE_CHECKING:
    from .parameters import Parameters

__all__ = [
    "AlignedTo",
    "AtLeast",
    "AtMost",
    "Bound",
    "Equals",
    "Implemented",
    "NonZero",
    "OnlyWhere",
    "Rule",
    "Unless",
    "UnlessWhere",
    "Where",
    "WithinScratchpad",
    "value_of",
]

Bound = int | str
Fields = Mapping[str, int]


def value_of(bound: Bound, parameters: Parameters) -> int:
    """Return a bound as a number: itself, or the property of `parameters` that it names."""
    return bound if isinstance(bound, int) else int(getattr(parameters, bound))


@dataclass(frozen=True)
class Rule(ABC):
    """A constraint on one field.

    Attributes
    ----------
    field : str
    """

    field: str

    @property
    def subject(self) -> str:
        """Name of the field that a violation reports."""
        return self.field

    @property
    def error(self) -> ErrorCode:
        """Error code of a violation."""
        return ErrorCode.ILLEGAL_INSTRUCTION

    @abstractmethod
    def holds(self, fields: Fields, parameters: Parameters) -> bool:
        """Whether an instruction's fields satisfy the rule."""

    @abstractmethod
    def says(self, parameters: Parameters | None = None) -> str:
        """Return the rule in words, without the field's name, as ``must be at most 16``.

        Without `parameters`, a bound stands as its name.
        """


def _shown(bound: Bound, parameters: Parameters | None) -> str:
    return str(bound if parameters is None else value_of(bound, parameters))


@dataclass(frozen=True)
class NonZero(Rule):
    """The field is not 0."""

    def holds(self, fields: Fields, parameters: Parameters) -> bool:
        """Whether an instruction's fields satisfy the rule."""
        return fields[self.field] != 0

    def says(self, parameters: Parameters | None = None) -> str:
        """Return the rule in words."""
        return "must not be 0"


@dataclass(frozen=True)
class AtLeast(Rule):
    """The field is `bound` or more."""

    bound: Bound

    def holds(self, fields: Fields, parameters: Parameters) -> bool:
        """Whether an instruction's fields satisfy the rule."""
        return fields[self.field] >= value_of(self.bound, parameters)

    def says(self, parameters: Parameters | None = None) -> str:
        """Return the rule in words."""
        return f"must be at least {_shown(self.bound, parameters)}"


@dataclass(frozen=True)
class AtMost(Rule):
    """The field is `bound` or less."""

    bound: Bound

    def holds(self, fields: Fields, parameters: Parameters) -> bool:
        """Whether an instruction's fields satisfy the rule."""
        return fields[self.field] <= value_of(self.bound, parameters)

    def says(self, parameters: Parameters | None = None) -> str:
        """Return the rule in words."""
        return f"must be at most {_shown(self.bound, parameters)}"


@dataclass(frozen=True)
class Equals(Rule):
    """The field is `bound`."""

    bound: Bound

    def holds(self, fields: Fields, parameters: Parameters) -> bool:
        """Whether an instruction's fields satisfy the rule."""
        return fields[self.field] == value_of(self.bound, parameters)

    def says(self, parameters: Parameters | None = None) -> str:
        """Return the rule in words."""
        return f"must be {_shown(self.bound, parameters)}"


@dataclass(frozen=True)
class AlignedTo(Rule):
    """The field is a multiple of `bound`, a power of two."""

    bound: Bound

    def holds(self, fields: Fields, parameters: Parameters) -> bool:
        """Whether an instruction's fields satisfy the rule."""
        return fields[self.field] % value_of(self.bound, parameters) == 0

    def says(self, parameters: Parameters | None = None) -> str:
        """Return the rule in words."""
        return f"must be a multiple of {_shown(self.bound, parameters)}"


@dataclass(frozen=True)
class WithinScratchpad(Rule):
    """The field is an address below `bound`, the scratchpad's size, a power of two.

    Checks start addresses only. The unit detects a transfer that runs past the end; tiles that do
    are the compiler's responsibility.
    """

    bound: Bound

    @property
    def error(self) -> ErrorCode:
        """Error code of a violation."""
        return ErrorCode.SCRATCHPAD_RANGE

    def holds(self, fields: Fields, parameters: Parameters) -> bool:
        """Whether an instruction's fields satisfy the rule."""
        return fields[self.field] < value_of(self.bound, parameters)

    def says(self, parameters: Parameters | None = None) -> str:
        """Return the rule in words."""
        return f"must be below {_shown(self.bound, parameters)}"


@dataclass(frozen=True)
class Implemented(Rule):
    """The field is one of `choices` whose feature the hardware has.

    Attributes
    ----------
    choices : tuple of (int, str)
        A value, and the property of `Parameters` that enables it; empty if all hardware has it.
    """

    choices: tuple[tuple[int, str], ...]

    def values(self, parameters: Parameters) -> list[int]:
        """Return the legal values."""
        return [v for v, has in self.choices if not has or value_of(has, parameters)]

    def holds(self, fields: Fields, parameters: Parameters) -> bool:
        """Whether an instruction's fields satisfy the rule."""
        return fields[self.field] in self.values(parameters)

    def says(self, parameters: Parameters | None = None) -> str:
        """Return the rule in words."""
        if parameters is not None:
            return f"must be one of {', '.join(map(str, self.values(parameters)))}"
        words = [f"{int(v)} (where the hardware is {has})" if has else str(int(v))
                 for v, has in self.choices]  # fmt: skip
        return f"must be one of {', '.join(words)}"


@dataclass(frozen=True)
class Unless(Rule):
    """`rule` holds, or the field is `value`.

    Attributes
    ----------
    value : int
        Value of `field` for which `rule` does not apply.
    rule : Rule
        Rule on another field.
    """

    value: int
    rule: Rule

    @property
    def subject(self) -> str:
        """Name of the field that a violation reports."""
        return self.rule.subject

    @property
    def error(self) -> ErrorCode:
        """Error code of a violation."""
        return self.rule.error

    def holds(self, fields: Fields, parameters: Parameters) -> bool:
        """Whether an instruction's fields satisfy the rule."""
        return fields[self.field] == self.value or self.rule.holds(fields, parameters)

    def says(self, parameters: Parameters | None = None) -> str:
        """Return the rule in words."""
        return f"{self.rule.says(parameters)} unless {self.field} is {int(self.value)}"


@dataclass(frozen=True)
class UnlessWhere(Unless):
    """`rule` holds, or the field is `value` and the hardware is `has`.

    Attributes
    ----------
    has : str
        The property of `Parameters` without which `rule` always applies.
    """

    has: str

    def holds(self, fields: Fields, parameters: Parameters) -> bool:
        """Whether an instruction's fields satisfy the rule."""
        if value_of(self.has, parameters):
            return super().holds(fields, parameters)
        return self.rule.holds(fields, parameters)

    def says(self, parameters: Parameters | None = None) -> str:
        """Return the rule in words."""
        if parameters is not None and not value_of(self.has, parameters):
            return self.rule.says(parameters)
        where = f" (where the hardware is {self.has})" if parameters is None else ""
        return f"{self.rule.says(parameters)} or {self.field} is {int(self.value)}{where}"


@dataclass(frozen=True)
class Where(Rule):
    """`rule`, on the same field, holds where the hardware is `has`; elsewhere it has no such field.

    Attributes
    ----------
    has : str
        The property of `Parameters` without which the field's bits are ignored.
    rule : Rule
    """

    has: str
    rule: Rule

    @property
    def error(self) -> ErrorCode:
        """Error code of a violation."""
        return self.rule.error

    def holds(self, fields: Fields, parameters: Parameters) -> bool:
        """Whether an instruction's fields satisfy the rule."""
        return not value_of(self.has, parameters) or self.rule.holds(fields, parameters)

    def says(self, parameters: Parameters | None = None) -> str:
        """Return the rule in words."""
        where = f" (ignored unless the hardware is {self.has})" if parameters is None else ""
        return f"{self.rule.says(parameters)}{where}"


@dataclass(frozen=True)
class OnlyWhere(Where):
    """`rule`, on any field, holds where the hardware is `has`; other hardware does not check it."""

    @property
    def subject(self) -> str:
        """Name of the field that a violation reports."""
        return self.rule.subject

    def says(self, parameters: Parameters | None = None) -> str:
        """Return the rule in words."""
        where = f" (where the hardware is {self.has})" if parameters is None else ""
        return f"{self.rule.says(parameters)}{where}"
