"""Bias correction for the mean error of rounded weights.

Rounding a channel's weights shifts the mean of its outputs, especially in channels with few
weights, as in depthwise convolutions. The shift follows from the weights' scales, and the 32-bit
bias compensates it (Nagel et al. 2019, arXiv:1906.04721, section 4.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import fx, nn
from torch.ao.quantization import ObserverBase
from torch.nn import functional

from .examples import Example, fresh

__all__ = ["correct_biases"]

_MOST_IMAGES = 6  # of the calibration images, evenly spaced


class _Shifts(fx.Interpreter):
    """Measures the mean shift of each layer's outputs, per channel, in a float network."""

    def __init__(self, prepared: fx.GraphModule) -> None:
        super().__init__(prepared)
        self.shifts: dict[nn.Conv1d | nn.Conv2d | nn.Linear, list[torch.Tensor]] = {}

    def call_module(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:  # noqa: ANN401
        module: Any = self.fetch_attr(target)
        if isinstance(module, ObserverBase):
            return args[0]
        layer = module[0] if isinstance(module, nn.Sequential) else module
        qconfig = getattr(module, "qconfig", None)
        if (
            isinstance(layer, nn.Conv1d | nn.Conv2d | nn.Linear)
            and layer.bias is not None
            and qconfig
        ):
            lost = layer.weight - _rounded(layer.weight.detach(), qconfig.weight())
            if isinstance(layer, nn.Linear):
                error = functional.linear(args[0], lost).movedim(-1, 0)
            else:
                error = layer._conv_forward(args[0], lost, None).movedim(1, 0)
            mean = error.flatten(1).mean(1)
            self.shifts.setdefault(layer, []).append(mean)
        return super().call_module(target, args, kwargs)


def _rounded(weight: torch.Tensor, observer: Any) -> torch.Tensor:  # noqa: ANN401
    """Return the weights, quantized to int8 and dequantized."""
    observer(weight)
    scale = observer.calculate_qparams()[0].view(-1, *[1] * (weight.ndim - 1))
    return (weight / scale).round().clamp(-128, 127) * scale


def correct_biases(prepared: fx.GraphModule, examples: Sequence[Example]) -> None:
    """Correct each channel's bias by its mean error, in place.

    Parameters
    ----------
    prepared : GraphModule
        From ``prepare_fx``, with batch norm folded.
    examples : sequence of tuples of Tensor of shape (N, ...)
        At least one.
    """
    count = min(len(examples), _MOST_IMAGES)
    shifts = _Shifts(prepared)
    for index in range(count):
        shifts.run(*fresh(examples[index * len(examples) // count]))
    for layer, means in shifts.shifts.items():
        assert layer.bias is not None
        layer.bias = nn.Parameter(layer.bias.detach() + torch.stack(means).mean(0))
