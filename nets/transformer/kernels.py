"""PyTorch's quantized kernels for transformers, called so that each result is one formula's.

Call them within `framework.qnnpack`.
"""

from __future__ import annotations

from math import gcd
from typing import Any

import torch

__all__ = ["layer_norm", "softmax", "weighted"]

_VECTOR = 64  # codes in the widest vector register
_untyped: Any = torch


def softmax(x: torch.Tensor) -> torch.Tensor:
    """Softmax over the last dimension, quint8 of scale 1/256 and zero point 0."""
    return torch.ops.quantized.softmax(x, -1, 1 / 256, 0)


def layer_norm(
    x: torch.Tensor,
    gamma: torch.Tensor,
    beta: torch.Tensor,
    eps: float,
    scale: float,
    zero_point: int,
) -> torch.Tensor:
    """Layer norm over the last dimension.

    The kernel computes what is behind a row's last whole vector with other instructions, which
    differ at ties and from processor to processor. So each row is given to it 2**k times in a row,
    up to whole vectors: sums and count are 2**k times what they were, and all quotients the same.

    Parameters
    ----------
    x : quint8 tensor of shape (..., N)
    gamma, beta : float32 tensors of shape (N,)
    eps : float
    scale, zero_point : float, int
        Of the result.
    """
    elements = x.shape[-1]
    copies = _VECTOR // gcd(elements, _VECTOR)
    if copies > 1:
        repeated = torch.cat([x.int_repr()] * copies, dim=-1)
        x = _untyped._make_per_tensor_quantized_tensor(repeated, x.q_scale(), x.q_zero_point())
        gamma, beta = gamma.repeat(copies), beta.repeat(copies)
    found = torch.ops.quantized.layer_norm(x, [len(gamma)], gamma, beta, eps, scale, zero_point)
    return found[..., :elements]


def weighted(
    x: torch.Tensor, weights: torch.Tensor, factor: float, scale: float, zero_point: int
) -> torch.Tensor:
    """Linear layer whose weights are another tensor.

    Parameters
    ----------
    x : quint8 tensor of shape (rows, depth)
    weights : quint8 tensor of shape (outputs, depth)
        Of zero point 128.
    factor : float
        Multiplies the weights' scale.
    scale, zero_point : float, int
        Of the result, quint8 of shape (rows, outputs).
    """
    if weights.q_zero_point() != 128:
        raise ValueError(f"zero point of weights must be 128, got {weights.q_zero_point()}")
    signed = (weights.int_repr().to(torch.int16) - 128).to(torch.int8).contiguous()
    packed = torch.ops.quantized.linear_prepack(
        _untyped._make_per_tensor_quantized_tensor(signed, weights.q_scale() * factor, 0), None
    )
    return torch.ops.quantized.linear(x.contiguous(), packed, scale, zero_point)
