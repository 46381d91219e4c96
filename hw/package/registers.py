"""The register map field by field, for headers and documents."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from ...spec.isa import Unit
from ...spec.isa_features import FEATURES, features
from ...spec.parameters import Parameters
from ...spec.registers import (
    IDENTIFICATION,
    RECORDED,
    VERSION,
    WRITABLE,
    Command,
    ErrorCode,
    Register,
    Status,
    UnitState,
)

__all__ = ["Field", "RegisterMap", "registers"]

READ, WRITE, BOTH, CLEAR = "read-only", "write-only", "read-write", "write-1-to-clear"

_WORDS = {
    Register.ID: "what answers at this address: the letters MACC",
    Register.VERSION: "version of the registers and instructions: major, minor, patch (16 bits)",
    Register.CONTROL: "commands",
    Register.STATUS: "state of the program",
    Register.IRQ_ENABLE: "interrupt enable",
    Register.PROGRAM: "byte offset of the program from the base address",
    Register.BASE_LOW: "base address of all offsets, low word",
    Register.BASE_HIGH: "base address of all offsets, high word",
    Register.ROWS: "rows of the array",
    Register.COLS: "columns of the array",
    Register.LANES: "requantizer lanes",
    Register.AXI_BYTES: "bytes of the memory bus",
    Register.ACTIVATION_BYTES: "bytes of the activation scratchpad",
    Register.WEIGHT_BYTES: "bytes of the weight scratchpad",
    Register.OUTPUT_BYTES: "bytes of the output scratchpad",
    Register.ACCUMULATORS: "pixels of a tile in the accumulators",
    Register.UNITS: "what each unit is doing",
    Register.INSTRUCTION: "instructions handed out since the start",
    Register.LINE_CELLS: "cells of a line that depthwise layers and max pools scan",
    Register.FEATURES: "instructions and modes that the hardware has",
}
_COMMAND = {
    Command.START: "start the program; ignored while one runs",
    Command.ABORT: "end the program that runs, with ERROR_CODE ABORTED; ignored while none does",
}
_STATUS = {
    Status.BUSY: (READ, "a program runs"),
    Status.DONE: (CLEAR, "the program has ended"),
    Status.ERROR: (CLEAR, "it ended early; clearing this clears ERROR_CODE"),
    Status.RECORDED: (CLEAR, "a RECORD instruction asked for the interrupt"),
}
_FIELD = {  # of the read-write registers
    Register.IRQ_ENABLE: ("ENABLE", "interrupt while DONE, ERROR or RECORDED is set"),
    Register.PROGRAM: ("OFFSET", "a multiple of 256; keeps its value while a program runs"),
    Register.BASE_LOW: ("ADDRESS", "a multiple of 4096; keeps its value while a program runs"),
    Register.BASE_HIGH: ("ADDRESS", "bits 32 to 39; keeps its value while a program runs"),
}


@dataclass(frozen=True)
class Field:
    """A bit field of a register; `values` names its legal values."""

    name: str
    low: int
    bits: int
    access: str
    what: str
    values: type[IntEnum] | None = None

    @property
    def mask(self) -> int:
        """Its bits in the register."""
        return (1 << self.bits) - 1 << self.low


@dataclass(frozen=True)
class RegisterMap:
    """One register of 32 bits.

    Attributes
    ----------
    name : str
    address : int
        Byte address on the control port.
    what : str
    fields : tuple of Field
        Bits outside all fields read as 0.
    reset : int
        Value after reset.
    """

    name: str
    address: int
    what: str
    fields: tuple[Field, ...]
    reset: int = 0


def registers(parameters: Parameters) -> tuple[RegisterMap, ...]:
    """All registers, by address.

    Parameters
    ----------
    parameters : Parameters
        Read-only values of the registers named after them.

    Returns
    -------
    tuple of RegisterMap
    """
    constants = {
        Register.ID: IDENTIFICATION,
        Register.VERSION: VERSION,
        Register.FEATURES: int(features(parameters)),
    }
    for register in Register:
        value = getattr(parameters, register.name.lower(), None)
        if value is not None:
            constants[register] = value
    found = [
        RegisterMap(
            register.name,
            int(register),
            _WORDS[register],
            tuple(_fields(register)),
            constants.get(register, 0),
        )
        for register in _WORDS
    ]
    return tuple(sorted((*found, *_counters()), key=lambda register: register.address))


def _fields(register: Register) -> Iterator[Field]:
    if register == Register.CONTROL:
        for bit, what in _COMMAND.items():
            yield Field(bit.name, bit.bit_length() - 1, 1, WRITE, what)
    elif register == Register.STATUS:
        for bit, (access, what) in _STATUS.items():
            yield Field(bit.name, bit.bit_length() - 1, 1, access, what)
        yield Field("ERROR_CODE", 8, 8, READ, "why the program ended early", ErrorCode)
    elif register == Register.UNITS:
        for name, place in (*((unit.name, int(unit)) for unit in Unit), ("FETCH", len(Unit))):
            yield Field(name, 4 * place, 4, READ, f"state of the {name.lower()} unit", UnitState)
    elif register == Register.FEATURES:
        for feature, what in FEATURES.items():
            yield Field(feature.name or "", feature.bit_length() - 1, 1, READ, what)
    elif register in WRITABLE:
        name, what = _FIELD[register]
        mask = WRITABLE[register]
        low = (mask & -mask).bit_length() - 1
        yield Field(name, low, mask.bit_length() - low, BOTH, what)
    else:
        yield Field("VALUE", 0, 32, READ, _WORDS[register])


def _counters() -> Iterator[RegisterMap]:
    for index, counter in enumerate(RECORDED):
        for word, half in enumerate(("LOW", "HIGH")):
            what = f"{_COUNTED.get(counter, f'cycles: {counter}')}, {half.lower()} word"
            yield RegisterMap(
                f"{counter.upper()}_{half}",
                Register.CYCLES + 8 * index + 4 * word,
                what,
                (Field("VALUE", 0, 32, READ, what),),
            )


_COUNTED = {"cycles": "cycles from start to end", "macs": "multiplications"}
