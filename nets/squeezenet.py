"""SqueezeNet with the parameter names of torchvision's checkpoints."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["Fire", "SqueezeNet", "squeezenet1_1"]

_POOL = 0
_PLAN = (_POOL, 16, 16, _POOL, 32, 32, _POOL, 48, 48, 64, 64)  # channels of squeezes


class Fire(nn.Module):
    """A 1 x 1 squeeze, then parallel 1 x 1 and 3 x 3 expansions.

    Parameters
    ----------
    inputs, squeeze, expand : int
        Channels; the output has twice `expand`.
    batch_norm : bool
        A batch norm follows each convolution.
    """

    def __init__(self, inputs: int, squeeze: int, expand: int, *, batch_norm: bool = False) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeeze, 1)
        self.squeeze_norm = _norm(squeeze, batch_norm)
        self.squeeze_activation = nn.ReLU()
        self.expand1x1 = nn.Conv2d(squeeze, expand, 1)
        self.expand1x1_norm = _norm(expand, batch_norm)
        self.expand1x1_activation = nn.ReLU()
        self.expand3x3 = nn.Conv2d(squeeze, expand, 3, padding=1)
        self.expand3x3_norm = _norm(expand, batch_norm)
        self.expand3x3_activation = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Block's output for an (N, inputs, H, W) tensor."""
        x = self.squeeze_activation(_normed(self.squeeze_norm, self.squeeze(x)))
        narrow = self.expand1x1_activation(_normed(self.expand1x1_norm, self.expand1x1(x)))
        wide = self.expand3x3_activation(_normed(self.expand3x3_norm, self.expand3x3(x)))
        return torch.cat([narrow, wide], 1)


def _norm(channels: int, batch_norm: bool) -> nn.Module | None:
    """Return a batch norm or None; an identity would prevent fusing convolution and ReLU."""
    return nn.BatchNorm2d(channels) if batch_norm else None


def _normed(norm: nn.Module | None, x: torch.Tensor) -> torch.Tensor:
    return x if norm is None else norm(x)


class SqueezeNet(nn.Module):
    """SqueezeNet 1.1: eight fire modules and a convolution as classifier.

    Parameters
    ----------
    classes : int
        Output channels of the last convolution.
    width : int
        Channels of the first convolution; those of the fire modules scale in proportion.
    batch_norm : bool
        A batch norm follows each convolution of the features.
    stride : int
        Stride of the first convolution: 2 for photographs, 1 for small images.
    """

    def __init__(
        self, classes: int, *, width: int = 64, batch_norm: bool = False, stride: int = 2
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, width, 3, stride)]
        layers += [nn.BatchNorm2d(width), nn.ReLU()] if batch_norm else [nn.ReLU()]
        inputs = width
        for channels in _PLAN:
            if channels == _POOL:
                layers.append(nn.MaxPool2d(3, 2, ceil_mode=True))
                continue
            squeeze = channels * width // 64
            layers.append(Fire(inputs, squeeze, 4 * squeeze, batch_norm=batch_norm))
            inputs = 8 * squeeze
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Dropout(), nn.Conv2d(inputs, classes, 1), nn.ReLU(), nn.AdaptiveAvgPool2d((1, 1))
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, classes) of normalized images (N, 3, H, W), 224 x 224 by default."""
        return torch.flatten(self.classifier(self.features(x)), 1)


def squeezenet1_1(
    classes: int, *, width: int = 64, batch_norm: bool = False, stride: int = 2
) -> SqueezeNet:
    """SqueezeNet 1.1 (Iandola et al. 2016, the authors' revised version).

    Parameters as for `SqueezeNet`; the defaults give the published network.
    """
    return SqueezeNet(classes, width=width, batch_norm=batch_norm, stride=stride)
