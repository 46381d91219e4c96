"""Layer norm of uint8 tensors, byte-equal to PyTorch's quantized kernel."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..codes import check_codes
from ..operations.layer_norm import LayerNorm
from ..row import layer_norm as rows

__all__ = ["check_layer_norm", "layer_norm"]

_TINY, _HUGE = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)
_LIMIT = 2.0**31 * (1 - 2.0**-20)  # output steps; the margin is for roundings


def check_layer_norm(operation: LayerNorm) -> None:
    """Raise ValueError unless every step of a layer norm stays within normal fp32 numbers.

    gamma and beta are 0 or normal, eps and the largest factor of a row are normal, and no result
    reaches 2**31 output steps, beyond which kernels differ.
    """
    name, gamma, beta = operation.name, operation.gamma, operation.beta
    try:
        rows.check_parameters(gamma, beta)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    for what, values in (("gamma", gamma), ("beta", beta)):
        sizes = np.abs(values.astype(np.float64))
        legal = (sizes == 0) | ((sizes >= _TINY) & (sizes <= _HUGE))
        if not legal.all():
            place = int(np.argmin(legal))
            raise ValueError(
                f"{name}: {what} must be 0 or a normal fp32 number, got {values[place]:g} of "
                f"element {place}"
            )
    if not _TINY <= operation.eps <= 1.0:
        raise ValueError(f"{name}: eps must be between 2**-126 and 1, got {operation.eps:g}")
    scale, inverse = operation.input.scale, 1 / operation.output.scale
    largest = scale / np.sqrt(operation.eps)
    smallest = scale / np.sqrt((256 * scale) ** 2 + operation.eps)
    if smallest < 2.0**-60 or largest > 2.0**60:
        raise ValueError(
            f"{name}: factor of a row must be between 2**-60 and 2**60, got {smallest:g} to "
            f"{largest:g} of input scale {scale:g} and eps {operation.eps:g}"
        )
    sizes = np.abs(gamma.astype(np.float64)) * 256 * largest + np.abs(beta.astype(np.float64))
    if sizes.max() * inverse >= _LIMIT:
        raise ValueError(
            f"{name}: results must stay below 2**31 output steps, got up to "
            f"{sizes.max() * inverse:g}"
        )


def layer_norm(x_q: npt.NDArray[np.uint8], operation: LayerNorm) -> npt.NDArray[np.uint8]:
    """Output codes of a layer norm.

    PyTorch's kernel takes the last elements of a row, behind its last whole vector, another way,
    which differs at ties. Here all elements are as in whole vectors: as the kernel computes a row
    that is repeated 2**k times, up to a multiple of 64 elements.

    Parameters
    ----------
    x_q : ndarray of shape (..., N), uint8
    operation : LayerNorm

    Returns
    -------
    ndarray of x_q's shape, uint8

    Raises
    ------
    ValueError
        If x_q has another dtype or shape, or `check_layer_norm` rejects the operation.

    Examples
    --------
    >>> from ..quantization import Quantization
    >>> one, zero = np.ones(2, np.float32), np.zeros(2, np.float32)
    >>> steps = Quantization(0.125, 100)
    >>> norm = LayerNorm("norm", one, zero, 1e-5, steps, steps)
    >>> layer_norm(np.array([[30, 40], [7, 7]], np.uint8), norm)
    array([[ 92, 108],
           [100, 100]], dtype=uint8)
    """
    check_codes(x_q)
    check_layer_norm(operation)
    operation.output_shape(x_q.shape)
    ends = operation.input, operation.output
    return rows.layer_norm(x_q, operation.gamma, operation.beta, operation.eps, *ends)
