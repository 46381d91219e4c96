"""Seeded weights with realistic ranges, for networks without a checkpoint.

Weights are Gaussian. While the calibration images pass through, each layer without batch norm is
scaled to unit output variance and centred by its bias; each batch norm takes the statistics of its
input. Biases (with batch norm, shifts) are then Gaussian around these values.
"""

from __future__ import annotations

import zlib

import numpy as np
import torch
from torch import nn

__all__ = ["initialise"]

_BIAS = 0.3  # standard deviation of a bias, in units of its layer's output
_FEW = 8  # minimum samples per channel for per-channel statistics


def _normal(seed: int, name: str, shape: torch.Size) -> torch.Tensor:
    """Gaussian float32 values that depend only on seed and name."""
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    return torch.from_numpy(rng.standard_normal(tuple(shape), dtype=np.float32))


def _statistics(y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard deviation per channel (dimension 1); shared if samples are few."""
    channels = y.transpose(0, 1).flatten(1)
    mean = channels.mean(1)
    if channels.shape[1] >= 4 * _FEW:
        return mean, channels.std(1)
    if channels.shape[1] < _FEW:
        mean = torch.zeros_like(mean)
    spread = (channels - mean[:, None]).square().mean().sqrt()
    return mean, spread.expand_as(mean)


class _Initialiser:
    """Hooks that set a module's parameters on its first calibration input."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def draw(self, name: str, module: nn.Conv2d | nn.Linear) -> None:
        """Draw Gaussian weights of variance 1 / fan-in and, if present, a Gaussian bias."""
        weight = _normal(self.seed, f"{name}.weight", module.weight.shape)
        module.weight.data = weight.mul_(weight[0].numel() ** -0.5)
        if module.bias is not None:
            module.bias.data.zero_()

    def scale(self, name: str, module: nn.Conv2d | nn.Linear, y: torch.Tensor) -> torch.Tensor:
        """Scale the layer to unit output variance and centre it; return its new output."""
        if module.bias is None:
            return y  # batch norm follows
        mean, spread = _statistics(y)
        shape = (-1,) + (1,) * (module.weight.ndim - 1)
        module.weight.data /= spread.view(shape)
        bias = _BIAS * _normal(self.seed, f"{name}.bias", module.bias.shape)
        module.bias.data = bias - mean / spread
        per_channel = (1, -1) + (1,) * (y.ndim - 2)
        return y / spread.view(per_channel) + module.bias.data.view(per_channel)

    def observe(self, name: str, module: nn.BatchNorm2d, x: torch.Tensor) -> None:
        """Set the statistics from the input, a scale around 1, and a Gaussian shift."""
        mean, spread = _statistics(x)
        module.running_mean = mean
        module.running_var = spread.square()
        module.weight.data = 1 + 0.1 * _normal(self.seed, f"{name}.weight", module.weight.shape)
        module.bias.data = _BIAS * _normal(self.seed, f"{name}.bias", module.bias.shape)


def initialise(model: nn.Module, images: torch.Tensor, seed: int) -> None:
    """Set every parameter of a network, layer by layer.

    Parameters
    ----------
    model : Module
        Modified in place and set to evaluation mode.
    images : Tensor of shape (N, 3, H, W)
        Calibration images, normalized.
    seed : int
        At least 0.
    """
    setter = _Initialiser(seed)
    handles = []
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            setter.draw(name, module)

            def after(
                module: nn.Conv2d | nn.Linear, _: object, y: torch.Tensor, name: str = name
            ) -> torch.Tensor:
                return setter.scale(name, module, y)

            handles.append(module.register_forward_hook(after))
        elif isinstance(module, nn.BatchNorm2d):

            def before(
                module: nn.BatchNorm2d, arguments: tuple[torch.Tensor, ...], name: str = name
            ) -> None:
                setter.observe(name, module, arguments[0])

            handles.append(module.register_forward_pre_hook(before))
    model.eval()
    with torch.no_grad():
        model(images)
    for handle in handles:
        handle.remove()
