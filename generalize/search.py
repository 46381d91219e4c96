"""The largest perturbation of the weights that a network bears: QGen's appendix B.2.

``paper``: bisection of 0..2 in 15 steps for the largest noise with which accuracy falls by at most
0.1 (B.2 measures accuracies; the equations' loss would never pass for networks that train to more
than 0.1). Each step uses the same standard normal directions, scaled, so that a search repeats
itself, and more noise is the same noise enlarged. Gaussian noise has that *deviation*; accuracy is
the mean over the draws. For sharpness, noise starts as one draw within the bounds and climbs the
loss for 20 steps at a rate of 0.0001; accuracy is the smallest on the way.

``reference``: the search of the code by Dziugaite et al. 2020, which QGen says it uses. Its noise
has sigma**2 as *deviation* (``torch.normal`` wants a deviation, and gets a variance), and so has
that of the magnitude-aware one, sigma**2 |w|**2 + eps**2; each step draws anew; it ends early
within 0.01 of the target; its result is the last noise tried; it perturbs biases, too. It has no
sharpness: that is the paper's. One difference is left: it keeps batch norm as layers of scale 1,
which its noise perturbs, where batch norm is folded away here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from .measures import EPSILON, Found
from .networks import weights_of

__all__ = ["Search", "find", "pac_bayes", "reference_pac_bayes", "sharpness"]

_ITERATIONS, _DRAWS, _LARGEST, _DROP = 15, 10, 2.0, 0.1
_ROUNDING = 1e-9  # 0.93 - 0.83 is above 0.1
_CLIMB, _RATE = 20, 1e-4
_TOLERANCE = 1e-2  # of the reference
_REFERENCE_SEED = 10348628753  # of the reference, to which its seed is added

Tensors = list[torch.Tensor]


@dataclass(frozen=True)
class Search:
    """A network to perturb, and the images that judge it.

    Parameters
    ----------
    model : Module
        Batch norm folded; left as it is.
    images : Tensor of shape (N, 3, H, W)
    labels : Tensor of shape (N,), int64
    seed : int
    """

    model: nn.Module
    images: torch.Tensor
    labels: torch.Tensor
    seed: int = 0

    def accuracy(self) -> float:
        """Return the accuracy of the network as it is now."""
        with torch.no_grad():
            return float((self.model(self.images).argmax(1) == self.labels).double().mean())

    def scales(self, magnitude: bool) -> Tensors:
        """Return the deviation of unit noise of each weight: 1, or its magnitude."""
        weights = weights_of(self.model)
        return [weight.abs() if magnitude else torch.ones_like(weight) for weight in weights]

    @contextmanager
    def moved(self, noise: Tensors) -> Iterator[None]:
        """Add noise to the weights within the block."""
        weights = weights_of(self.model)
        before = [weight.detach().clone() for weight in weights]
        with torch.no_grad():
            for weight, change in zip(weights, noise, strict=True):
                weight += change
        try:
            yield
        finally:
            with torch.no_grad():
                for weight, old in zip(weights, before, strict=True):
                    weight.copy_(old)


def _bisect(bears: Callable[[float], bool]) -> float:
    """Return the largest noise that passes, between 0 and 2; at least the smallest step."""
    low, high = 0.0, _LARGEST
    for _ in range(_ITERATIONS):
        middle = (low + high) / 2
        if bears(middle):
            low = middle
        else:
            high = middle
    return low or high


def _too_much(drop: float) -> bool:
    """Whether accuracy, a multiple of 1 / images, falls by more than the search allows."""
    return drop > _DROP + _ROUNDING


def _directions(search: Search, count: int) -> list[Tensors]:
    generator = torch.Generator().manual_seed(search.seed)
    weights = weights_of(search.model)
    return [
        [torch.randn(w.shape, generator=generator, dtype=w.dtype) for w in weights]
        for _ in range(count)
    ]


def pac_bayes(search: Search, *, magnitude: bool = False, draws: int = _DRAWS) -> float:
    """Return the largest deviation of Gaussian noise with a mean drop of at most 0.1.

    Parameters
    ----------
    search : Search
    magnitude : bool
        Whether the noise of weight i has the variance ``sigma**2 w_i**2 + eps**2``.
    draws : int
    """
    clean = search.accuracy()
    scales, directions = search.scales(magnitude), _directions(search, draws)
    floor = EPSILON**2 if magnitude else 0.0

    def bears(sigma: float) -> bool:
        lost = 0.0
        for done, drawn in enumerate(directions, 1):
            deviations = [(sigma**2 * scale**2 + floor).sqrt() for scale in scales]
            noise = [d * unit for d, unit in zip(deviations, drawn, strict=True)]
            with search.moved(noise):
                lost += clean - search.accuracy()
            if _too_much((lost - (draws - done) * (1 - clean)) / draws):
                return False  # whatever the rest gains
        return not _too_much(lost / draws)

    return _bisect(bears)


def sharpness(search: Search, *, magnitude: bool = False, rate: float = _RATE) -> float:
    """Return the largest bound of noise whose worst drop is at most 0.1.

    Parameters
    ----------
    search : Search
    magnitude : bool
        Whether weight i moves by at most ``alpha |w_i| + eps`` instead of alpha.
    rate : float
        Of the climb.
    """
    clean = search.accuracy()
    scales, (drawn,) = search.scales(magnitude), _directions(search, 1)
    floor = EPSILON if magnitude else 0.0
    weights = weights_of(search.model)

    def bears(alpha: float) -> bool:
        bounds = [alpha * scale + floor for scale in scales]
        noise = [
            torch.maximum(torch.minimum(bound * unit, bound), -bound)
            for bound, unit in zip(bounds, drawn, strict=True)
        ]
        for _ in range(_CLIMB + 1):
            with search.moved(noise):
                slopes = _climbing(search, weights, clean)
            if slopes is None:
                return False
            noise = [
                torch.maximum(torch.minimum(move + rate * slope, bound), -bound)
                for move, slope, bound in zip(noise, slopes, bounds, strict=True)
            ]
        return True

    return _bisect(bears)


def _climbing(search: Search, weights: Tensors, clean: float) -> Tensors | None:
    """Return the loss's gradient with respect to the weights; None if accuracy fell too far."""
    for weight in weights:
        weight.requires_grad_(True)
    try:
        logits = search.model(search.images)
        right = (logits.detach().argmax(1) == search.labels).double().mean()
        if _too_much(clean - float(right)):
            return None
        loss = nn.functional.cross_entropy(logits, search.labels)
        return list(torch.autograd.grad(loss, weights))
    finally:
        for weight in weights:
            weight.requires_grad_(False)


def reference_pac_bayes(search: Search, *, magnitude: bool = False) -> float:
    """Return sigma as the reference's code finds it; see the module for what differs."""
    clean = search.accuracy()
    generator = torch.Generator().manual_seed(_REFERENCE_SEED + search.seed)
    parameters = list(search.model.parameters())
    low, high, sigma = 0.0, _LARGEST, _LARGEST / 2
    for _ in range(_ITERATIONS):
        sigma = (low + high) / 2
        accuracies = []
        for _ in range(_DRAWS):
            noise = [_drawn(p, sigma, magnitude, generator) for p in parameters]
            before = [p.detach().clone() for p in parameters]
            with torch.no_grad():
                for parameter, change in zip(parameters, noise, strict=True):
                    parameter += change
                accuracies.append(search.accuracy())
                for parameter, old in zip(parameters, before, strict=True):
                    parameter.copy_(old)
        moved = abs(float(np.mean(accuracies)) - clean)
        if abs(moved - _DROP) < _TOLERANCE:
            break
        low, high = (low, sigma) if moved > _DROP else (sigma, high)
    return sigma


def _drawn(
    parameter: torch.Tensor, sigma: float, magnitude: bool, generator: torch.Generator
) -> torch.Tensor:
    if magnitude:
        deviation = sigma**2 * parameter.abs() ** 2 + EPSILON**2
        return torch.normal(torch.zeros_like(parameter), deviation, generator=generator)
    noise = torch.normal(0.0, sigma**2, parameter.shape, generator=generator)
    return noise.to(parameter.dtype)


def find(search: Search, reading: str = "paper") -> Found:
    """Return all four perturbations, in one of the module's readings."""
    searched = reference_pac_bayes if reading == "reference" else pac_bayes
    return Found(
        searched(search),
        searched(search, magnitude=True),
        sharpness(search),
        sharpness(search, magnitude=True),
    )
