"""EfficientNet-Lite0, with the parameter names and padding of its published checkpoint."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

__all__ = ["EfficientNetLite", "efficientnet_lite0"]

# expansion, kernel, output channels, blocks, stride of the first one
_STAGES = (
    (1, 3, 16, 1, 1),
    (6, 3, 24, 2, 2),
    (6, 5, 40, 2, 2),
    (6, 3, 80, 3, 2),
    (6, 5, 112, 3, 1),
    (6, 5, 192, 4, 2),
    (6, 3, 320, 1, 1),
)
_STEM = 32
_HEAD = 1280
_EPSILON = 1e-3  # of batch norm, as trained


def _convolution(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1
) -> nn.Conv2d:
    """Return a convolution without bias; with stride 2, `_same` pads its input."""
    padding = kernel // 2 if stride == 1 else 0
    return nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)


def _same(x: torch.Tensor, convolution: nn.Conv2d) -> torch.Tensor:
    """Pad like TensorFlow's SAME for strides that divide the size: more at the end."""
    total = convolution.kernel_size[0] - convolution.stride[0]
    if convolution.stride[0] == 1 or total <= 0:
        return x
    start, end = total // 2, total - total // 2
    return functional.pad(x, (start, end, start, end))


class _Block(nn.Module):
    """A 1 x 1 expansion, a depthwise convolution and a linear 1 x 1 projection."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.expands = expansion != 1
        if self.expands:
            self._expand_conv = _convolution(inputs, hidden, 1)
            self._bn0 = nn.BatchNorm2d(hidden, _EPSILON)
            self._relu0 = nn.ReLU6()
        self._depthwise_conv = _convolution(hidden, hidden, kernel, stride, hidden)
        self._bn1 = nn.BatchNorm2d(hidden, _EPSILON)
        self._relu1 = nn.ReLU6()
        self._project_conv = _convolution(hidden, outputs, 1)
        self._bn2 = nn.BatchNorm2d(outputs, _EPSILON)
        self.shortcut = stride == 1 and inputs == outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Block's output for an (N, inputs, H, W) tensor."""
        y = self._relu0(self._bn0(self._expand_conv(x))) if self.expands else x
        y = self._relu1(self._bn1(self._depthwise_conv(_same(y, self._depthwise_conv))))
        y = self._bn2(self._project_conv(y))
        return x + y if self.shortcut else y


class EfficientNetLite(nn.Module):
    """EfficientNet-Lite0: EfficientNet-B0 for INT8, with ReLU6 and without squeeze-excite.

    Parameters
    ----------
    classes : int
        Outputs of the last layer.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self._conv_stem = _convolution(3, _STEM, 3, 2)
        self._bn0 = nn.BatchNorm2d(_STEM, _EPSILON)
        self._relu0 = nn.ReLU6()
        blocks: list[nn.Module] = []
        inputs = _STEM
        for expansion, kernel, outputs, depth, stride in _STAGES:
            for block in range(depth):
                narrowing = stride if block == 0 else 1
                blocks.append(_Block(inputs, outputs, kernel, narrowing, expansion))
                inputs = outputs
        self._blocks = nn.Sequential(*blocks)
        self._conv_head = _convolution(inputs, _HEAD, 1)
        self._bn1 = nn.BatchNorm2d(_HEAD, _EPSILON)
        self._relu1 = nn.ReLU6()
        self._fc = nn.Linear(_HEAD, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, classes) of normalized images (N, 3, H, W), H and W divisible by 32."""
        x = self._relu0(self._bn0(self._conv_stem(_same(x, self._conv_stem))))
        x = self._relu1(self._bn1(self._conv_head(self._blocks(x))))
        return self._fc(torch.flatten(functional.adaptive_avg_pool2d(x, (1, 1)), 1))


def efficientnet_lite0(classes: int) -> EfficientNetLite:
    """EfficientNet-Lite0 (Tan and Le 2019; Liu 2020), for images of 224 x 224."""
    return EfficientNetLite(classes)
