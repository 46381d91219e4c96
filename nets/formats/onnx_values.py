"""What the tensors of an ONNX file are: codes, their real values, weights, or floats on the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...golden.quantization import Quantization
from .onnx_file import Call

__all__ = ["Codes", "Floats", "Index", "Real", "Value", "Weights", "Work"]
__all__ += ["codes_of", "parameters"]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Codes:
    """A quantized tensor.

    Parameters
    ----------
    step : str
        The step that computes it.
    tensor : str
        Its name in the file; empty if it has none there.
    """

    step: str
    tensor: str


@dataclass(frozen=True)
class Real:
    """The real values of a quantized tensor.

    Parameters
    ----------
    codes : Codes
    tensor : str
        Name of the real values in the file.
    """

    codes: Codes
    tensor: str


@dataclass(frozen=True)
class Index:
    """Codes as whole numbers, which pick entries of a table.

    Parameters
    ----------
    codes : Codes
    """

    codes: Codes


@dataclass(frozen=True, eq=False)
class Weights:
    """A dequantized constant.

    Parameters
    ----------
    codes : ndarray
        Differences from the zero point, int64.
    scale : ndarray of shape () or (channels,), float32
    axis : int
        Dimension of the channels.
    """

    codes: npt.NDArray[np.int64]
    scale: npt.NDArray[np.float32]
    axis: int


@dataclass(frozen=True, eq=False)
class Floats:
    """What operators compute in floating point; a later operator quantizes it.

    Parameters
    ----------
    calls : tuple of Call
        In order of execution.
    reads : tuple of Real
        Real values that they read.
    """

    calls: tuple[Call, ...]
    reads: tuple[Real, ...]


Value = Codes | Index | Real | Weights | Floats


@dataclass(frozen=True, eq=False)
class Work:
    """A region: operators between codes.

    Parameters
    ----------
    calls : tuple of Call
        The operators, without quantization.
    ends : tuple of Call
        The QuantizeLinear behind them; none in QOperator form.
    reads : tuple of Codes or Real
    tensor : str
        The codes that it computes; for the network's end, real values.
    output : Quantization
    """

    calls: tuple[Call, ...]
    ends: tuple[Call, ...]
    reads: tuple[Codes | Real, ...]
    tensor: str
    output: Quantization

    @property
    def ops(self) -> tuple[str, ...]:
        """Names of the operators."""
        return tuple(call.op for call in self.calls)


def parameters(scale: Array, zero_point: Array | None) -> tuple[Quantization, bool]:
    """Return the quantization of activations, as the graph has it, and whether codes are int8.

    Raises
    ------
    ValueError
        If it is not one positive scale and one zero point of 8 bits.
    """
    if scale.size != 1 or scale.dtype != np.float32:
        raise ValueError(f"scale must be one float32, got {scale.dtype} of shape {scale.shape}")
    number = float(scale.reshape(-1)[0])
    if not (np.isfinite(number) and number >= np.finfo(np.float32).tiny):
        raise ValueError(f"scale must be a positive normal number, got {number:g}")
    if zero_point is None:
        return Quantization(number, 0), False
    if zero_point.dtype not in (np.int8, np.uint8) or zero_point.size != 1:
        raise ValueError(
            f"zero point must be one int8 or uint8, got {zero_point.dtype} of {zero_point.shape}"
        )
    signed = zero_point.dtype == np.int8
    return Quantization(number, int(zero_point.reshape(-1)[0]) + 128 * signed), signed


def codes_of(value: Codes | Real) -> Codes:
    """Return codes, or those of real values."""
    return value.codes if isinstance(value, Real) else value
