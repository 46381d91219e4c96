"""A row's weights from packed bytes, and the token that tells each row when to take them."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Value
from amaranth.lib import data

from ...spec.weight_widths import WIDTH_CODES, packing
from ..parts.delay import delay

__all__ = ["TOKEN", "next_token", "unpack"]


#: Starts at a tile's first row, and reaches each row with the packed byte that is for it.
#: `capture`: the row takes its weight. `width`: code of the tile's width.
TOKEN = data.StructLayout({"capture": 1, "width": 2})


def unpack(packed: Value, width: Value, row: int) -> Value:
    """Return the weight of one row, signed, of `packed`: 8 bits that n rows share.

    Parameters
    ----------
    packed : Value
        unsigned(8); row `row` takes part `row` % n of it.
    width : Value
        Code of the tile's width.
    row : int
        Of the array.
    """
    weight = packed.as_signed()
    for bits in (4, 2):
        part = packed.word_select(row % packing(bits), bits).as_signed()
        weight = Mux(width == WIDTH_CODES[bits], part, weight)
    return weight


def next_token(m: Module, row: int, token: Value) -> Value:
    """Return the token of the row below `row`.

    Weights move down by a row each cycle. A row that shares its byte with the row above sees it
    one cycle later; the first one of the next byte, presented a cycle later, sees that after two.
    """
    now, late = data.View(TOKEN, token), data.View(TOKEN, delay(m, f"late_{row}", token, 1))
    shares = [WIDTH_CODES[bits] for bits in (4, 2) if (row + 1) % packing(bits)]

    def sharing(one: data.View) -> Value:
        return Cat(one.width == code for code in shares).any()

    soon = now.capture & sharing(now)
    below = Mux(soon, token, late.as_value() & Cat(~sharing(late), 1, 1))
    return delay(m, f"token_{row}", below, 1)
