"""C headers: one common to all configurations, and one per configuration."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from enum import IntEnum

from ...spec.isa import Mode, Opcode, Unit
from ...spec.parameters import Parameters
from ...spec.registers import RECORDED, RESET_CYCLES, WITHOUT_REGISTER, ErrorCode, UnitState
from .description import DERIVED, INSTRUCTION_CONSTANTS, VERSION_TEXT
from .instructions import HEADER, InstructionField, layout
from .registers import registers

__all__ = ["COMMON", "common_header", "configuration_header"]

COMMON = "maccord.h"

_Macro = tuple[str, str, str]  # name, value, comment


def common_header() -> str:
    """Return the registers, bit fields, codes and encodings common to all configurations.

    Returns
    -------
    str
        A self-contained C99 header of macros, also legal in C++ and assembly.
    """
    parts = [
        _title(f"version {VERSION_TEXT}: registers and instructions"),
        "#ifndef MACCORD_H\n#define MACCORD_H",
        _section("Registers: byte addresses on the control port", _addresses()),
        _section("Bit fields: mask, and lowest bit", _register_fields()),
        _section("Constants, and what the constant registers hold", _constants()),
        _section("Counters, 64 bits each, low word first", _counters()),
        *(
            _section(title, _enumeration(prefix, names))
            for title, prefix, names in (
                ("STATUS.ERROR_CODE", "ERROR", ErrorCode),
                ("Fields of UNITS", "STATE", UnitState),
                ("Units; a token mask has bit 1 << unit", "UNIT", Unit),
                ("SETUP.mode", "MODE", Mode),
                ("Opcodes", "OP", Opcode),
            )
        ),
        _section("Instructions", _sizes()),
        _section("Instruction header: lowest bit, and bits", _fields("INSTRUCTION", HEADER)),
        *(
            _section(f"{opcode.name}: lowest bit, and bits", _fields(opcode.name, layout(opcode)))
            for opcode in Opcode
            if layout(opcode)
        ),
        "#endif",
    ]
    return "\n\n".join(parts) + "\n"


def configuration_header(parameters: Parameters) -> str:
    """Return the parameters of one configuration, on top of `common_header`.

    Parameters
    ----------
    parameters : Parameters

    Returns
    -------
    str
        A C99 header that includes the common one.
    """
    numbers = {k: v for k, v in asdict(parameters).items() if k not in WITHOUT_REGISTER}
    values = [(name.upper(), f"{value}u", "") for name, value in numbers.items()]
    derived = [(name.upper(), f"{int(getattr(parameters, name))}u", "") for name in DERIVED]
    parts = [
        _title(f"configuration {parameters.name}: its parameters"),
        f'#ifndef MACCORD_CONFIGURATION\n#define MACCORD_CONFIGURATION "{parameters.name}"',
        f'#include "{COMMON}"',
        _section("Parameters, which the registers of these names hold, too", values),
        _section("What follows from them", derived),
        "#endif",
    ]
    return "\n\n".join(parts) + "\n"


def _title(what: str) -> str:
    return (
        f"/* maccord accelerator, {what}.\n"
        "   Generated from the sources of the hardware, as the Verilog is. */"
    )


def _section(title: str, macros: Iterable[_Macro]) -> str:
    rows = [(f"#define MACCORD_{name}", value, comment) for name, value, comment in macros]
    width = max(len(name) for name, _, _ in rows)
    lines = [
        f"{name:<{width}} {value}" + (f"  /* {comment} */" if comment else "")
        for name, value, comment in rows
    ]
    return "\n".join((f"/* {title} */", *lines))


def _addresses() -> Iterator[_Macro]:
    for register in registers(Parameters()):
        yield f"REG_{register.name}", f"0x{register.address:03x}u", register.what


def _register_fields() -> Iterator[_Macro]:
    for register in registers(Parameters()):
        for field in register.fields:
            if field.name != "VALUE":
                name = f"{register.name}_{field.name}"
                yield f"{name}_MASK", f"0x{field.mask:08x}u", f"{field.access}: {field.what}"
                yield f"{name}_LSB", f"{field.low}u", ""


def _constants() -> Iterator[_Macro]:
    yield "RESET_CYCLES", f"{RESET_CYCLES}u", "fewest cycles of the reset input"
    for register in registers(Parameters()):
        if register.name in ("ID", "VERSION"):
            yield f"{register.name}_VALUE", f"0x{register.reset:08x}u", register.what


def _counters() -> Iterator[_Macro]:
    yield "COUNTERS", f"{len(RECORDED)}u", "from MACCORD_REG_CYCLES_LOW on"
    for index, name in enumerate(RECORDED):
        yield f"COUNTER_{name.upper()}", f"{index}u", ""


def _enumeration(prefix: str, names: type[IntEnum]) -> Iterator[_Macro]:
    for member in names:
        yield f"{prefix}_{member.name}", f"{int(member)}u", ""


def _sizes() -> Iterator[_Macro]:
    for name, value in INSTRUCTION_CONSTANTS.items():
        yield name, f"{value}u", ""


def _fields(prefix: str, fields: Iterable[InstructionField]) -> Iterator[_Macro]:
    for field in fields:
        signed = "signed" if field.signed else ""
        yield f"{prefix}_{field.name.upper()}_LSB", f"{field.low}u", signed
        yield f"{prefix}_{field.name.upper()}_BITS", f"{field.bits}u", ""
