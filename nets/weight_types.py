"""Weights that the importer takes: finite numbers, float32."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["check_weights"]


def check_weights(model: nn.Module, spec: str) -> None:
    """Refuse weights that are not float32, or not finite.

    Parameters
    ----------
    model : Module
        In floating point.
    spec : str
        Where it comes from, for the message.

    Raises
    ------
    ValueError
        If there are others; the message names the first.
    """
    for key, values in model.state_dict().items():
        if not isinstance(values, torch.Tensor):
            continue
        if values.device.type != "cpu":
            raise ValueError(
                f"weights must be in the CPU's memory, got {key} of {spec} on {values.device}"
            )
        numbers = values.is_floating_point() or values.is_complex()
        if numbers and values.dtype != torch.float32:
            word = str(values.dtype).removeprefix("torch.")
            raise ValueError(
                f"weights must be float32, got {word} in {key} of {spec}: call .float() on the "
                "network"
            )
        if numbers and not torch.isfinite(values).all():
            raise ValueError(f"weights must be finite numbers, got others in {key} of {spec}")
