"""Network in Network, the fully convolutional family of QGen's pool."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["NiN", "nin"]

BASE = 25  # channels per unit of width, QGen appendix B.1


def _activated(inputs: int, outputs: int, kernel: int, stride: int = 1) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    return [convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]


class NiN(nn.Module):
    """Blocks of a 3 x 3 convolution of stride 2 and two 1 x 1 ones, a 1 x 1 head, and its mean.

    Parameters
    ----------
    classes : int
    depth : int
        Blocks; images of 32 x 32 allow 5.
    width : int
        Channels, in units of 25.
    """

    def __init__(self, classes: int, *, depth: int = 4, width: int = 10) -> None:
        super().__init__()
        blocks: list[nn.Module] = []
        inputs, channels = 3, BASE * width
        for _ in range(depth):
            layers = _activated(inputs, channels, 3, 2)
            layers += _activated(channels, channels, 1) + _activated(channels, channels, 1)
            blocks.append(nn.Sequential(*layers))
            inputs = channels
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Conv2d(channels, classes, 1)
        self.pool = nn.AdaptiveAvgPool2d((1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, classes) of normalized images (N, 3, H, W)."""
        return torch.flatten(self.pool(self.head(self.blocks(x))), 1)


def nin(classes: int, *, depth: int = 4, width: int = 10) -> NiN:
    """Network in Network (Lin et al. 2013), d x w as in QGen (section 4 and appendix B)."""
    return NiN(classes, depth=depth, width=width)
