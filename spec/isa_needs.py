"""What a program needs of the hardware, as the register FEATURES names it."""

from __future__ import annotations

from collections.abc import Iterable

from .isa import FEATURE_OF_MODE, TABLE, Instruction, Mode, Opcode
from .isa_features import Feature
from .isa_names import RowFunction
from .isa_row import ROW_FEATURES
from .parameters import Parameters

__all__ = ["needed"]


def _needed_by_setup(setup: Instruction, parameters: Parameters) -> Feature:
    """Features of a SETUP's mode and of its weights; all hardware computes in mode DENSE."""
    mode = Mode(setup.fields.get("mode", Mode.DENSE))
    found = Feature(0) if mode == Mode.DENSE else FEATURE_OF_MODE[mode]
    if mode == Mode.MAX:
        return found
    if not setup.fields.get("weight_width"):
        return found | Feature.DENSE
    return found | (Feature.NARROW_2 if parameters.quarter_width else Feature.NARROW)


def needed(program: Iterable[Instruction], parameters: Parameters) -> Feature:
    """Return the hardware features that a program requires.

    Parameters
    ----------
    program : iterable of Instruction
    parameters : Parameters
        That it was compiled for: a window's width determines where its weights lie.
    """
    found = Feature(0)
    for instruction in program:
        feature = TABLE[instruction.opcode].feature
        if feature is not None and feature != ROW_FEATURES:
            found |= feature
        if instruction.opcode == Opcode.SETUP_ROW:
            found |= Feature[RowFunction(instruction["function"]).name]
        if instruction.opcode == Opcode.SETUP:
            found |= _needed_by_setup(instruction, parameters)
        found |= Feature.HALF_UP if instruction.fields.get("half_up") else Feature(0)
        keeps = instruction.fields.get("keep") or instruction.fields.get("kept")
        found |= Feature.GATHER if keeps else Feature(0)
    if Feature.DEPTHWISE in found and parameters.wide_window:
        return found ^ Feature.DEPTHWISE | Feature.WIDE_WINDOW
    return found
