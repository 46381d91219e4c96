"""Recipes of the transformers on the built-in digits."""

from __future__ import annotations

from dataclasses import dataclass

from ..networks import Architecture
from ..transformer.architectures import ARCHITECTURES
from ..transformer.names import ON_DIGITS

__all__ = ["TRANSFORMER_RECIPES", "Recipe"]


@dataclass(frozen=True)
class Recipe:
    """Training recipe: Adam with a one-cycle learning rate.

    Parameters
    ----------
    architecture : Architecture
        The network at reduced width.
    epochs : int
    rate : float
        Largest learning rate.
    """

    architecture: Architecture
    epochs: int
    rate: float


TRANSFORMER_RECIPES = {name: Recipe(ARCHITECTURES[name], 30, 0.002) for name in ON_DIGITS}
