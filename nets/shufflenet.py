"""ShuffleNetV2 with the parameter names of torchvision's checkpoints."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["ShuffleNetV2", "Unit", "shufflenet_v2_x1_0"]

_STAGES = ((116, 4), (232, 8), (464, 4))  # output channels and units
_STEM, _LAST = 24, 1024


def _pointwise(inputs: int, outputs: int) -> list[nn.Module]:
    """Return a 1 x 1 convolution with batch norm and ReLU."""
    return [nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]


def _depthwise(channels: int, stride: int) -> list[nn.Module]:
    """Return a depthwise 3 x 3 convolution with batch norm."""
    convolution = nn.Conv2d(channels, channels, 3, stride, 1, groups=channels, bias=False)
    return [convolution, nn.BatchNorm2d(channels)]


def _shuffled(x: torch.Tensor) -> torch.Tensor:
    """Interleave the channels of the two halves of an (N, C, H, W) tensor."""
    count, channels, height, width = x.shape
    halves = x.view(count, 2, channels // 2, height, width)
    return torch.transpose(halves, 1, 2).contiguous().view(count, channels, height, width)


class Unit(nn.Module):
    """Two branches, concatenated and shuffled; with stride 1 the first one is a half of the input.

    Parameters
    ----------
    inputs, outputs : int
        Channels; equal if the stride is 1.
    stride : int
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        branch = outputs // 2
        first = [] if stride == 1 else [*_depthwise(inputs, stride), *_pointwise(inputs, branch)]
        self.branch1 = nn.Sequential(*first)
        self.branch2 = nn.Sequential(
            *_pointwise(branch if stride == 1 else inputs, branch),
            *_depthwise(branch, stride),
            *_pointwise(branch, branch),
        )
        self.halves = stride == 1

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Unit's output for an (N, inputs, H, W) tensor."""
        if self.halves:
            kept, x = x.chunk(2, dim=1)
            return _shuffled(torch.cat((kept, self.branch2(x)), dim=1))
        return _shuffled(torch.cat((self.branch1(x), self.branch2(x)), dim=1))


class ShuffleNetV2(nn.Module):
    """ShuffleNetV2 of width 1.

    Parameters
    ----------
    classes : int
        Outputs of the last layer.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        stem = nn.Conv2d(3, _STEM, 3, 2, 1, bias=False)
        self.conv1 = nn.Sequential(stem, nn.BatchNorm2d(_STEM), nn.ReLU())
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        inputs = _STEM
        for number, (outputs, units) in enumerate(_STAGES, 2):
            rest = [Unit(outputs, outputs, 1) for _ in range(units - 1)]
            self.add_module(f"stage{number}", nn.Sequential(Unit(inputs, outputs, 2), *rest))
            inputs = outputs
        self.conv5 = nn.Sequential(*_pointwise(inputs, _LAST))
        self.fc = nn.Linear(_LAST, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, classes) of normalized images (N, 3, 224, 224)."""
        x = self.maxpool(self.conv1(x))
        for number in range(2, 2 + len(_STAGES)):
            x = self.get_submodule(f"stage{number}")(x)
        x = self.conv5(x)
        return self.fc(x.mean([2, 3]))


def shufflenet_v2_x1_0(classes: int) -> ShuffleNetV2:
    """ShuffleNetV2 1.0x (Ma et al. 2018)."""
    return ShuffleNetV2(classes)
