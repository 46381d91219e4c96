"""Whether the weights of a float network fit a width, told before the network is quantized."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from ..spec.weight_widths import WIDTHS
from .checkpoint import load_checkpoint
from .lattice import lattice_scales
from .networks import Architecture
from .prequantized import is_prequantized
from .weight_widths import narrowest

__all__ = ["bits_needed", "check_chosen", "check_trained", "check_weights_fit"]

_LAYERS = (nn.Conv1d, nn.Conv2d, nn.Linear)
_WIDEST = max(WIDTHS)


def bits_needed(weight: torch.Tensor) -> int:
    """Return the fewest bits, of 8, 4 and 2, that hold the codes of a layer's weights.

    Parameters
    ----------
    weight : Tensor of shape (O, ...), float32
        Weights that are no few multiples of one number a channel need 8.

    Examples
    --------
    >>> [bits_needed(torch.tensor([w])) for w in ([-0.5, 0.25], [0.5, -1.75], [0.1, 0.7123])]
    [2, 4, 8]
    """
    scales = lattice_scales(weight)
    if scales is None:
        return _WIDEST
    steps = scales.clamp(min=torch.finfo(torch.float32).tiny)
    codes = (weight.detach().flatten(1) / steps[:, None]).round()
    return narrowest(codes.to(torch.int8).numpy())


def check_weights_fit(model: nn.Module, choice: str, name: str, where: str = "") -> None:
    """Refuse a width for all layers that the weights of one do not fit.

    Parameters
    ----------
    model : Module
        In floating point; others are left to `weight_widths.with_weight_bits`.
    choice : str
        One of `weight_widths.CHOICES`.
    name : str
        The network's.
    where : str
        What has the weights, for the message.

    Raises
    ------
    ValueError
        The message names the first such layer.
    """
    if choice in ("auto", str(_WIDEST)) or is_prequantized(model):
        return
    for path, module in model.named_modules():
        if isinstance(module, _LAYERS) and bits_needed(module.weight) > int(choice):
            raise ValueError(
                f"weight-bits must be auto or {bits_needed(module.weight)} for {name}.{path}"
                f"{where and ' of '}{where}, whose weights need as many, got {choice}"
            )


def check_chosen(network: Architecture, weights: Path | None, choice: str) -> None:
    """Refuse a width that the weights of a built-in network do not fit, see `check_weights_fit`.

    Parameters
    ----------
    network : Architecture
    weights : Path, optional
        Checkpoint; the network's own weights, which no training has quantized, if not given.
    choice : str
        One of `weight_widths.CHOICES`.
    """
    if choice in ("auto", str(_WIDEST)):
        return
    if weights is None:
        raise ValueError(
            f"weight-bits must be auto or {_WIDEST} for {network.name} without weights that "
            f"training has quantized (--weights), got {choice}"
        )
    check_weights_fit(load_checkpoint(network, weights), choice, network.name, str(weights))


def check_trained(model: nn.Module, bits: Mapping[str, int], what: str) -> None:
    """Refuse weights that training has not quantized to the widths of a name.

    Parameters
    ----------
    model : Module
        In floating point.
    bits : mapping of str to int
        By path of the layer, from `training.lsq.widths`.
    what : str
        Whose weights, for the message.

    Raises
    ------
    ValueError
        The message names the first layer.
    """
    for path, width in bits.items():
        found = bits_needed(model.get_submodule(path).get_parameter("weight"))
        if found > width:
            raise ValueError(
                f"{what} must be quantized in training to {width} bits (maccord train "
                f"--weight-bits {width}), got {path}, whose weights need {found}"
            )
