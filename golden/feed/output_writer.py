"""Golden model of the output writer: output scratchpad addresses of a tile."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ...spec.isa import Instruction

__all__ = ["Write", "output_writer"]

_ADDRESSES = 1 << 24


class Write(NamedTuple):
    """The write of one pixel's vector: address of column 0, mask of the columns."""

    address: int
    enable: int


def output_writer(compute: Instruction) -> Iterator[Write]:
    """Yield the writes of a COMPUTE with `last`, in pixel order.

    Examples
    --------
    >>> from maccord.spec.isa import Opcode
    >>> fields = {"output": 5, "output_pitch": 8, "width": 2, "height": 1, "columns": 3}
    >>> list(output_writer(Instruction(Opcode.COMPUTE, fields)))
    [Write(address=5, enable=7), Write(address=13, enable=7)]
    """
    for pixel in range(compute["width"] * compute["height"]):
        address = compute["output"] + pixel * compute["output_pitch"]
        yield Write(address % _ADDRESSES, (1 << compute["columns"]) - 1)
