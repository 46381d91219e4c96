"""DenseNet with the parameter names of torchvision's checkpoints."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import nn
from torch.nn import functional

__all__ = ["DenseLayer", "DenseNet", "densenet121"]

_STEM, _GROWTH, _BOTTLENECK = 64, 32, 4
_BLOCKS = (6, 12, 24, 16)  # layers


class DenseLayer(nn.Module):
    """Pre-activation 1 x 1 and 3 x 3 convolutions; the result is concatenated to the input.

    Parameters
    ----------
    inputs : int
        Channels.
    """

    def __init__(self, inputs: int) -> None:
        super().__init__()
        inner = _BOTTLENECK * _GROWTH
        self.norm1 = nn.BatchNorm2d(inputs)
        self.relu1 = nn.ReLU()
        self.conv1 = nn.Conv2d(inputs, inner, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(inner)
        self.relu2 = nn.ReLU()
        self.conv2 = nn.Conv2d(inner, _GROWTH, 3, padding=1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Input (N, inputs, H, W) followed by the new channels."""
        y = self.conv1(self.relu1(self.norm1(x)))
        return torch.cat([x, self.conv2(self.relu2(self.norm2(y)))], 1)


class DenseNet(nn.Module):
    """DenseNet-121: four dense blocks with transitions in between.

    Parameters
    ----------
    classes : int
        Outputs of the last layer.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        layers: OrderedDict[str, nn.Module] = OrderedDict(
            conv0=nn.Conv2d(3, _STEM, 7, 2, 3, bias=False),
            norm0=nn.BatchNorm2d(_STEM),
            relu0=nn.ReLU(),
            pool0=nn.MaxPool2d(3, 2, 1),
        )
        channels = _STEM
        for number, depth in enumerate(_BLOCKS, 1):
            block: OrderedDict[str, nn.Module] = OrderedDict()
            for layer in range(1, depth + 1):
                block[f"denselayer{layer}"] = DenseLayer(channels)
                channels += _GROWTH
            layers[f"denseblock{number}"] = nn.Sequential(block)
            if number < len(_BLOCKS):
                layers[f"transition{number}"] = _transition(channels)
                channels //= 2
        layers["norm5"] = nn.BatchNorm2d(channels)
        self.features = nn.Sequential(layers)
        self.classifier = nn.Linear(channels, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, classes) of normalized images (N, 3, 224, 224)."""
        x = functional.adaptive_avg_pool2d(functional.relu(self.features(x)), (1, 1))
        return self.classifier(torch.flatten(x, 1))


def _transition(channels: int) -> nn.Sequential:
    """Halve channels, rows and columns."""
    layers: OrderedDict[str, nn.Module] = OrderedDict(
        norm=nn.BatchNorm2d(channels),
        relu=nn.ReLU(),
        conv=nn.Conv2d(channels, channels // 2, 1, bias=False),
        pool=nn.AvgPool2d(2, 2),
    )
    return nn.Sequential(layers)


def densenet121(classes: int) -> DenseNet:
    """DenseNet-121 (Huang et al. 2017)."""
    return DenseNet(classes)
