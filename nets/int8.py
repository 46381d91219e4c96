"""A quantized network as plain data, and recordings of its layers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

__all__ = ["LayerRecording", "Step", "check_image", "codes", "layer_codes"]


@dataclass(frozen=True)
class Step:
    """One operation of the network.

    Parameters
    ----------
    name : str
        Name of its result: network name and PyTorch's module path; for an operator that is not a
        module, the path of the enclosing module, then the operator.
    op : str
        "layer" for a convolution or linear layer, else the operator: "quantize", "dequantize",
        "add", "add_relu", "mul", "mul_relu", "add_scalar", "mul_scalar", "cat", "flatten",
        "reshape", "max_pool2d", "avg_pool2d", "adaptive_avg_pool2d", "mean", "relu", "relu6",
        "hardtanh", "clamp" or "lookup".
    inputs : tuple of str
        Names of earlier results; "input" is the image.
    arguments : dict
        Arguments of the operator, JSON values; for a layer its `name`.
    node : str
        Node of PyTorch's converted graph that computes it.
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    arguments: dict[str, Any] = field(default_factory=dict)
    node: str = ""


@dataclass(frozen=True, eq=False)
class LayerRecording:
    """Recorded input and output of one layer of the INT8 network.

    Parameters
    ----------
    x_q : ndarray of shape (N, H, W, C) or (N, K), uint8
    y_torch : ndarray of shape (N, OH, OW, O) or (N, O), uint8
        Output of PyTorch's own module.
    """

    x_q: npt.NDArray[np.uint8]
    y_torch: npt.NDArray[np.uint8]


def codes(tensor: torch.Tensor) -> npt.NDArray[np.uint8]:
    """Codes of a quantized tensor: an image channels last, (N, H, W, C), others unchanged."""
    plain = tensor.int_repr()
    if plain.ndim == 4:
        plain = plain.permute(0, 2, 3, 1)
    return np.ascontiguousarray(plain.numpy())


def layer_codes(tensor: torch.Tensor, *, linear: bool) -> npt.NDArray[np.uint8]:
    """Codes that a layer reads or writes: (N, H, W, C), or (N, K).

    A signal (N, C, L) of a convolution is an image of height 1; a sequence (N, L, C) of a linear
    layer is N * L rows.
    """
    found = codes(tensor)
    if found.ndim != 3:
        return found
    if linear:
        return found.reshape(-1, found.shape[-1])
    return np.ascontiguousarray(np.moveaxis(found, 1, -1)[:, None])


def check_image(
    image: npt.NDArray[np.float32], shape: tuple[int, ...] | None = None, what: str = "input"
) -> None:
    """Raise ValueError unless an input is float32 of shape (N, ...).

    Parameters
    ----------
    image : ndarray of 2 to 4 dimensions, float32
    shape : tuple of int, optional
        Expected dimensions after N.
    what : str
        Name for the message.
    """
    if image.dtype != np.float32 or not 2 <= image.ndim <= 4 or not image.size:
        raise ValueError(
            f"{what} must be float32 of shape (N, C, H, W), (N, C, L), (N, L, C) or (N, K), "
            f"got {image.dtype} of {image.shape}"
        )
    if shape is not None and image.shape[1:] != shape:
        raise ValueError(
            f"{what} must be of shape (N, {', '.join(map(str, shape))}), got {image.shape}"
        )
