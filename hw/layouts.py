"""Amaranth layouts of instructions, from `maccord.spec.isa`, and of vector control."""

from __future__ import annotations

from amaranth.hdl import Mux, Value, signed, unsigned
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Member, Out

from ..spec.isa import FIELDS, HEADER_BITS, INSTRUCTION_BYTES, WIDE_WINDOW, Opcode, Unit
from ..spec.parameters import Parameters
from ..spec.registers import UnitState

__all__ = [
    "ROW_KINDS",
    "command_layout",
    "compute_layout",
    "fields_layout",
    "header_layout",
    "store_layout",
    "unit_port",
    "vector_layout",
    "weight_layout",
    "window_cells",
]


#: The flag `row` of the store unit's queue entry, 0 for the other instructions.
ROW_KINDS = {Opcode.SETUP_ROW: 1, Opcode.ROW_TABLE: 2, Opcode.ROWS: 3}


def fields_layout(
    opcode: Opcode, *, narrow: bool = False, half_up: bool = False, gather: bool = False
) -> data.StructLayout:
    """Fields of one opcode, in the order of their encoding.

    `weight_width`, SETUP's last one, is only there for hardware that is `narrow`, and `half_up`,
    SETUP_ADD's last one, for hardware that is `half_up`; COMPUTE's last two, `keep` and `kept`, for
    hardware with `gather`.
    """
    absent: set[str] = set()
    for there, names in (
        (narrow, ("weight_width",)),
        (half_up, ("half_up",)),
        (gather, ("keep", "kept")),
    ):
        absent |= set() if there else set(names)
    return data.StructLayout(
        {
            name: signed(bits) if is_signed else unsigned(bits)
            for name, (bits, is_signed) in FIELDS[opcode].items()
            if name not in absent
        }
    )


def header_layout() -> data.StructLayout:
    """Return the common instruction header, followed by the body's bits."""
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
    """Return a unit's queue entry: token masks, `extra` bits, and the fields of an opcode."""
    return data.StructLayout({"wait": 4, "signal": 4, **extra, "fields": fields_layout(opcode)})


def weight_layout(parameters: Parameters) -> data.StructLayout:
    """Return the weight queue's entry; with `gather` it may be a GATHER, which it marks."""
    if not parameters.gather:
        return command_layout(Opcode.WEIGHT, fill=1)
    fields = {op.name.lower(): fields_layout(op) for op in (Opcode.WEIGHT, Opcode.GATHER)}
    layout = {"wait": 4, "signal": 4, "gather": 1, "fields": data.UnionLayout(fields)}
    return data.StructLayout(layout)


def compute_layout(parameters: Parameters) -> data.StructLayout:
    """Return the compute queue's entry.

    Parameters
    ----------
    parameters : Parameters
        Uses `product`, `narrow`, `half_up` and `gather`.

    Returns
    -------
    data.StructLayout
        `setup` marks every instruction but COMPUTE and TABLE, `add` those of two operands:
        SETUP_ADD and SETUP_MUL. `mul`, which exists with `product`, marks SETUP_MUL. `add`
        without `setup` marks TABLE, whose field lies where the union begins.
    """
    opcodes = [Opcode.COMPUTE, Opcode.SETUP, Opcode.SETUP_ADD]
    flags = {"setup": 1, "add": 1}
    if parameters.product:
        opcodes.append(Opcode.SETUP_MUL)
        flags["mul"] = 1
    fields = {
        opcode.name.lower(): fields_layout(
            opcode,
            narrow=parameters.narrow,
            half_up=parameters.half_up,
            gather=parameters.gather,
        )
        for opcode in opcodes
    }
    return data.StructLayout(
        {"wait": 4, "signal": 4} | flags | {"fields": data.UnionLayout(fields)}
    )


def store_layout(parameters: Parameters) -> data.StructLayout:
    """Return the store queue's entry.

    Parameters
    ----------
    parameters : Parameters
        Uses `row_lanes`.

    Returns
    -------
    data.StructLayout
        `record` marks RECORD. `row`, which exists with `row_lanes`, is one of `ROW_KINDS`; the
        fields of these instructions lie where STORE's begin.
    """
    return command_layout(Opcode.STORE, record=1, **({"row": 2} if parameters.row_lanes else {}))


def window_cells(setup: data.View, parameters: Parameters) -> Value:
    """Return the width of the window that a SETUP selects, cells."""
    if not parameters.wide_window:
        return setup.window_width
    return Mux(setup.window_width == 0, WIDE_WINDOW, setup.window_width)


def unit_port(command: data.StructLayout) -> dict[str, Member]:
    """Members common to all units: commands, `halt`, token masks, and state."""
    return {
        "i": In(stream.Signature(command)),
        "halt": In(1),
        "held": In(len(Unit)),
        "take": Out(len(Unit)),
        "give": Out(len(Unit)),
        "state": Out(UnitState),
    }


def vector_layout(parameters: Parameters) -> data.StructLayout:
    """Return the control that accompanies a vector of activations.

    Parameters
    ----------
    parameters : Parameters
        Uses `accumulators` and `gather`.

    Returns
    -------
    data.StructLayout
        `valid`: the vector is valid.
        `swap`: the vector is the first to use the matrix captured last.
        `address`: accumulator address.
        `first`: accumulation starts from the bias.
        `last`: the sums go to the requantizers and are not written back.
        `load_bias`: from this vector on, the biases are those loaded last.
        `load_multiplier`: from this vector on, the multipliers are those loaded last.
        `keep`, with `gather`: the vector's sum becomes the bias, 1 as it is, 2 twice.
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
        | ({"keep": 2} if parameters.gather else {})
    )
