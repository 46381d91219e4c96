"""MobileNetV1, with batch norm and ReLU after every convolution."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["MobileNetV1", "mobilenet_v1"]

# output channels of the 1 x 1 convolution, stride of the depthwise one before it
_BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2))
_BLOCKS += ((512, 1),) * 5 + ((1024, 2), (1024, 1))


def _activated(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1
) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]


class MobileNetV1(nn.Module):
    """A convolution of stride 2, 13 pairs of a depthwise and a 1 x 1 convolution, a linear layer.

    Parameters
    ----------
    classes : int
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        layers = _activated(3, 32, 3, 2)
        inputs = 32
        for outputs, stride in _BLOCKS:
            layers += _activated(inputs, inputs, 3, stride, inputs)
            layers += _activated(inputs, outputs, 1)
            inputs = outputs
        self.features = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool2d((1, 1))
        self.classifier = nn.Linear(inputs, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, classes) of normalized images (N, 3, 224, 224)."""
        return self.classifier(torch.flatten(self.pool(self.features(x)), 1))


def mobilenet_v1(classes: int) -> MobileNetV1:
    """MobileNetV1 (Howard et al. 2017), width 1."""
    return MobileNetV1(classes)
