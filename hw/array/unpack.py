"""A row's weights from packed bytes, and the token that tells each row when to take them."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Cat, Const, Module, Mux, Value
from amaranth.lib import data

from ...spec.weight_widths import packing
from ..parts.delay import delay

__all__ = ["next_token", "token_layout", "unpack"]


def token_layout(widths: Sequence[int]) -> data.StructLayout:
    """Return the layout of the token that goes with a tile.

    It starts at the tile's first row, and reaches each row with the packed byte that is for it.
    `capture`: the row takes its weight. `width`: index of the tile's width in `widths`, if there
    are several.
    """
    width = {"width": (len(widths) - 1).bit_length()} if len(widths) > 1 else {}
    return data.StructLayout({"capture": 1} | width)


def unpack(packed: Value, token: Value, row: int, widths: Sequence[int]) -> Value:
    """Return the weight of one row, signed, of `packed`: 8 bits that n rows share.

    Parameters
    ----------
    packed : Value
        unsigned(8); row `row` takes part `row` % n of it.
    token : Value
        Of the tile.
    row : int
        Of the array.
    widths : sequence of int
        That tiles may have, widest first.
    """
    parts = [packed.word_select(row % packing(bits), bits).as_signed() for bits in widths]
    weight = parts[0]
    for index, part in enumerate(parts[1:], 1):
        weight = Mux(data.View(token_layout(widths), token).width == index, part, weight)
    return weight


def next_token(m: Module, row: int, token: Value, widths: Sequence[int]) -> Value:
    """Return the token of the row below `row`.

    Weights move down by a row each cycle. A row that shares its byte with the row above sees it
    one cycle later; the first one of the next byte, presented a cycle later, sees that after two.
    """
    shares = [index for index, bits in enumerate(widths) if (row + 1) % packing(bits)]
    if len(widths) == 1:
        return delay(m, f"token_{row}", token, 1 if shares else 2)
    layout = token_layout(widths)
    now, late = (data.View(layout, each) for each in (token, delay(m, f"late_{row}", token, 1)))

    def sharing(one: data.View) -> Value:
        return Cat(one.width == index for index in shares).any()

    soon = now.capture & sharing(now)
    rest = late.as_value() & Cat(~sharing(late), Const(-1, len(token) - 1))
    return delay(m, f"token_{row}", Mux(soon, token, rest), 1)
