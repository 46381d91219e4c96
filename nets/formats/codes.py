"""Codes of model files: int8 or uint8 there, uint8 in the integer graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ...golden.quantization import Quantization
from ..layouts import Layout

__all__ = ["file_codes", "plain_order", "quantized", "unsigned"]

Codes = npt.NDArray[np.uint8]


def quantized(values: npt.NDArray[np.float32], into: Quantization) -> Codes:
    """Quantize as all runtimes of model files do: clip(rint(f(x / s)) + z, 0, 255).

    Examples
    --------
    >>> quantized(np.array([0.25, 0.75, -9.0], np.float32), Quantization(0.5, 10))
    array([10, 12,  0], dtype=uint8)
    """
    steps = np.rint(values / np.float32(into.scale))
    return np.clip(steps + into.zero_point, 0, 255).astype(np.uint8)


def unsigned(tensor: npt.NDArray[Any]) -> Codes:
    """Return the graph's codes: int8 plus 128, uint8 as they are."""
    return tensor.view(np.uint8) ^ np.uint8(128) if tensor.dtype == np.int8 else tensor


def file_codes(codes: Codes, dtype: Any) -> npt.NDArray[Any]:  # noqa: ANN401
    """Return the file's codes, of a dtype, for the graph's; the reverse of `unsigned`."""
    return (codes ^ np.uint8(128)).view(np.int8) if np.dtype(dtype) == np.int8 else codes


def plain_order(codes: Codes, layout: Layout, order: tuple[int, ...] | None) -> Codes:
    """Return the graph's codes with their elements in PyTorch's order.

    Parameters
    ----------
    codes : ndarray of shape (N, H, W, C) or (N, K), uint8
    layout : Layout
        PyTorch's.
    order : (H, W, C), optional
        Of a flattened image whose codes are channels last.
    """
    if order:
        image = codes.reshape(len(codes), *order)
        codes = np.moveaxis(image, -1, 1).reshape(len(codes), -1)
    return layout.from_graph(codes)
