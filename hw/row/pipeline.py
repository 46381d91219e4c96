"""A pipeline whose registers and multipliers are placed as its code runs."""

from __future__ import annotations

from amaranth.hdl import Module, Value

from ..family.multiply import multiply
from ..parts.stages import activity, stages

__all__ = ["Pipeline"]


class Pipeline:
    """Stages of a pipeline that never stalls; `cut` and `product` are used as in `requantize`.

    Parameters
    ----------
    m : Module
        Receives the registers, in domain `sync`, without reset.
    valid : Value
        A value enters the first stage.
    count : int
        Stages, 2 or more; all are used.
    family : str
        One of `maccord.spec.parameters.FAMILIES`.
    suffix : str
        Of the registers' names.
    """

    def __init__(self, m: Module, valid: Value, count: int, family: str, suffix: str = "") -> None:
        self._m = m
        self._family = family
        self._suffix = suffix
        self._enables = activity(m, valid, count)
        self._cut = stages(m, self._enables, suffix)
        self._stage = 0

    def cut(self, **values: Value) -> tuple[Value, ...]:
        """Return values one stage later."""
        self._stage += 1
        return self._cut(**values)

    def product(self, name: str, a: Value, b: Value) -> Value:
        """Return the product of two operands two stages later."""
        load, finish = self._enables[self._stage : self._stage + 2]
        name = f"{name}_{self._stage}{self._suffix}"
        return multiply(self._m, name, a, b, load, finish, self._family)

    def finish(self) -> None:
        """Check that all stages are used."""
        assert self._stage == len(self._enables), (self._stage, len(self._enables))
