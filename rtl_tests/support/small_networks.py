"""The networks, quantized; those that are slow to quantize for small images."""

from __future__ import annotations

from functools import cache

import numpy as np

from maccord.nets import library
from maccord.nets.images import calibration_crops, load_crop, normalize
from maccord.nets.perturb import parse

SIZES = {
    "resnet18": 224,
    "vgg16": 224,
    "squeezenet1_1": 224,
    "resnet50": 64,
    "mobilenet_v2": 96,
    "efficientnet_lite0": 96,
}
SMALL = 64  # of the others


def shrunk(crop: np.ndarray, size: int) -> np.ndarray:
    """Every so manyth pixel of a crop of 224, then its first ones."""
    step = len(crop) // size
    return np.ascontiguousarray(crop[::step, ::step][:size, :size])


@cache
def load(name: str) -> library.QuantizedNetwork:
    """A network with seeded weights; from the cache if a run of the tests has left it there."""
    size = SIZES.get(name, SMALL)
    if size == 224:
        return library.load(name)
    crops = calibration_crops()[1::3]
    return library.load(name, calibration=[normalize(shrunk(crop, size)) for crop in crops])


def image(name: str, text: str = "clean") -> np.ndarray:
    """The photograph for a network, normalized, perturbed with seed 0 unless clean."""
    crop = shrunk(load_crop(), SIZES.get(name, SMALL))
    return normalize(crop if text == "clean" else parse(text)[0].apply(crop))
