"""Rounded quotients of a table entry and a row's sum, as softmax's last step needs them."""

from __future__ import annotations

from amaranth.hdl import Cat, Mux, Value

from ..parts.stages import Cut

__all__ = ["QUOTIENT_STAGES", "quotient"]

_BITS = 9  # of the quotient: at most 256
#: Stages of `quotient`.
QUOTIENT_STAGES = _BITS + 1


def quotient(term: Value, total: Value, cut: Cut) -> Value:
    """Divide: min(255, ((term << 8) + (total >> 1)) // total).

    Parameters
    ----------
    term : Value
        At most `total`.
    total : Value
        32 bits, at least 1; constant while quotients are in flight.
    cut : callable
        As returned by `parts.stages.stages`.

    Returns
    -------
    Value
        8 bits, `QUOTIENT_STAGES` stages later.
    """
    # The dividend's lower bits are the same for all terms
    lower = total[1:9]
    rest: Value = (term + total[9:])[:33]
    found: list[Value] = []
    for bit in reversed(range(_BITS)):
        difference = rest - total
        fits = ~difference[-1]
        left = Mux(fits, difference[:33], rest)
        following = Cat(lower[bit - 1], left)[:33] if bit else left
        # Cycles 1 to 9: a bit of the quotient each
        rest, *found = cut(rest=following, **_named([*found, fits]))
    bits = Cat(*reversed(found))
    # Cycle 10: a quotient of 256 is code 255
    (y,) = cut(code=bits[:8] | bits[8].replicate(8))
    return y


def _named(bits: list[Value]) -> dict[str, Value]:
    return {f"bit{_BITS - 1 - index}": bit for index, bit in enumerate(bits)}
