"""A small U-Net, for `maccord sim examples/unet.py:unet`: an image in, a mask out.

Max pools on the way down, transposed convolutions and concatenations on the way up. Weights are
random, from a seed.
"""

from __future__ import annotations

import torch
from torch import nn

INPUT_SHAPE = (1, 1, 48, 48)


def block(inputs: int, outputs: int) -> nn.Sequential:
    """Two 3 x 3 convolutions with batch norm and ReLU."""
    layers: list[nn.Module] = []
    for channels in (inputs, outputs):
        layers += [nn.Conv2d(channels, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*layers)


class UNet(nn.Module):
    """Three resolutions, for images whose sides are divisible by 4."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList([block(1, 8), block(8, 16)])
        self.pool = nn.MaxPool2d(2)
        self.bottom = block(16, 32)
        self.up = nn.ModuleList(
            [nn.ConvTranspose2d(32, 16, 2, stride=2), nn.ConvTranspose2d(16, 8, 2, stride=2)]
        )
        self.merge = nn.ModuleList([block(32, 16), block(16, 8)])
        self.mask = nn.Conv2d(8, 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scores (N, 2, H, W) of the pixels of an image (N, 1, H, W)."""
        fine = self.down[0](x)
        middle = self.down[1](self.pool(fine))
        x = self.up[0](self.bottom(self.pool(middle)))
        x = self.up[1](self.merge[0](torch.cat([x, middle], 1)))
        return self.mask(self.merge[1](torch.cat([x, fine], 1)))


def unet() -> UNet:
    """Return the U-Net in evaluation mode."""
    torch.manual_seed(0)
    return UNet().eval()
