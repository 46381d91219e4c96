"""The built-in networks, and suggestions for mistyped names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches

import torch
from torch import nn

from . import pretrained
from .densenet import densenet121
from .efficientnet import efficientnet_lite0
from .images import IMAGENET, Normalization
from .mobilenet import mobilenet_v2
from .mobilenet_v1 import mobilenet_v1
from .mobilenet_v3 import mobilenet_v3_small
from .nin import nin
from .pretrained import Pretrained
from .resnet import resnet18, resnet50, resnext50_32x4d
from .shufflenet import shufflenet_v2_x1_0
from .squeezenet import squeezenet1_1
from .vgg import vgg16, vgg19

__all__ = ["CLASSES", "NETWORKS", "Architecture", "architecture", "nearest"]

CLASSES = 1000  # of ImageNet; a checkpoint may have a different number


@dataclass(frozen=True)
class Architecture:
    """How to build a network.

    Parameters
    ----------
    name : str
    build : callable
        Takes the number of classes.
    head : str
        Parameter whose first dimension is the number of classes.
    normalization : Normalization
        Input normalization.
    pretrained : Pretrained, optional
        Trained weights from a package; seeded weights if None.
    """

    name: str
    build: Callable[[int], nn.Module]
    head: str
    normalization: Normalization = IMAGENET
    pretrained: Pretrained | None = None

    def outline(self, classes: int = CLASSES) -> nn.Module:
        """Return the network in evaluation mode, on the meta device: names and shapes only."""
        with torch.device("meta"):
            return self.build(classes).eval()

    def blank(self, classes: int = CLASSES) -> nn.Module:
        """Return the network in evaluation mode with zero weights, which are fast to create."""
        model = self.outline(classes)
        for module in model.modules():  # to_empty would import sympy, which is slow
            for name, parameter in list(module.named_parameters(recurse=False)):
                setattr(module, name, nn.Parameter(torch.zeros(parameter.shape)))
            for name, buffer in list(module.named_buffers(recurse=False)):
                setattr(module, name, torch.zeros(buffer.shape, dtype=buffer.dtype))
        return model


# of pixels in 0..255: (pixel - 127) / 128, as the checkpoint was trained
_MEAN, _STD = 127 / 255, 128 / 255
_LITE = Normalization((_MEAN, _MEAN, _MEAN), (_STD, _STD, _STD))

NETWORKS = {
    network.name: network
    for network in (
        Architecture("resnet18", resnet18, "fc.weight"),
        Architecture("vgg16", vgg16, "classifier.6.weight"),
        Architecture("squeezenet1_1", squeezenet1_1, "classifier.1.weight"),
        Architecture("resnet50", resnet50, "fc.weight"),
        Architecture("mobilenet_v2", mobilenet_v2, "classifier.1.weight"),
        Architecture(
            *("efficientnet_lite0", efficientnet_lite0, "_fc.weight", _LITE),
            pretrained.efficientnet_lite0,
        ),
        Architecture("mobilenet_v3_small", mobilenet_v3_small, "classifier.3.weight"),
        Architecture("shufflenet_v2_x1_0", shufflenet_v2_x1_0, "fc.weight"),
        Architecture("densenet121", densenet121, "classifier.weight"),
        Architecture("resnext50_32x4d", resnext50_32x4d, "fc.weight"),
        Architecture("vgg19", vgg19, "classifier.6.weight"),
        Architecture("mobilenet_v1", mobilenet_v1, "classifier.weight"),
        Architecture("nin", nin, "head.weight"),
    )
}


def nearest(name: str, known: Iterable[str], count: int = 3) -> list[str]:
    """Return the known names closest to a mistyped one, best first; all of a few if none is."""
    known = list(known)
    matches = get_close_matches(name, known, count, cutoff=0.4)
    return matches or known[:count]


def architecture(name: str) -> Architecture:
    """Return the network of that name.

    Raises
    ------
    ValueError
        If there is none; the message suggests the nearest names.
    """
    if name not in NETWORKS:
        raise ValueError(
            f"network must be one of {', '.join(NETWORKS)}, got {name} "
            f"(nearest: {nearest(name, NETWORKS, 1)[0]})"
        )
    return NETWORKS[name]
