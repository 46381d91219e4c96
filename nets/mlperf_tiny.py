"""The four networks of MLPerf Tiny (Banbury et al. 2021), after its reference implementation."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

__all__ = ["Autoencoder", "DsCnn", "MobileNetV1", "ResNet8"]
__all__ += ["autoencoder", "ds_cnn", "mobilenet_v1_025", "resnet8"]

# output channels and stride of MobileNetV1's blocks, at a width of 0.25
_BLOCKS = (
    *((16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2)),
    *((128, 1), (128, 1), (128, 1), (128, 1), (128, 1), (256, 2), (256, 1)),
)


def _activated(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    """Return a convolution with batch norm and ReLU."""
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU())


def _separable(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """Return a depthwise 3 x 3 and a pointwise convolution."""
    return nn.Sequential(
        _activated(inputs, inputs, 3, stride, inputs), _activated(inputs, outputs, 1)
    )


class _Residual(nn.Module):
    """Two 3 x 3 convolutions and a shortcut, a 1 x 1 convolution if channels change."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = _activated(inputs, outputs, 3, stride)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.norm = nn.BatchNorm2d(outputs)
        self.shortcut = None if inputs == outputs else nn.Conv2d(inputs, outputs, 1, stride)
        self.relu = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Block's output for an (N, inputs, H, W) tensor."""
        shortcut = x if self.shortcut is None else self.shortcut(x)
        return self.relu(self.norm(self.second(self.first(x))) + shortcut)


class ResNet8(nn.Module):
    """Image classification: three residual blocks, for images of 3 x 32 x 32.

    Parameters
    ----------
    classes : int
        Outputs of the last layer; 10 in MLPerf Tiny.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.stem = _activated(3, 16, 3)
        self.blocks = nn.Sequential(
            _Residual(16, 16, 1), _Residual(16, 32, 2), _Residual(32, 64, 2)
        )
        self.fc = nn.Linear(64, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, classes) of images (N, 3, 32, 32)."""
        x = functional.adaptive_avg_pool2d(self.blocks(self.stem(x)), 1)
        return self.fc(torch.flatten(x, 1))


class MobileNetV1(nn.Module):
    """Visual wake words: MobileNetV1 of width 0.25, for images of 3 x 96 x 96.

    Parameters
    ----------
    classes : int
        Outputs of the last layer; 2 in MLPerf Tiny.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        layers, inputs = [_activated(3, 8, 3, 2)], 8
        for outputs, stride in _BLOCKS:
            layers.append(_separable(inputs, outputs, stride))
            inputs = outputs
        self.features = nn.Sequential(*layers)
        self.fc = nn.Linear(inputs, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, classes) of images (N, 3, 96, 96)."""
        x = functional.adaptive_avg_pool2d(self.features(x), 1)
        return self.fc(torch.flatten(x, 1))


class DsCnn(nn.Module):
    """Keyword spotting: depthwise separable convolutions, for spectrograms of 1 x 49 x 10.

    Parameters
    ----------
    classes : int
        Outputs of the last layer; 12 in MLPerf Tiny.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 64, (10, 4), 2)
        self.norm = nn.BatchNorm2d(64)
        self.relu = nn.ReLU()
        self.blocks = nn.Sequential(*(_separable(64, 64) for _ in range(4)))
        self.fc = nn.Linear(64, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, classes) of spectrograms (N, 1, 49, 10)."""
        padded = functional.pad(x, (1, 1, 4, 5))  # TensorFlow's SAME, to 25 x 5 pixels
        x = self.blocks(self.relu(self.norm(self.stem(padded))))
        return self.fc(torch.flatten(functional.adaptive_avg_pool2d(x, 1), 1))


class Autoencoder(nn.Module):
    """Anomaly detection: fully connected layers around a bottleneck of 8.

    Parameters
    ----------
    features : int
        Elements of the input and the output; 640 in MLPerf Tiny.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        widths = (features, 128, 128, 128, 128, 8, 128, 128, 128, 128)
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(widths):
            layers += [nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], features))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Reconstruction (N, features) of spectrograms (N, features)."""
        return self.layers(x)


def resnet8(classes: int) -> ResNet8:
    """ResNet-8 of MLPerf Tiny."""
    return ResNet8(classes)


def mobilenet_v1_025(classes: int) -> MobileNetV1:
    """MobileNetV1 of MLPerf Tiny, width 0.25."""
    return MobileNetV1(classes)


def ds_cnn(classes: int) -> DsCnn:
    """DS-CNN of MLPerf Tiny."""
    return DsCnn(classes)


def autoencoder(features: int) -> Autoencoder:
    """Autoencoder of MLPerf Tiny."""
    return Autoencoder(features)
