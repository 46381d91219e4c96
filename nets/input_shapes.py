"""Shapes of networks' inputs: as given on the command line, or declared by the user's file."""

from __future__ import annotations

from math import prod
from typing import Any

from .images import SIZE

__all__ = ["USUAL", "Shape", "check_shape", "declared_shapes", "parse_shape", "said"]

Shape = tuple[int, ...]

USUAL: Shape = (3, SIZE, SIZE)
_LONGEST = 65_536
_MOST = 1 << 24  # numbers of one input
_FORMS = "C,H,W, or C,L or L,C, or K"


def said(shape: Shape) -> str:
    """Format a shape: ``3 x 224 x 224``."""
    return " x ".join(map(str, shape))


def parse_shape(text: str) -> Shape:
    """Parse the shape of one input, separated by commas or ``x``.

    Examples
    --------
    >>> parse_shape("1,49,10"), parse_shape("640"), parse_shape("2x128")
    ((1, 49, 10), (640,), (2, 128))

    Raises
    ------
    ValueError
        If it is no shape, or too large.
    """
    parts = [part.strip() for part in text.replace("x", ",").split(",")]
    if not all(part.isdecimal() for part in parts):
        raise ValueError(f"input-shape must be {_FORMS}, got {text!r}")
    shape = tuple(int(part) for part in parts)
    check_shape(shape, "input-shape")
    return shape


def check_shape(shape: Shape, what: str) -> None:
    """Raise ValueError unless a shape of one input has one to three numbers within bounds.

    Parameters
    ----------
    shape : tuple of int
    what : str
        Name for the message.
    """
    if not 1 <= len(shape) <= 3:
        raise ValueError(f"{what} must be {_FORMS}, got {len(shape)} numbers: {said(shape)}")
    if not all(1 <= size <= _LONGEST for size in shape):
        raise ValueError(f"{what} must be of numbers from 1 to {_LONGEST}, got {said(shape)}")
    if prod(shape) > _MOST:
        raise ValueError(f"{what} must have at most {_MOST} elements, got {prod(shape)}")


def declared_shapes(value: Any, spec: str) -> tuple[Shape, ...]:  # noqa: ANN401
    """Return the shapes that a user's file declares as INPUT_SHAPE, without the first number.

    Parameters
    ----------
    value : object
        Shape of the tensor that ``forward`` takes, for one input: ``(1, C, H, W)`` and so on; of a
        network of several inputs a list of them.
    spec : str
        Where it was found, for the message.

    Raises
    ------
    ValueError
        If it is no such shape.
    """
    several = isinstance(value, tuple | list) and value
    if several and all(isinstance(each, tuple | list) for each in value):
        return tuple(_declared(each, spec) for each in value)
    return (_declared(value, spec),)


def _declared(value: Any, spec: str) -> Shape:  # noqa: ANN401
    whole = isinstance(value, tuple | list) and all(type(size) is int for size in value)
    if not whole or not 2 <= len(value) <= 4 or value[0] != 1:
        raise ValueError(
            f"INPUT_SHAPE of {spec} must be the shape of one input, (1, C, H, W), (1, C, L), "
            f"(1, L, C) or (1, K), or a list of such shapes, got {value!r}"
        )
    shape = tuple(value[1:])
    check_shape(shape, f"INPUT_SHAPE of {spec}")
    return shape
