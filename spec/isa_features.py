"""Optional hardware features, which software checks before it runs a program."""

from __future__ import annotations

from enum import IntFlag

from .parameters import Parameters

__all__ = ["CONDITIONS", "FEATURES", "Feature", "features", "missing"]


class Feature(IntFlag):
    """Hardware features: bits of the register FEATURES."""

    DENSE = 1
    DEPTHWISE = 2
    MAX_WINDOW = 4
    ADD = 8
    RECORD = 16
    LOOKUP = 32
    PRODUCT = 64
    WIDE_WINDOW = 128
    NARROW = 256
    HALF_UP = 512
    NARROW_2 = 1024
    GATHER = 8192
    SOFTMAX = 2048
    LAYER_NORM = 4096


#: Description of each feature.
FEATURES: dict[Feature, str] = {
    Feature.DENSE: "weights of 8 bits: convolutions and matrix products, mode DENSE",
    Feature.DEPTHWISE: "depthwise convolutions, mode DEPTHWISE, with windows up to 3 x 3",
    Feature.MAX_WINDOW: "maxima of windows, mode MAX",
    Feature.ADD: "sums of two tensors, SETUP_ADD",
    Feature.RECORD: "records of the counters in memory, RECORD",
    Feature.LOOKUP: "results replaced by a table of 256 bytes, TABLE",
    Feature.PRODUCT: "products of two tensors, SETUP_MUL",
    Feature.WIDE_WINDOW: "depthwise convolutions, mode DEPTHWISE, with windows up to 3 x 5",
    Feature.NARROW: "packed weights of 4 and 2 bits, field `weight_width` of SETUP",
    Feature.HALF_UP: "sums that round ties towards plus infinity, field `half_up` of SETUP_ADD",
    Feature.NARROW_2: "packed weights of 2 bits, and no others, field `weight_width` of SETUP",
    Feature.GATHER: "weights taken from a tensor in memory, GATHER, and biases kept by COMPUTE",
    Feature.SOFTMAX: "softmax of rows, function 1 of SETUP_ROW",
    Feature.LAYER_NORM: "layer norm of rows, function 2 of SETUP_ROW",
}
#: The property of `Parameters` that a feature depends on; the other features are always present.
CONDITIONS: dict[Feature, str] = {
    Feature.DENSE: "full_width",
    Feature.DEPTHWISE: "narrow_window",
    Feature.LOOKUP: "lookup",
    Feature.PRODUCT: "product",
    Feature.WIDE_WINDOW: "wide_window",
    Feature.NARROW: "half_width",
    Feature.HALF_UP: "half_up",
    Feature.NARROW_2: "quarter_width",
    Feature.GATHER: "gather",
    Feature.SOFTMAX: "row_lanes",
    Feature.LAYER_NORM: "row_lanes",
}


def features(parameters: Parameters) -> Feature:
    """Return the features of a configuration: the value of the register FEATURES."""
    found = Feature(0)
    for feature in FEATURES:
        if feature not in CONDITIONS or getattr(parameters, CONDITIONS[feature]):
            found |= feature
    return found


def missing(found: int, wanted: int) -> str:
    """Names of the wanted features that are not found; empty if there are none."""
    return ", ".join(feature.name or "" for feature in Feature(wanted & ~found))
