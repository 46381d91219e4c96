"""MobileNetV2 with the parameter names of torchvision's checkpoints."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["InvertedResidual", "MobileNetV2", "mobilenet_v2"]

# expansion, output channels, blocks, stride of the first one
_STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
_LAST = 1280  # channels before the classifier


def _activated(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    """Return a convolution with batch norm and ReLU6."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU6(),
    )


class InvertedResidual(nn.Module):
    """A 1 x 1 expansion, a depthwise 3 x 3 convolution and a linear 1 x 1 projection.

    Parameters
    ----------
    inputs, outputs : int
        Channels; where they are equal and the stride is 1, the input is added to the output.
    stride : int
        Stride of the depthwise convolution.
    expansion : int
        Ratio of the depthwise convolution's channels to `inputs`; 1 omits the expansion.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        layers: list[nn.Module] = [] if expansion == 1 else [_activated(inputs, hidden, 1)]
        layers += [
            _activated(hidden, hidden, 3, stride, hidden),
            nn.Conv2d(hidden, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        ]
        self.conv = nn.Sequential(*layers)
        self.shortcut = stride == 1 and inputs == outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Block's output for an (N, inputs, H, W) tensor."""
        return x + self.conv(x) if self.shortcut else self.conv(x)


class MobileNetV2(nn.Module):
    """Inverted residuals between a 3 x 3 convolution and a 1 x 1 one.

    Parameters
    ----------
    classes : int
        Outputs of the last layer.
    width : float
        Factor of all channels.
    stride : int
        Stride of the first convolution.
    """

    def __init__(self, classes: int, *, width: float = 1.0, stride: int = 2) -> None:
        super().__init__()
        inputs, last = int(32 * width), int(_LAST * width)
        layers: list[nn.Module] = [_activated(3, inputs, 3, stride)]
        for expansion, channels, depth, first in _STAGES:
            for block in range(depth):
                outputs = int(channels * width)
                step = first if block == 0 else 1
                layers.append(InvertedResidual(inputs, outputs, step, expansion))
                inputs = outputs
        layers.append(_activated(inputs, last, 1))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(last, classes))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, classes) of normalized images (N, 3, 224, 224)."""
        x = nn.functional.adaptive_avg_pool2d(self.features(x), (1, 1))
        return self.classifier(torch.flatten(x, 1))


def mobilenet_v2(classes: int, *, width: float = 1.0, stride: int = 2) -> MobileNetV2:
    """MobileNetV2 (Sandler et al. 2018); `width` and `stride` as for the class."""
    return MobileNetV2(classes, width=width, stride=stride)
