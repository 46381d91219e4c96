"""Sums and products of two operands in the instruction-level machine."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...spec.isa import Instruction, Mode
from ...spec.parameters import Parameters
from ...spec.registers import ErrorCode
from ..array.add import AddFactors, add_codes
from ..array.product import products
from ..array.requantize import requantize
from ..feed.cell_walker import mode_of
from .state import Unchecked

__all__ = ["check_factors", "combined", "second_steps"]

_LARGEST_FACTOR = 1 << 22

Codes = npt.NDArray[np.int8]


def check_factors(setup: Instruction, parameters: Parameters) -> None:
    """Check a SETUP_ADD's static rules, which the hardware does not check."""
    if mode_of(setup) != Mode.ADD:
        return
    largest = max(setup["factor_a"], setup["factor_b"])
    if largest > _LARGEST_FACTOR:
        raise Unchecked(
            ErrorCode.ILLEGAL_INSTRUCTION,
            f"factors must be at most {_LARGEST_FACTOR}, got {largest}",
        )
    if setup["half_up"] and not parameters.half_up:
        raise Unchecked(
            ErrorCode.ILLEGAL_INSTRUCTION,
            "half_up must be 0 on hardware that is not half_up, got 1",
        )


def second_steps(setup: Instruction) -> tuple[int, int]:
    """Bytes from line to line and from pixel to pixel of the second operand."""
    if mode_of(setup) == Mode.MUL and setup["broadcast"]:
        return 0, 0
    return setup["step_y"], setup["step_x"]


def combined(setup: Instruction, a: Codes, b: Codes) -> Codes:
    """Sum or product of codes minus 128, by the active SETUP_ADD or SETUP_MUL.

    Parameters
    ----------
    setup : Instruction
    a, b : ndarray of shape (height, width, columns), int8

    Returns
    -------
    ndarray of that shape, int8

    Raises
    ------
    ValueError
        If the multiplier is not a normal number above 0, or the clamp's bounds are not ordered.
    """
    zero_points = setup["zero_point_a"], setup["zero_point_b"]
    zero_point, low, high = (setup[name] for name in ("zero_point", "low", "high"))
    if mode_of(setup) == Mode.ADD:
        half_up = bool(setup["half_up"])
        factors = AddFactors(setup["factor_a"], setup["factor_b"], setup["shift"], half_up)
        return add_codes(a, b, factors, (*zero_points, zero_point), low, high)
    multiplier = np.full(a.shape[-1], setup["multiplier"], np.uint32).view(np.float32)
    acc = products(a, b, zero_points)
    codes = requantize(acc, multiplier, zero_point + 128, low + 128, high + 128)
    return (codes ^ np.uint8(0x80)).view(np.int8)
