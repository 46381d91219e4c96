"""Random layers, and the shapes of the three networks' layers, for the scheduler's tests."""

from __future__ import annotations

import numpy as np

from maccord.golden.graph import Layer
from maccord.verify.regress.layers import random_conv2d, random_layer, random_linear

__all__ = ["SHAPES", "random_conv2d", "random_layer", "random_linear", "shaped_layer"]

# Name -> (inputs, outputs, kernel, stride, padding, height and width), or (inputs, outputs).
SHAPES: dict[str, tuple[int, ...]] = {
    "resnet18.conv1": (3, 64, 7, 2, 3, 224),
    "resnet18.layer1.0.conv1": (64, 64, 3, 1, 1, 56),
    "resnet18.layer2.0.conv1": (64, 128, 3, 2, 1, 56),
    "resnet18.layer2.0.conv2": (128, 128, 3, 1, 1, 28),
    "resnet18.layer2.0.downsample.0": (64, 128, 1, 2, 0, 56),
    "resnet18.layer3.0.conv1": (128, 256, 3, 2, 1, 28),
    "resnet18.layer3.0.conv2": (256, 256, 3, 1, 1, 14),
    "resnet18.layer3.0.downsample.0": (128, 256, 1, 2, 0, 28),
    "resnet18.layer4.0.conv1": (256, 512, 3, 2, 1, 14),
    "resnet18.layer4.0.conv2": (512, 512, 3, 1, 1, 7),
    "resnet18.layer4.0.downsample.0": (256, 512, 1, 2, 0, 14),
    "resnet18.fc": (512, 1000),
    "vgg16.features.0": (3, 64, 3, 1, 1, 224),
    "vgg16.features.2": (64, 64, 3, 1, 1, 224),
    "vgg16.features.5": (64, 128, 3, 1, 1, 112),
    "vgg16.features.7": (128, 128, 3, 1, 1, 112),
    "vgg16.features.10": (128, 256, 3, 1, 1, 56),
    "vgg16.features.12": (256, 256, 3, 1, 1, 56),
    "vgg16.features.17": (256, 512, 3, 1, 1, 28),
    "vgg16.features.19": (512, 512, 3, 1, 1, 28),
    "vgg16.features.24": (512, 512, 3, 1, 1, 14),
    "vgg16.classifier.0": (25088, 4096),
    "vgg16.classifier.3": (4096, 4096),
    "vgg16.classifier.6": (4096, 1000),
    "squeezenet1_1.features.0": (3, 64, 3, 2, 0, 224),
    "squeezenet1_1.features.3.squeeze": (64, 16, 1, 1, 0, 55),
    "squeezenet1_1.features.3.expand1x1": (16, 64, 1, 1, 0, 55),
    "squeezenet1_1.features.3.expand3x3": (16, 64, 3, 1, 1, 55),
    "squeezenet1_1.features.4.squeeze": (128, 16, 1, 1, 0, 55),
    "squeezenet1_1.features.6.squeeze": (128, 32, 1, 1, 0, 27),
    "squeezenet1_1.features.6.expand1x1": (32, 128, 1, 1, 0, 27),
    "squeezenet1_1.features.6.expand3x3": (32, 128, 3, 1, 1, 27),
    "squeezenet1_1.features.7.squeeze": (256, 32, 1, 1, 0, 27),
    "squeezenet1_1.features.9.squeeze": (256, 48, 1, 1, 0, 13),
    "squeezenet1_1.features.9.expand1x1": (48, 192, 1, 1, 0, 13),
    "squeezenet1_1.features.9.expand3x3": (48, 192, 3, 1, 1, 13),
    "squeezenet1_1.features.10.squeeze": (384, 48, 1, 1, 0, 13),
    "squeezenet1_1.features.11.squeeze": (384, 64, 1, 1, 0, 13),
    "squeezenet1_1.features.11.expand1x1": (64, 256, 1, 1, 0, 13),
    "squeezenet1_1.features.11.expand3x3": (64, 256, 3, 1, 1, 13),
    "squeezenet1_1.features.12.squeeze": (512, 64, 1, 1, 0, 13),
    "squeezenet1_1.classifier.1": (512, 1000, 1, 1, 0, 13),
}


def shaped_layer(name: str) -> tuple[Layer, tuple[int, ...]]:
    """A layer of `SHAPES` with random weights, and the shape of its input."""
    rng = np.random.default_rng(1)
    inputs, outputs, *rest = SHAPES[name]
    if not rest:
        return random_linear(rng, inputs, outputs), (1, inputs)
    kernel, stride, padding, size = rest
    layer = random_conv2d(
        rng,
        (outputs, inputs, kernel, kernel),
        stride=(stride, stride),
        padding=(padding, padding),
    )
    return layer, (1, size, size, inputs)
