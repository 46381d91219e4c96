"""Pushes operations to the limits of their numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ...golden.graph import Add, Conv2d, Layer, Linear, Operation, Quantization

__all__ = ["INPUTS", "KNOBS", "pushed", "random_codes"]

#: What may be chosen for each knob; the first is the usual one.
KNOBS: dict[str, tuple[str, ...]] = {
    "weights": ("any", "most", "least", "opposite", "sparse"),
    "bias": ("any", "zero", "large"),
    "multiplier": ("any", "tiny", "large", "powers of two", "mixed"),
    "zero_in": ("any", "0", "128", "255"),
    "zero_out": ("any", "0", "128", "255"),
}
#: Codes of the inputs.
INPUTS = ("any", "least", "most", "zero point", "outer")
_HALF = 1 << 30  # of the accumulator's range


def pushed(
    operation: Operation, knobs: Mapping[str, str], rng: np.random.Generator, bits: int = 8
) -> Operation:
    """Return an operation with the knobs of `KNOBS` turned, and weights of so many bits.

    Operations without weights only take `zero_in` and `zero_out`, where they have a quantization
    of their own. Whether the result is legal is for `golden.verify` to say.
    """
    if isinstance(operation, Add) and knobs.get("rounding") == "half_up":
        return replace(operation, rounding="half_up")
    if not isinstance(operation, Conv2d | Linear):
        return operation
    weight = _weights(operation.weight, knobs.get("weights", "any"), rng, bits)
    layer: Layer = replace(operation, weight=weight, weight_bits=bits)
    return replace(
        layer,
        bias_q=_bias(layer, knobs.get("bias", "any"), rng),
        multiplier=_multipliers(layer, knobs.get("multiplier", "any"), rng),
        input=_zero(layer.input, knobs.get("zero_in", "any")),
        output=_zero(layer.output, knobs.get("zero_out", "any")),
    )


def _zero(quantization: Quantization, knob: str) -> Quantization:
    return quantization if knob == "any" else replace(quantization, zero_point=int(knob))


def _weights(
    weight: npt.NDArray[np.int8], knob: str, rng: np.random.Generator, bits: int
) -> npt.NDArray[np.int8]:
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1
    if knob == "most":
        return np.full_like(weight, high)
    if knob == "least":
        return np.full_like(weight, low)
    if knob == "opposite":
        return rng.choice([low, high], weight.shape).astype(np.int8)
    found = (weight >> (8 - bits)).astype(np.int8)
    return found * (rng.random(weight.shape) < 0.2) if knob == "sparse" else found


def _bias(layer: Layer, knob: str, rng: np.random.Generator) -> npt.NDArray[np.int32]:
    outputs = len(layer.weight)
    if knob == "zero":
        return np.zeros(outputs, np.int32)
    if knob == "large":
        return rng.integers(-_HALF, _HALF, outputs).astype(np.int32)
    return layer.bias_q


def _multipliers(layer: Layer, knob: str, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    outputs, usual = len(layer.weight), layer.multiplier
    if knob == "any":
        return usual
    tiny = np.ldexp(rng.uniform(1, 2, outputs), rng.integers(-120, -20, outputs))
    large = rng.uniform(0.1, 2, outputs)
    powers = np.ldexp(1.0, np.frexp(usual)[1] - rng.integers(0, 3, outputs))
    found = {"tiny": tiny, "large": large, "powers of two": powers}.get(knob)
    if found is None:
        pick = rng.integers(0, 4, outputs)
        found = np.choose(pick, [tiny, large, powers, usual.astype(np.float64)])
    return found.astype(np.float32)


def random_codes(
    rng: np.random.Generator, knob: str, shape: tuple[int, ...], quantization: Quantization
) -> npt.NDArray[np.uint8]:
    """Return codes of an input, by a knob of `INPUTS`."""
    if knob == "least":
        return np.zeros(shape, np.uint8)
    if knob == "most":
        return np.full(shape, 255, np.uint8)
    if knob == "zero point":
        return np.full(shape, quantization.zero_point, np.uint8)
    if knob == "outer":
        return rng.choice([0, 255], shape).astype(np.uint8)
    return rng.integers(0, 256, shape, dtype=np.uint8)
