"""A small detector in the manner of YOLO, for `maccord sim examples/detector.py:detector`.

SiLU activations, a pyramid of 5 x 5 max pools, nearest upsampling, concatenations, and one output
for each of two resolutions. Weights are random, from a seed.
"""

from __future__ import annotations

import torch
from torch import nn

INPUT_SHAPE = (1, 3, 64, 64)
_ANCHORS, _CLASSES = 3, 4


def convolution(inputs: int, outputs: int, kernel: int = 1, stride: int = 1) -> nn.Sequential:
    """Return a convolution with batch norm and SiLU."""
    layer = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(outputs), nn.SiLU())


class Bottleneck(nn.Module):
    """Split channels, two 3 x 3 convolutions and a sum on one half, concatenate all."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.open = convolution(inputs, outputs)
        self.first = convolution(outputs // 2, outputs // 2, 3)
        self.second = convolution(outputs // 2, outputs // 2, 3)
        self.close = convolution(3 * outputs // 2, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Block's output for an (N, inputs, H, W) tensor."""
        kept, x = self.open(x).chunk(2, 1)
        return self.close(torch.cat([kept, x, x + self.second(self.first(x))], 1))


class Pyramid(nn.Module):
    """Max pools of 5 x 5 in a row, concatenated (SPPF)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.open = convolution(channels, channels // 2)
        self.pool = nn.MaxPool2d(5, 1, 2)
        self.close = convolution(2 * channels, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Block's output for an (N, channels, H, W) tensor."""
        x = self.open(x)
        once = self.pool(x)
        twice = self.pool(once)
        return self.close(torch.cat([x, once, twice, self.pool(twice)], 1))


class Detector(nn.Module):
    """Backbone, pyramid, upsampling path and two heads."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(convolution(3, 8, 3, 2), convolution(8, 16, 3, 2))
        self.fine = Bottleneck(16, 16)
        self.down = convolution(16, 32, 3, 2)
        self.coarse = nn.Sequential(Bottleneck(32, 32), Pyramid(32))
        self.narrow = convolution(32, 16)
        self.up = nn.Upsample(scale_factor=2)
        self.merge = Bottleneck(32, 16)
        outputs = _ANCHORS * (5 + _CLASSES)
        self.heads = nn.ModuleList([nn.Conv2d(16, outputs, 1), nn.Conv2d(32, outputs, 1)])

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Raw predictions at an eighth and at a quarter of the image (N, 3, H, W)."""
        fine = self.fine(self.stem(x))
        coarse = self.coarse(self.down(fine))
        merged = self.merge(torch.cat([self.up(self.narrow(coarse)), fine], 1))
        return self.heads[0](merged), self.heads[1](coarse)


def detector() -> Detector:
    """Return the detector in evaluation mode."""
    torch.manual_seed(0)
    return Detector().eval()
