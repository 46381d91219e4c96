"""VGG networks with the parameter names of torchvision's checkpoints."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["VGG", "vgg16", "vgg19"]

_VGG19 = (64, 64, 0, 128, 128, 0, *(256,) * 4, 0, *(512,) * 4, 0, *(512,) * 4, 0)
_VGG16 = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0)


class VGG(nn.Module):
    """3 x 3 convolutions with ReLU, max pools between them, and three linear layers.

    Parameters
    ----------
    plan : tuple of int
        Output channels of each convolution; 0 stands for a max pool.
    classes : int
        Outputs of the last layer.
    batch_norm : bool
        A batch norm follows each convolution; names are then those of torchvision's vgg16_bn.
    grid : int
        Height and width of the image that the linear layers read: 7 for images of 224 x 224.
    hidden : int
        Outputs of the first two linear layers.
    """

    def __init__(
        self,
        plan: tuple[int, ...],
        classes: int,
        *,
        batch_norm: bool = False,
        grid: int = 7,
        hidden: int = 4096,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 3
        for outputs in plan:
            if outputs:
                layers.append(nn.Conv2d(inputs, outputs, 3, 1, 1))
                layers += [nn.BatchNorm2d(outputs), nn.ReLU()] if batch_norm else [nn.ReLU()]
                inputs = outputs
            else:
                layers.append(nn.MaxPool2d(2, 2))
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d((grid, grid))
        self.classifier = nn.Sequential(
            nn.Linear(inputs * grid * grid, hidden),
            nn.ReLU(),
            nn.Dropout(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Dropout(),
            nn.Linear(hidden, classes),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, classes) of normalized images (N, 3, 32 grid, 32 grid)."""
        return self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))


def vgg16(
    classes: int,
    *,
    width: int = 64,
    batch_norm: bool = False,
    grid: int = 7,
    hidden: int = 4096,
) -> VGG:
    """VGG-16 (Simonyan and Zisserman 2014, configuration D; there without batch norm).

    Parameters
    ----------
    classes : int
    width : int
        Channels of the first convolution; all others scale in proportion.
    batch_norm, grid, hidden
        As for `VGG`.
    """
    plan = tuple(outputs * width // 64 for outputs in _VGG16)
    return VGG(plan, classes, batch_norm=batch_norm, grid=grid, hidden=hidden)


def vgg19(classes: int) -> VGG:
    """VGG-19 (Simonyan and Zisserman 2014, configuration E)."""
    return VGG(_VGG19, classes)
