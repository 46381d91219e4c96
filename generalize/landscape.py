"""The loss around a minimum, along two random directions (Li et al. 2018, section 4)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from .networks import weights_of

__all__ = ["axis", "directions", "rows"]

Tensors = list[torch.Tensor]
_TINY = 1e-10


def axis(points: int) -> npt.NDArray[np.float64]:
    """Return coordinates along a direction, -1 to 1."""
    return np.linspace(-1, 1, points)


def directions(model: nn.Module, seed: int) -> tuple[Tensors, Tensors]:
    """Return two Gaussian directions, each filter scaled to the norm of the network's.

    A filter is an output channel's weights: ``d |w| / (|d| + 1e-10)``. Biases and batch norm stay.

    Parameters
    ----------
    model : Module
    seed : int

    Returns
    -------
    two lists of Tensor
        One for each of `networks.weights_of`.
    """
    generator = torch.Generator().manual_seed(seed)
    found: tuple[Tensors, Tensors] = ([], [])
    for tensors in found:
        for weight in weights_of(model):
            drawn = torch.randn(weight.shape, generator=generator, dtype=weight.dtype)
            sizes, lengths = (t.flatten(1).norm(dim=1) for t in (weight.detach(), drawn))
            scale = sizes / (lengths + _TINY)
            tensors.append(drawn * scale.view(-1, *[1] * (weight.ndim - 1)))
    return found


def rows(
    model: nn.Module,
    images: torch.Tensor,
    labels: torch.Tensor,
    points: int,
    chosen: tuple[int, ...],
    seed: int,
) -> npt.NDArray[np.float64]:
    """Return rows of the surface: the mean loss at each pair of coordinates.

    Parameters
    ----------
    model : Module
        Restored afterwards.
    images, labels : Tensor
    points : int
        Along each direction.
    chosen : tuple of int
        Rows, which are coordinates of the first direction.
    seed : int
        Of the directions; the same for all rows.

    Returns
    -------
    ndarray of shape (len(chosen), points), float64
    """
    first, second = directions(model, seed)
    weights = weights_of(model)
    before = [weight.detach().clone() for weight in weights]
    places = axis(points)
    found = np.empty((len(chosen), points))
    with torch.no_grad():
        for row, index in enumerate(chosen):
            for column, y in enumerate(places):
                for weight, start, a, b in zip(weights, before, first, second, strict=True):
                    weight.copy_(start + float(places[index]) * a + float(y) * b)
                loss = nn.functional.cross_entropy(model(images), labels)
                found[row, column] = float(loss)
        for weight, start in zip(weights, before, strict=True):
            weight.copy_(start)
    return found
