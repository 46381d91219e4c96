"""The accelerator as data: parameters, ports, registers and instruction encodings."""

from __future__ import annotations

from dataclasses import asdict
from enum import IntEnum
from typing import Any

from ...spec import isa
from ...spec.parameters import Parameters
from ...spec.registers import RECORDED, RESET_CYCLES, VERSION, ErrorCode, UnitState
from ..accelerator import memory_port
from ..control.control import control_port
from ..interfaces import CLOCK, CONTROL_PORT, INTERRUPT, MEMORY_PORT, RESET
from .instructions import HEADER, layout
from .registers import RegisterMap, registers

__all__ = ["DERIVED", "INSTRUCTION_CONSTANTS", "VERSION_TEXT", "describe"]

VERSION_TEXT = f"{VERSION >> 24}.{VERSION >> 16 & 0xFF}.{VERSION & 0xFFFF}"
DERIVED = (
    *("activation_banks", "output_banks", "weight_row_bytes", "weight_rows"),
    *("vector_bytes", "columns_per_lane", "burst_beats", "depthwise"),
)
INSTRUCTION_CONSTANTS = {
    "INSTRUCTION_BYTES": isa.INSTRUCTION_BYTES,
    "PARAMETER_ROWS": isa.PARAMETER_ROWS,
    "MAX_TOKENS": isa.MAX_TOKENS,
    "RECORD_BYTES": isa.RECORD_BYTES,
    "WINDOW": isa.WINDOW,
}


def describe(parameters: Parameters) -> dict[str, Any]:
    """Return the description for software and other tools, ready for JSON.

    Parameters
    ----------
    parameters : Parameters

    Returns
    -------
    dict
        `configuration`, `version`, `parameters`, `derived`, `ports`, `registers`,
        `counters`, `enumerations`, `instructions`.
    """
    return {
        "configuration": parameters.name,
        "version": VERSION_TEXT,
        "parameters": asdict(parameters),
        "derived": {name: getattr(parameters, name) for name in DERIVED},
        "ports": {
            "clock": CLOCK,
            "reset": {
                "port": RESET,
                "active": "low",
                "synchronous": True,
                "cycles": RESET_CYCLES,
            },
            "interrupt": {"port": INTERRUPT, "active": "high", "kind": "level"},
            CONTROL_PORT: {"protocol": "AXI4-Lite slave", "signals": sorted(control_port())},
            MEMORY_PORT: {
                "protocol": "AXI4 master",
                "signals": sorted(memory_port(parameters)),
                "burst_beats": parameters.burst_beats,
            },
        },
        "registers": [_register(register) for register in registers(parameters)],
        "counters": list(RECORDED),
        "enumerations": {
            "error_code": _values(ErrorCode),
            "unit_state": _values(UnitState),
            "unit": _values(isa.Unit),
            "mode": _values(isa.Mode),
        },
        "instructions": {
            "constants": INSTRUCTION_CONSTANTS,
            "header": [asdict(field) for field in HEADER],
            "opcodes": [_opcode(opcode) for opcode in isa.Opcode],
        },
    }


def _register(register: RegisterMap) -> dict[str, Any]:
    fields = []
    for field in register.fields:
        entry = {"name": field.name, "low": field.low, "bits": field.bits, "access": field.access}
        if field.values is not None:
            entry["values"] = _values(field.values)
        fields.append(entry | {"description": field.what})
    return {
        "name": register.name,
        "address": register.address,
        "reset": register.reset,
        "description": register.what,
        "fields": fields,
    }


def _values(names: type[IntEnum]) -> dict[str, int]:
    return {member.name: int(member) for member in names}


def _opcode(opcode: isa.Opcode) -> dict[str, Any]:
    unit = isa.UNIT_OF.get(opcode)
    return {
        "name": opcode.name,
        "code": int(opcode),
        "unit": None if unit is None else unit.name,
        "description": isa.TABLE[opcode].what,
        "fields": [asdict(field) for field in layout(opcode)],
        "rules": [
            {"field": rule.subject, "rule": rule.says(), "error": rule.error.name}
            for rule in isa.TABLE[opcode].rules
        ],
    }
