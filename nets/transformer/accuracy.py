"""Accuracy of a quantized transformer, by the golden model."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from ...golden.kernels.quantize import quantize_per_tensor
from ...golden.network import execute
from . import steps
from .importer import import_transformer
from .observe import observe
from .parts import Transformer

__all__ = ["predictions"]

_BATCH = 32


def predictions(
    model: Transformer, calibration: torch.Tensor, images: torch.Tensor
) -> npt.NDArray[np.int64]:
    """Class of each image, by the INT8 network.

    Parameters
    ----------
    model : Transformer
        In evaluation mode.
    calibration, images : tensor of shape (N, colours, H, W), float32
        Normalized.

    Returns
    -------
    ndarray of shape (N,), int64
        Of the first of the largest logits, if several are.
    """
    quantizations = observe(model, calibration)
    network = import_transformer(model, "net", quantizations)
    pixels = np.ascontiguousarray(images.permute(0, 2, 3, 1).numpy())
    codes = quantize_per_tensor(pixels, quantizations[steps.IMAGE])
    found = [
        execute(network, codes[first : first + _BATCH])[network.output].argmax(axis=1)
        for first in range(0, len(codes), _BATCH)
    ]
    return np.concatenate(found)
