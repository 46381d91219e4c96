"""Ports that the functions of rows have in common."""

from __future__ import annotations

from amaranth.lib import stream
from amaranth.lib.wiring import In, Member, Out

from .row_buffer import check_shape

__all__ = ["row_ports"]


def row_ports(*, lanes: int, longest: int, entries: int, entry_bits: int) -> dict[str, Member]:
    """Return the members of a function of rows.

    Parameters
    ----------
    lanes, longest : int
        As `check_shape`.
    entries, entry_bits : int
        Of its table.

    Returns
    -------
    dict of str to Member
        `write_enable`, `write_address`, `write_data`: write port of the table, written while no
        row is in the unit. `elements`: of a row, 1 or more, constant while rows are in the unit.
        `i`: stream of vectors of codes minus 128, 8 bits per lane. `o`: as many vectors of results,
        codes minus 128, which cannot wait.
    """
    check_shape(lanes, longest)
    return {
        "write_enable": In(1),
        "write_address": In(range(entries)),
        "write_data": In(entry_bits),
        "elements": In(range(longest + 1)),
        "i": In(stream.Signature(8 * lanes)),
        "o": Out(stream.Signature(8 * lanes, always_ready=True)),
    }
