"""Residual networks with the parameter names of torchvision's checkpoints."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import nn

__all__ = ["BasicBlock", "Bottleneck", "GroupedBottleneck", "ResNet"]
__all__ += ["resnet18", "resnet50", "resnext50_32x4d"]


def _convolution(inputs: int, outputs: int, kernel: int, stride: int, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)


def _shortcut(inputs: int, outputs: int, stride: int) -> nn.Module | None:
    """Return the shortcut's module; None if the shortcut is the identity."""
    if stride == 1 and inputs == outputs:
        return None
    return nn.Sequential(_convolution(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions and a shortcut.

    Parameters
    ----------
    inputs, outputs : int
        Channels.
    stride : int
        Stride of the first convolution and of the shortcut's, if any.
    """

    expansion: ClassVar[int] = 1  # output channels per channel of the 3 x 3 convolutions

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = _convolution(inputs, outputs, 3, stride)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu1 = nn.ReLU()
        self.conv2 = _convolution(outputs, outputs, 3, 1)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.relu2 = nn.ReLU()
        self.downsample = _shortcut(inputs, outputs, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Block's output for an (N, inputs, H, W) tensor."""
        shortcut = x if self.downsample is None else self.downsample(x)
        out = self.relu1(self.bn1(self.conv1(x)))
        return self.relu2(self.bn2(self.conv2(out)) + shortcut)


class Bottleneck(nn.Module):
    """A 3 x 3 convolution between two of 1 x 1, and a shortcut.

    Parameters
    ----------
    inputs, outputs : int
        Channels; the 3 x 3 convolution has a quarter of `outputs`, or half with `groups`.
    stride : int
        Stride of the 3 x 3 convolution and of the shortcut's, if any.
    groups : int
        Of the 3 x 3 convolution.
    """

    expansion: ClassVar[int] = 4

    def __init__(self, inputs: int, outputs: int, stride: int, groups: int = 1) -> None:
        super().__init__()
        inner = outputs // self.expansion * (1 if groups == 1 else 2)
        self.conv1 = _convolution(inputs, inner, 1, 1)
        self.bn1 = nn.BatchNorm2d(inner)
        self.relu1 = nn.ReLU()
        self.conv2 = _convolution(inner, inner, 3, stride, groups)
        self.bn2 = nn.BatchNorm2d(inner)
        self.relu2 = nn.ReLU()
        self.conv3 = _convolution(inner, outputs, 1, 1)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.relu3 = nn.ReLU()
        self.downsample = _shortcut(inputs, outputs, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Block's output for an (N, inputs, H, W) tensor."""
        shortcut = x if self.downsample is None else self.downsample(x)
        out = self.relu1(self.bn1(self.conv1(x)))
        out = self.relu2(self.bn2(self.conv2(out)))
        return self.relu3(self.bn3(self.conv3(out)) + shortcut)


Block = type[BasicBlock] | type[Bottleneck]


class GroupedBottleneck(Bottleneck):
    """A `Bottleneck` of ResNeXt, whose 3 x 3 convolution has 32 groups."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__(inputs, outputs, stride, groups=32)


def _stage(block: Block, inputs: int, outputs: int, depth: int, stride: int) -> nn.Sequential:
    """Blocks of one resolution; the first one applies the stride."""
    rest = [block(outputs, outputs, 1) for _ in range(depth - 1)]
    return nn.Sequential(block(inputs, outputs, stride), *rest)


class ResNet(nn.Module):
    """A residual network of four stages.

    Parameters
    ----------
    block : type
        `BasicBlock`, `Bottleneck` or `GroupedBottleneck`.
    depths : tuple of int
        Blocks per stage.
    classes : int
        Outputs of the last layer.
    width : int
        Channels of the first convolution; they double with each stage.
    """

    def __init__(
        self, block: Block, depths: tuple[int, int, int, int], classes: int, *, width: int = 64
    ) -> None:
        super().__init__()
        channels = [width * factor * block.expansion for factor in (1, 2, 4, 8)]
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = _stage(block, width, channels[0], depths[0], 1)
        self.layer2 = _stage(block, channels[0], channels[1], depths[1], 2)
        self.layer3 = _stage(block, channels[1], channels[2], depths[2], 2)
        self.layer4 = _stage(block, channels[2], channels[3], depths[3], 2)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(channels[3], classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, classes) of normalized images (N, 3, 224, 224)."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(x), 1))


def resnet18(classes: int, *, width: int = 64) -> ResNet:
    """ResNet-18 (He et al. 2015), whose first convolution has `width` channels."""
    return ResNet(BasicBlock, (2, 2, 2, 2), classes, width=width)


def resnet50(classes: int, *, width: int = 64) -> ResNet:
    """ResNet-50 (He et al. 2015), with the stride in the 3 x 3 convolutions, as in torchvision."""
    return ResNet(Bottleneck, (3, 4, 6, 3), classes, width=width)


def resnext50_32x4d(classes: int) -> ResNet:
    """ResNeXt-50 (Xie et al. 2017): 32 groups of 4 channels in the first stage."""
    return ResNet(GroupedBottleneck, (3, 4, 6, 3), classes)
