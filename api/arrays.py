"""Input arrays: one for a network with one input, a tuple for a network with several."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..nets.examples import Images, arrays_of
from ..nets.input_shapes import check_shape

__all__ = ["calibrating", "floats"]

Shapes = list[tuple[int, ...]]

_RANDOM = 8  # inputs that calibrate, where none are given


def floats(images: Images) -> Images:
    """Return the inputs as float32: one array, or a tuple for several inputs.

    Parameters
    ----------
    images : ndarray of shape (N, ...), or a tuple of them

    Raises
    ------
    ValueError
        If it is neither.
    """
    if isinstance(images, tuple) and images:
        return tuple(np.asarray(image, np.float32) for image in images)
    try:
        return np.asarray(images, np.float32)
    except ValueError:
        raise ValueError(
            "images must be one array of numbers, or a tuple of one for each input, "
            f"got a {type(images).__name__} of other things"
        ) from None


def calibrating(
    calibration: Images | None, input_shape: Sequence[int] | Sequence[Sequence[int]], seed: int
) -> list[Images]:
    """Return the calibration inputs, one example after the other.

    Parameters
    ----------
    calibration : ndarray of shape (N, ...), a tuple of them, or None
        Random numbers of the shapes if None.
    input_shape : sequence of int, or of shapes
        Of one input, without N, or of each; empty for those of `calibration`.
    seed : int
        Of the random numbers.

    Raises
    ------
    ValueError
        If there is neither, or they differ, or the arrays are not equally many.
    """
    shapes = _shapes(input_shape)
    for shape in shapes:
        check_shape(shape, "input_shape")
    if calibration is None:
        if not shapes:
            raise ValueError("input_shape must be given without calibration, got none")
        rng = np.random.default_rng(seed)
        calibration = tuple(rng.standard_normal((_RANDOM, *s), np.float32) for s in shapes)
        several = len(shapes) > 1
    else:
        several = isinstance(calibration, tuple)
        calibration = arrays_of(floats(calibration))
        _check(calibration, shapes)
    examples = zip(*calibration, strict=True)
    rows = [tuple(image[None] for image in example) for example in examples]
    return list(rows) if several else [row[0] for row in rows]


def _shapes(given: Sequence[int] | Sequence[Sequence[int]]) -> Shapes:
    if not len(given):
        return []
    several = isinstance(given[0], Sequence)
    return [tuple(shape) for shape in (given if several else [given])]  # type: ignore[misc]


def _check(calibration: Sequence[np.ndarray], shapes: Shapes) -> None:
    """Reject arrays of the wrong shape or of unequal length."""
    if shapes and len(calibration) != len(shapes):
        raise ValueError(
            f"calibration must be {len(shapes)} arrays, one for each input_shape, "
            f"got {len(calibration)}"
        )
    for index, found in enumerate(calibration):
        shape = shapes[index] if shapes else found.shape[1:]
        which = f" {index + 1}" if len(calibration) > 1 else ""
        if not len(found) or found.shape[1:] != shape:
            sizes = ", ".join(map(str, shapes[index])) if shapes else "..."
            raise ValueError(f"calibration{which} must be of shape (N, {sizes}), got {found.shape}")
        if len(found) != len(calibration[0]):
            raise ValueError(
                f"calibration must hold equally many of each input, got {len(calibration[0])} "
                f"and {len(found)}"
            )
