"""VGG networks with the parameter names of torchvision's checkpoints."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["VGG", "vgg16"]

_VGG16 = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0)


class VGG(nn.Module):
    """3 x 3 convolutions with ReLU, max-pools between them, and three linear layers.

    Parameters
    ----------
    plan : tuple of int
        Output channels of each convolution; 0 stands for a max-pool.
    classes : int
        Outputs of the last layer.
    """

    def __init__(self, plan: tuple[int, ...], classes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 3
        for outputs in plan:
            if outputs:
                layers += [nn.Conv2d(inputs, outputs, 3, 1, 1), nn.ReLU()]
                inputs = outputs
            else:
                layers.append(nn.MaxPool2d(2, 2))
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d((7, 7))
        self.classifier = nn.Sequential(
            nn.Linear(inputs * 7 * 7, 4096),
            nn.ReLU(),
            nn.Dropout(),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Dropout(),
            nn.Linear(4096, classes),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, classes) of normalized images (N, 3, 224, 224)."""
        return self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))


def vgg16(classes: int) -> VGG:
    """VGG-16 without batch norm (Simonyan and Zisserman 2014, configuration D)."""
    return VGG(_VGG16, classes)
