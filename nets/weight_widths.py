"""Widths of weights in an integer network: the narrowest that codes fit, or one for all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ..golden.graph import Layer
from ..spec.weight_widths import WIDTHS

__all__ = ["CHOICES", "check_choice", "narrowest", "with_weight_bits"]

#: What `weight_bits` may be: a width for all layers, or the narrowest of each.
CHOICES = ("auto", *map(str, WIDTHS))


def check_choice(choice: str) -> None:
    """Reject a choice that is not in `CHOICES`.

    Raises
    ------
    ValueError
    """
    if choice not in CHOICES:
        raise ValueError(f"weight-bits must be {', '.join(CHOICES[:-1])} or 2, got {choice}")


def narrowest(weight: npt.NDArray[np.int8]) -> int:
    """Return the fewest bits, of 8, 4 and 2, that hold all codes.

    Examples
    --------
    >>> [narrowest(np.array(codes, np.int8)) for codes in ([-2, 1], [-2, 2], [-8, 7], [8])]
    [2, 4, 4, 8]
    """
    low, high = int(weight.min(initial=0)), int(weight.max(initial=0))
    fitting = (bits for bits in sorted(WIDTHS) if -(1 << bits - 1) <= low and high < 1 << bits - 1)
    return next(fitting)


def with_weight_bits(layers: Mapping[str, Layer], choice: str) -> dict[str, Layer]:
    """Return layers with the weights' widths set.

    Parameters
    ----------
    layers : mapping of str to Layer
        By name.
    choice : str
        One of `CHOICES`. The hardware then stores and moves weights at these widths; results
        are the same.

    Raises
    ------
    ValueError
        If codes do not fit; the message names the first such layer and the range of its codes.
    """
    check_choice(choice)
    if choice == "auto":
        return {
            name: replace(layer, weight_bits=narrowest(layer.weight))
            for name, layer in layers.items()
        }
    bits = int(choice)
    for name, layer in layers.items():
        if narrowest(layer.weight) > bits:
            raise ValueError(
                f"weight-bits must be auto or {narrowest(layer.weight)} for {name}, whose weights "
                f"are codes from {layer.weight.min()} to {layer.weight.max()}, got {bits}"
            )
    return {name: replace(layer, weight_bits=bits) for name, layer in layers.items()}
