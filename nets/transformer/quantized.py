"""Quantized transformers by name: what the golden model and PyTorch's kernels compute from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from ...golden.graph import Network
from ...golden.kernels.quantize import quantize_per_tensor
from ...golden.quantization import Quantization
from ..data.digits import digits
from ..images import calibration_crops, normalize
from . import steps
from .architectures import load_transformer
from .importer import import_transformer
from .names import ON_DIGITS
from .observe import observe
from .parts import Transformer, check_images
from .reference import reference_tensors

__all__ = ["QuantizedTransformer", "load", "quantize"]

_DIGITS = 100  # images to calibrate with
Codes = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class QuantizedTransformer:
    """A transformer with the scales of its tensors.

    Parameters
    ----------
    name : str
    weights : str
        Description of the weights.
    model : Transformer
        In floating point, in evaluation mode.
    quantizations : mapping of str to Quantization
        From `observe`.
    graph : Network
        For one image; names of tensors begin with `name`.
    """

    name: str
    weights: str
    model: Transformer
    quantizations: Mapping[str, Quantization]
    graph: Network

    def codes(self, images: torch.Tensor) -> Codes:
        """Input codes (N, H, W, C) of normalized images (N, C, H, W), float32."""
        check_images(self.model, images)
        pixels = np.ascontiguousarray(images.permute(0, 2, 3, 1).numpy())
        return quantize_per_tensor(pixels, self.quantizations[steps.IMAGE])

    def reference(self, images: torch.Tensor) -> dict[str, Codes]:
        """Every tensor by PyTorch's kernels, with the graph's names, of normalized images."""
        found = reference_tensors(self.model, self.quantizations, images)
        return {f"{self.name}.{name}": codes for name, codes in found.items()}


def quantize(
    model: Transformer, name: str, calibration: torch.Tensor, weights: str = "given"
) -> QuantizedTransformer:
    """Quantize a transformer.

    Parameters
    ----------
    model : Transformer
        In evaluation mode.
    name : str
    calibration : tensor of shape (N, C, H, W), float32
        Normalized images.
    weights : str
        Description of the weights.

    Raises
    ------
    ValueError
        If the images do not fit, a number is not finite, or `golden.verify` rejects the graph.
    """
    quantizations = observe(model, calibration)
    graph = import_transformer(model, name, quantizations)
    return QuantizedTransformer(name, weights, model, quantizations, graph)


def load(
    name: str,
    weights: Path | None = None,
    seed: int = 0,
    calibration: torch.Tensor | None = None,
) -> QuantizedTransformer:
    """Load a transformer and quantize it.

    Parameters
    ----------
    name, weights, seed
        As for `architectures.load_transformer`.
    calibration : tensor of shape (N, 3, H, W), float32, optional
        Normalized images; crops of the shipped photographs by default, or digits.

    Raises
    ------
    ValueError
        As `load_transformer` and `quantize`.
    """
    model = load_transformer(name, weights, seed)
    text = f"seeded initialisation, seed {seed}" if weights is None else str(weights)
    images = _default_images(name) if calibration is None else calibration
    return quantize(model, name, images, text)


def _default_images(name: str) -> torch.Tensor:
    if name in ON_DIGITS:
        data = digits("train")
        crops = [data.crop(index * len(data) // _DIGITS) for index in range(_DIGITS)]
    else:
        crops = calibration_crops()
    return torch.from_numpy(np.concatenate([normalize(crop) for crop in crops]))
