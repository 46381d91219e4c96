"""MobileNetV3-Small with the parameter names of torchvision's checkpoints."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["InvertedResidual", "MobileNetV3", "SqueezeExcite", "mobilenet_v3_small"]

# kernel, hidden channels, output channels, squeeze-excite, hard swish, stride (table 2)
_BLOCKS = (
    (3, 16, 16, True, False, 2),
    (3, 72, 24, False, False, 2),
    (3, 88, 24, False, False, 1),
    (5, 96, 40, True, True, 2),
    (5, 240, 40, True, True, 1),
    (5, 240, 40, True, True, 1),
    (5, 120, 48, True, True, 1),
    (5, 144, 48, True, True, 1),
    (5, 288, 96, True, True, 2),
    (5, 576, 96, True, True, 1),
    (5, 576, 96, True, True, 1),
)
_STEM, _LAST, _HEAD = 16, 576, 1024
_EPSILON, _MOMENTUM = 0.001, 0.01  # of batch norms


def _layer(
    inputs: int,
    outputs: int,
    kernel: int,
    activation: type[nn.Module] | None,
    *,
    stride: int = 1,
    groups: int = 1,
) -> nn.Sequential:
    """Return a convolution with batch norm and, if given, an activation."""
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    layers = [convolution, nn.BatchNorm2d(outputs, _EPSILON, _MOMENTUM)]
    return nn.Sequential(*layers, *([] if activation is None else [activation()]))


class SqueezeExcite(nn.Module):
    """Scale each channel by a gate that is computed from the means of all channels.

    Parameters
    ----------
    channels, squeezed : int
        Channels of the tensor, and between the gate's two 1 x 1 convolutions.
    """

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(channels, squeezed, 1)
        self.activation = nn.ReLU()
        self.fc2 = nn.Conv2d(squeezed, channels, 1)
        self.scale_activation = nn.Hardsigmoid()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scale an (N, channels, H, W) tensor."""
        gate = self.fc2(self.activation(self.fc1(self.avgpool(x))))
        return self.scale_activation(gate) * x


class InvertedResidual(nn.Module):
    """A 1 x 1 expansion, a depthwise convolution, a squeeze-excite and a 1 x 1 projection.

    Parameters
    ----------
    inputs, hidden, outputs : int
        Channels; no expansion if `hidden` is `inputs`. The input is added to the output if their
        channels are equal and the stride is 1.
    kernel, stride : int
        Of the depthwise convolution.
    gated : bool
        With a squeeze-excite.
    activation : type
        After the first two convolutions.
    """

    def __init__(
        self,
        inputs: int,
        hidden: int,
        outputs: int,
        *,
        kernel: int,
        stride: int,
        gated: bool,
        activation: type[nn.Module],
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        if hidden != inputs:
            layers.append(_layer(inputs, hidden, 1, activation))
        layers.append(_layer(hidden, hidden, kernel, activation, stride=stride, groups=hidden))
        if gated:
            layers.append(SqueezeExcite(hidden, _divisible(hidden // 4)))
        self.block = nn.Sequential(*layers, _layer(hidden, outputs, 1, None))
        self.shortcut = stride == 1 and inputs == outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Block's output for an (N, inputs, H, W) tensor."""
        return x + self.block(x) if self.shortcut else self.block(x)


def _divisible(channels: int) -> int:
    """Round channels to a multiple of 8, to at least 90 % of them."""
    rounded = max(8, (channels + 4) // 8 * 8)
    return rounded + 8 * (rounded < 0.9 * channels)


class MobileNetV3(nn.Module):
    """MobileNetV3-Small of width 1.

    Parameters
    ----------
    classes : int
        Outputs of the last layer.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [_layer(3, _STEM, 3, nn.Hardswish, stride=2)]
        inputs = _STEM
        for kernel, hidden, outputs, gated, hard, stride in _BLOCKS:
            activation = nn.Hardswish if hard else nn.ReLU
            layers.append(
                InvertedResidual(
                    *(inputs, hidden, outputs),
                    kernel=kernel,
                    stride=stride,
                    gated=gated,
                    activation=activation,
                )
            )
            inputs = outputs
        layers.append(_layer(inputs, _LAST, 1, nn.Hardswish))
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(
            nn.Linear(_LAST, _HEAD), nn.Hardswish(), nn.Dropout(0.2), nn.Linear(_HEAD, classes)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, classes) of normalized images (N, 3, 224, 224)."""
        return self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))


def mobilenet_v3_small(classes: int) -> MobileNetV3:
    """MobileNetV3-Small (Howard et al. 2019)."""
    return MobileNetV3(classes)
