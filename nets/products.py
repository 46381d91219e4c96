"""Exact integer matrix products in torch, on any device.

There are two implementations. `Int8Products` multiplies int8 into int32 sums, where
``torch._int_mm`` is exact and fast. `FloatProducts` multiplies integers held in float32, exact
while every partial sum is at most 2**24 (`golden.gemm`). Neither transforms its operands: both are
plain sums of products.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ..golden.kernels.gemm import EXACT, OFFSET, exact_slices

__all__ = [
    "FloatProducts",
    "Int8Products",
    "Products",
    "exact_floats",
    "float_sums_fit",
    "products",
]

_INT32 = 2**31 - 1
_PROBE_ROWS = (3, 48)  # few and many rows use different kernels
_PROBE_CHANNELS = 64


@contextmanager
def exact_floats() -> Iterator[None]:
    """Force float32 products to float32: no TF32, bfloat16, autocast or gradients."""
    backends: Any = torch.backends
    settings = (backends.cuda.matmul, backends.mkldnn.matmul)
    before = [setting.fp32_precision for setting in settings]
    with torch.inference_mode(), torch.autocast("cpu", enabled=False):
        with torch.autocast("cuda", enabled=False):
            for setting in settings:
                setting.fp32_precision = "ieee"
            try:
                yield
            finally:
                for setting, precision in zip(settings, before, strict=True):
                    setting.fp32_precision = precision


class Int8Products:
    """Int8 products x @ weight.T with int32 sums.

    Parameters
    ----------
    weight : ndarray of shape (O, K), int8

    Raises
    ------
    ArithmeticError
        If this machine's product is not exact for these weights: without VNNI, kernels add pairs
        of products in saturating 16-bit arithmetic.
    """

    dtype = torch.int8

    def __init__(self, weight: npt.NDArray[np.int8]) -> None:
        self._weight = torch.from_numpy(np.array(weight)).t().contiguous()
        for rows in _PROBE_ROWS:
            x = _extremes(weight, rows)
            wanted = x.astype(np.float64) @ weight[:_PROBE_CHANNELS].T.astype(np.float64)
            found = self(torch.from_numpy(x))[:, :_PROBE_CHANNELS]
            if not np.array_equal(found.numpy(), wanted):
                raise ArithmeticError("torch._int_mm must be exact")

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Return sums, int32 of shape (M, O), for codes minus 128: int8 of shape (M, K)."""
        return torch._int_mm(x, self._weight)  # pyright: ignore[reportPrivateImportUsage]


class FloatProducts:
    """Products x @ weight.T of integers in -128..127 held in float32.

    Parameters
    ----------
    weight : ndarray of shape (O, K), int8
    device : torch.device
    """

    dtype = torch.float32

    def __init__(self, weight: npt.NDArray[np.int8], device: torch.device) -> None:
        floats = weight.astype(np.float32)
        self._parts = [
            (part, torch.from_numpy(np.ascontiguousarray(floats[:, part].T)).to(device))
            for part in exact_slices(floats)
        ]

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Return sums of shape (M, O) for codes minus 128, float32 of shape (M, K).

        Float32 if a single product suffices, else int64.
        """
        if len(self._parts) == 1:
            return x @ self._parts[0][1]
        total = torch.zeros((), dtype=torch.int64, device=x.device)
        for part, weight in self._parts:
            total = (x[:, part] @ weight).to(torch.int64).add_(total)
        return total


Products = Int8Products | FloatProducts


def products(weight: npt.NDArray[np.int8], device: torch.device, kind: str | None) -> Products:
    """Return the products of a weight matrix.

    Parameters
    ----------
    weight : ndarray of shape (O, K), int8
    device : torch.device
    kind : "int8", "float32" or None
        None selects int8 where it is exact and fast: on a CPU with VNNI.

    Raises
    ------
    ValueError
        If int8 is requested but not exact, or the kind is unknown.
    """
    if kind not in (None, "int8", "float32"):
        raise ValueError(f"products must be int8 or float32, got {kind}")
    # the int32 sum cannot wrap in any order of addition
    fits = weight.shape[1] * 128 * OFFSET <= _INT32
    wanted = kind == "int8" or (kind is None and device.type == "cpu" and _vnni())
    if wanted and fits and device.type == "cpu":
        try:
            return Int8Products(weight)
        except ArithmeticError:
            if kind == "int8":
                raise ValueError(
                    "products must be float32 on this machine, got int8: torch._int_mm saturates"
                ) from None
    elif kind == "int8":
        raise ValueError(f"products must be float32 on {device}, got int8")
    return FloatProducts(weight, device)


def _vnni() -> bool:
    return torch.backends.mkldnn.is_available() and torch.cpu._is_vnni_supported()


def _extremes(weight: npt.NDArray[np.int8], rows: int) -> npt.NDArray[np.int8]:
    """Rows that maximize or minimize the sum of every pair of products of some channel."""
    signs = weight[np.arange(rows) % len(weight)] >= 0
    x = np.where(signs, 127, -128).astype(np.int8)
    x[1::3] = np.where(signs[1::3], -128, 127)
    x[2::3] = -128
    return x


def float_sums_fit(weight: npt.NDArray[np.int8], bias: npt.NDArray[np.int64]) -> bool:
    """Whether sums over codes minus 128, with their folded bias, are exact in float32."""
    magnitudes = np.abs(weight.reshape(len(weight), -1).astype(np.int16))
    sums = magnitudes.sum(1, dtype=np.int64) * OFFSET
    return bool((sums + np.abs(bias) <= EXACT).all())
