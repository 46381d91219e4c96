"""Ranges of a transformer's activations, observed in floating point."""

from __future__ import annotations

import torch

from ...golden.operations.tensor_product import SYMMETRIC
from ...golden.quantization import Quantization
from ..framework import one_thread
from . import floating, steps
from .parts import Transformer, check_images

__all__ = ["MARGIN", "constant_of", "observe"]

#: How far below a row's maximum a masked score is, at least: exp(-8) is 1/12 of a step of 1/256.
MARGIN = 8.0
_SMALLEST = 2.0**-20  # scale of a tensor of zeros
_LEAST_RATIO = 2.0**-10  # of the scales of a constant and of the sum with it


def constant_of(name: str) -> str:
    """Name of the constant that a step adds."""
    return f"{name}.constant"


class _Observer:
    """Computes in floating point and keeps the range of each result.

    Attributes
    ----------
    ranges : dict of str to (float, float)
        Smallest and largest value, 0 included.
    """

    def __init__(self) -> None:
        self.ranges: dict[str, tuple[float, float]] = {}

    def see(self, name: str, *values: torch.Tensor) -> None:
        """Widen a range."""
        low, high = self.ranges.get(name, (0.0, 0.0))
        for x in values:
            if not torch.isfinite(x).all():
                raise ValueError(f"{name} must be finite numbers, got infinite ones or NaN")
            low, high = min(low, float(x.min())), max(high, float(x.max()))
        self.ranges[name] = low, high

    def compute(self, step: steps.Step, *inputs: torch.Tensor) -> torch.Tensor:
        """Return a step's result."""
        found = floating.compute(step, *inputs)
        if isinstance(step, steps.AddConstant):
            self._see_sum(step, inputs[0], found)
        elif step.ranged:
            self.see(step.name, found)
        if isinstance(step, steps.Convolution) and step.also is not None:
            self.see(step.name, step.also)
        return found

    def _see_sum(self, step: steps.AddConstant, x: torch.Tensor, found: torch.Tensor) -> None:
        """See a sum and its constant; masked ones have no part in the range but its lower end.

        That is `MARGIN` below the smallest maximum of a row, and the constant's is so low that
        a masked sum is at the lower end whatever the other addend.
        """
        self.see(constant_of(step.name), step.constant)
        if step.mask is None:
            self.see(step.name, found)
            return
        mask = step.mask.repeat(1, found.shape[1] // step.mask.shape[1], 1, 1)
        largest = found.masked_fill(mask, -torch.inf).amax(dim=-1)
        self.see(step.name, found[~mask.expand_as(found)], largest.min() - MARGIN)
        low = self.ranges[step.name][0] - self.ranges[step.inputs[0]][1]
        self.see(constant_of(step.name), torch.tensor(low))


def _asymmetric(low: float, high: float) -> Quantization:
    """Scale and zero point that map a range to all codes."""
    scale = float(torch.tensor(max(high - low, 255 * _SMALLEST) / 255))
    return Quantization(scale, min(max(round(-low / scale), 0), 255))


def _symmetric(low: float, high: float) -> Quantization:
    """Scale that maps a range to codes 1 to 255 around 128."""
    scale = float(torch.tensor(max(-low, high, 127 * _SMALLEST) / 127))
    return Quantization(scale, SYMMETRIC)


def observe(model: Transformer, images: torch.Tensor) -> dict[str, Quantization]:
    """Quantization of every tensor of a network.

    Parameters
    ----------
    model : Transformer
        In evaluation mode.
    images : tensor of shape (N, colours, H, W), float32
        For calibration.

    Returns
    -------
    dict of str to Quantization
        By the names of steps that have a range of their own; the image is ``input``, the constant
        of a sum `constant_of` its name.

    Raises
    ------
    ValueError
        If the images are of another shape or type, or a number is not finite.
    """
    check_images(model, images)
    observer, whole = _Observer(), model.steps()
    observer.see(steps.IMAGE, images)
    with torch.no_grad(), one_thread():
        steps.walk(whole, observer.compute, floating.channels_last(images))
    symmetric = {step.name for step in whole if isinstance(step, steps.Linear) and step.symmetric}
    found = {
        name: (_symmetric if name in symmetric else _asymmetric)(*span)
        for name, span in observer.ranges.items()
    }
    for step in whole:
        if isinstance(step, steps.AddConstant):
            _widen(found, step.name)
    return found


def _widen(found: dict[str, Quantization], name: str) -> None:
    """Give a constant a scale that the adder takes: none far below the sum's, as of zeros."""
    least = found[name].scale * _LEAST_RATIO
    if found[constant_of(name)].scale < least:
        found[constant_of(name)] = Quantization(least, 128)
