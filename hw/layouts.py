"""Amaranth layouts: of the instruction set, from `maccord.spec.isa`, and of vectors."""

from __future__ import annotations

from amaranth.hdl import signed, unsigned
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Member, Out

from ..spec.isa import FIELDS, HEADER_BITS, INSTRUCTION_BYTES, Opcode, Unit
from ..spec.parameters import Parameters
from ..spec.registers import UnitState

__all__ = [
    "command_layout",
    "compute_layout",
    "fields_layout",
    "header_layout",
    "unit_port",
    "vector_layout",
]


def fields_layout(opcode: Opcode) -> data.StructLayout:
    """Fields of one opcode, in the order of their encoding."""
    return data.StructLayout(
        {
            name: signed(bits) if is_signed else unsigned(bits)
            for name, (bits, is_signed) in FIELDS[opcode].items()
        }
    )


def header_layout() -> data.StructLayout:
    """Return the common head of an instruction and, behind it, its bits."""
    return data.StructLayout(
        {
            "opcode": 4,
            "wait": 4,
            "signal": 4,
            "reserved": HEADER_BITS - 12,
            "body": INSTRUCTION_BYTES * 8 - HEADER_BITS,
        }
    )


def command_layout(opcode: Opcode, **extra: int) -> data.StructLayout:
    """Return what a unit's queue holds: token masks, `extra` bits, and the fields of an opcode."""
    return data.StructLayout({"wait": 4, "signal": 4, **extra, "fields": fields_layout(opcode)})


def compute_layout() -> data.StructLayout:
    """Return the compute queue's entry: `setup` marks SETUP and SETUP_ADD, `add` the latter."""
    opcodes = (Opcode.COMPUTE, Opcode.SETUP, Opcode.SETUP_ADD)
    fields = {opcode.name.lower(): fields_layout(opcode) for opcode in opcodes}
    return data.StructLayout(
        {"wait": 4, "signal": 4, "setup": 1, "add": 1, "fields": data.UnionLayout(fields)}
    )


def unit_port(command: data.StructLayout) -> dict[str, Member]:
    """Members that every unit has: commands, `halt`, tokens as masks of units, and its state."""
    return {
        "i": In(stream.Signature(command)),
        "halt": In(1),
        "held": In(len(Unit)),
        "take": Out(len(Unit)),
        "give": Out(len(Unit)),
        "state": Out(UnitState),
    }


def vector_layout(parameters: Parameters) -> data.StructLayout:
    """Return what comes with a vector of activations.

    Parameters
    ----------
    parameters : Parameters
        Uses `accumulators`.

    Returns
    -------
    data.StructLayout
        `valid`: there is a vector; `swap`: it is the first that uses the matrix captured last;
        `address` of its accumulators; `first`: they begin at the bias; `last`: their sums go to
        the requantizers and are not kept; `load_bias`, `load_multiplier`: from this vector on,
        the biases (the multipliers) are those loaded last.
    """
    return data.StructLayout(
        {
            "valid": 1,
            "swap": 1,
            "address": range(parameters.accumulators),
            "first": 1,
            "last": 1,
            "load_bias": 1,
            "load_multiplier": 1,
        }
    )
