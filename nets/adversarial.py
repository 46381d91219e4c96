"""Adversarial perturbations: the largest harm to a network within a bound of each value.

- ``fgsm``: one step of the bound along the sign of the loss's gradient (Goodfellow et al. 2015);
- ``pgd``: from a random start within the bound, `STEPS` such steps of 2.5 bounds over their number,
  back into the bound each time (Madry et al. 2018).

The gradient is that of a floating-point network, in evaluation mode; weights may be quantized. The
integer network and the RTL get the same images: the attack is transferred. Images are attacked one
by one, so that a result does not depend on which others are in the batch.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from .framework import one_thread
from .images import IMAGENET, Normalization
from .seeding import generator

__all__ = ["STEPS", "attack"]

STEPS = 10
_REACH = 2.5  # how far all steps of PGD go, in bounds

Crops = npt.NDArray[np.float32]


def attack(
    model: nn.Module,
    crops: Crops,
    labels: npt.NDArray[np.int64],
    kind: str,
    bound: float,
    images: Sequence[int],
    seed: int = 0,
    by: Normalization = IMAGENET,
    *,
    draw: int = 0,
) -> Crops:
    """Return crops that raise a network's cross-entropy, each value within a bound of its own.

    Parameters
    ----------
    model : Module
        In evaluation mode.
    crops : ndarray of shape (N, H, W, 3), float32
        In 0..1; not modified.
    labels : ndarray of shape (N,), int64
    kind : str
        ``fgsm`` or ``pgd``.
    bound : float
        Largest change of a value, in crop units.
    images : sequence of N int
        Indices in the data set, for the random starts.
    seed : int
    by : Normalization
    draw : int
        Number of the independent draw for these images.

    Returns
    -------
    ndarray of the crops' shape, float32
        In 0..1.
    """
    found = np.empty_like(crops)
    mean, std = (
        torch.tensor(each, dtype=torch.float32).view(3, 1, 1) for each in (by.mean, by.std)
    )
    with one_thread():
        for place, (crop, label, image) in enumerate(zip(crops, labels, images, strict=True)):
            clean = torch.from_numpy(np.ascontiguousarray(crop.transpose(2, 0, 1)))
            rng = generator(kind, bound, seed, (int(image), draw, 0))
            moved = _attacked(model, clean, int(label), kind, bound, rng, (mean, std))
            found[place] = moved.numpy().transpose(1, 2, 0)
    return found


def _attacked(
    model: nn.Module,
    clean: torch.Tensor,
    label: int,
    kind: str,
    bound: float,
    rng: np.random.Generator,
    by: tuple[torch.Tensor, torch.Tensor],
) -> torch.Tensor:
    """Attack one image (3, H, W)."""
    moved = clean
    if kind == "pgd":
        start = rng.uniform(-bound, bound, clean.shape).astype(np.float32)
        moved = (clean + torch.from_numpy(start)).clamp(0, 1)
    steps, length = (1, bound) if kind == "fgsm" else (STEPS, _REACH * bound / STEPS)
    target = torch.tensor([label])
    for _ in range(steps):
        slope = _slope(model, moved, target, by)
        moved = moved + length * slope.sign()
        moved = torch.maximum(torch.minimum(moved, clean + bound), clean - bound).clamp(0, 1)
    return moved


def _slope(
    model: nn.Module,
    image: torch.Tensor,
    target: torch.Tensor,
    by: tuple[torch.Tensor, torch.Tensor],
) -> torch.Tensor:
    """Gradient of the loss with respect to an image."""
    with torch.enable_grad():
        variable = image.detach().clone().requires_grad_(True)
        logits = model(((variable - by[0]) / by[1])[None])
        return torch.autograd.grad(nn.functional.cross_entropy(logits, target), variable)[0]
