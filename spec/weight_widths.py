"""Widths of stored weights: their codes in SETUP, and the rows that a packed tile takes.

Weights of 4 bits are packed n = 2 to a byte, those of 2 bits n = 4. Packed row p of a tile holds
its rows n * p + i, i = 0 .. n - 1: byte j has column j's weight of that row in bits bits * i to
bits * (i + 1) - 1, two's complement.
"""

from __future__ import annotations

__all__ = ["FEWEST_CYCLES", "WIDTHS", "WIDTH_CODES", "packed_rows", "packing", "tile_cycles"]

#: Widths of weights in bits; the index is the value of SETUP's field `weight_width`.
WIDTHS = (8, 4, 2)
#: Value of SETUP's field `weight_width` by width.
WIDTH_CODES = {bits: code for code, bits in enumerate(WIDTHS)}
#: Fewest cycles from a pass to the next: the reduction and the accumulators need as many.
FEWEST_CYCLES = 4


def packing(bits: int) -> int:
    """Return how many weights of a width share a byte.

    Raises
    ------
    ValueError
        If it is none of `WIDTHS`.
    """
    if bits not in WIDTHS:
        raise ValueError(f"weight_bits must be 8, 4 or 2, got {bits!r}")
    return 8 // bits


def tile_cycles(rows: int, bits: int) -> int:
    """Return the fewest cycles of a pass: of reading its tile, but at least `FEWEST_CYCLES`."""
    return max(packed_rows(rows, bits), FEWEST_CYCLES)


def packed_rows(rows: int, bits: int) -> int:
    """Return the rows of the weight scratchpad that a tile of `rows` rows takes.

    Examples
    --------
    >>> [packed_rows(18, bits) for bits in (8, 4, 2)]
    [18, 9, 5]
    """
    return -(-rows // packing(bits))
