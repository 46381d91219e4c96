"""Calls of softmax, layer norm, products of two tensors, and operators of tokens."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .case import Case
from .draw import EXTREMES, codes, generator, scale

__all__ = ["transformer_cases"]


def transformer_cases() -> Iterator[Case]:
    """Yield the calls, without results."""
    yield from _softmaxes()
    yield from _layer_norms()
    yield from _products()
    yield from _tokens()
    yield from _windows()


def _softmaxes() -> Iterator[Case]:
    for classes, step in ((1, 0.1), (2, 0.02), (10, 0.05), (64, 0.01), (197, 0.002), (512, 0.1)):
        name = f"Softmax.{classes} classes"
        rng = generator(name)
        x = codes(rng, 200 if classes <= 10 else 12, classes)
        x[:3] = np.array([[0], [255], [77]], np.uint8)  # equal codes
        x[3], x[3, -1] = 0, 255  # one class
        yield Case(name, "Softmax", "softmax", {"input": [step, 3]}, {"x": x})


def _layer_norms() -> Iterator[Case]:
    for elements, zero_point in zip((1, 5, 64, 96, 192, 384), EXTREMES, strict=True):
        name = f"LayerNorm.{elements} elements"
        rng = generator(name)
        x = codes(rng, 16, elements)
        x[:3] = np.array([[0], [255], [zero_point]], np.uint8)  # variance 0
        x[3], x[3, -1] = 254, 255
        settings = {
            "input": [scale(rng), zero_point],
            "output": [scale(rng, 0.01, 0.05), 255 - zero_point],
            "eps": 1e-6,
        }
        arrays = {
            "x": x,
            "gamma": rng.normal(1, 0.5, elements).astype(np.float32),
            "beta": rng.normal(0, 0.5, elements).astype(np.float32),
        }
        yield Case(name, "LayerNorm", "layer_norm", settings, arrays)


def _products() -> Iterator[Case]:
    for heads, depth, zero_point in ((1, 8, 128), (3, 16, 0), (2, 5, 255)):
        for scores in (True, False):
            name = f"TensorProduct.{'scores' if scores else 'values'} of {heads} heads"
            rng = generator(name)
            first = codes(rng, 2, 1, 6, heads * depth) if scores else codes(rng, 2, heads, 6, 7)
            settings = {
                "input": [0.02, zero_point],
                "second": [0.03, 128],
                "output": [0.05 if scores else 0.1, 120],
                "heads": heads,
                "scores": scores,
                "depth": depth if scores else 7,
                "factor": depth**-0.5 if scores else 1.0,
            }
            second = np.maximum(codes(rng, 2, 1, 7, heads * depth), 1)
            arrays = {"x": first, "x1": second}
            yield Case(name, "TensorProduct", "linear_of_tensors", settings, arrays)


def _tokens() -> Iterator[Case]:
    for first in (0, 1, 2):
        name = f"Tokens.behind {first}"
        rng = generator(name)
        arrays = {"x": codes(rng, 2, 3, 4, 8), "first": codes(rng, first, 8)}
        yield Case(name, "Tokens", "tokens", {"input": [0.1, 9]}, arrays)
        name = f"AddConstant.zero point {EXTREMES[first]}"
        rng = generator(name)
        settings = {
            "input": [scale(rng), EXTREMES[first]],
            "second": [scale(rng), EXTREMES[-1 - first]],
            "output": [scale(rng, 0.05, 0.1), 100],
        }
        arrays = {"x": codes(rng, 3, 1, 9, 8), "constant": codes(rng, 1, 1, 9, 8)}
        yield Case(name, "AddConstant", "add_constant", settings, arrays)


def _windows() -> Iterator[Case]:
    """Products within windows, biases repeated for each, and tokens in another order."""
    heads, depth, windows = 2, 4, 3
    for scores in (True, False):
        name = f"TensorProduct.{'scores' if scores else 'values'} in windows"
        rng = generator(name)
        shape = (2, windows, 5, heads * depth) if scores else (2, windows * heads, 5, 7)
        settings = {
            "input": [0.02, 100],
            "second": [0.03, 128],
            "output": [0.02, 120],
            "heads": heads,
            "scores": scores,
            "depth": depth if scores else 7,
            "factor": depth**-0.5 if scores else 1.0,
        }
        second = np.maximum(codes(rng, 2, windows, 7, heads * depth), 1)
        arrays = {"x": codes(rng, *shape), "x1": second}
        yield Case(name, "TensorProduct", "linear_of_tensors", settings, arrays)
    name = "AddConstant.repeated"
    rng = generator(name)
    settings = {"input": [0.05, 100], "second": [0.07, 200], "output": [0.1, 128]}
    arrays = {"x": codes(rng, 2, 6, 5, 7), "constant": codes(rng, 1, 2, 5, 7)}
    yield Case(name, "AddConstant", "add_constant", settings, arrays)
    for name, shape in (("Rearrange.each once", (4, 6, 1)), ("Rearrange.merged", (2, 3, 4))):
        rng = generator(name)
        arrays = {"x": codes(rng, 2, 4, 6, 5), "places": rng.permutation(24).reshape(shape)}
        yield Case(name, "Rearrange", "rearrange", {"input": [0.1, 9]}, arrays)
