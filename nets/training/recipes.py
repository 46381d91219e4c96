"""Named recipes of training on the user's data; does not import PyTorch.

- ``thesis``: Langille 2024, section 3.2. Neither batch size nor augmentation is stated.
- ``qgen``: AskariHemmat et al., *QGen*, appendix B.1: NiN and ResNet on CIFAR-10 and CIFAR-100. The
  weights of the epoch with the lowest training loss are kept (section 4). The batch size is stated
  for NiN (appendix B.4) and used for ResNet, too; augmentation is not stated, here there is none.
- ``qgen-imagenet``: appendices B.1 and C.1: networks that start from ImageNet's weights (``init``),
  also on CIFAR-100. The batch size is not stated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

__all__ = ["RECIPES", "Recipe", "recipe_of"]


@dataclass(frozen=True)
class Recipe:
    """Settings of a training before the user's own; as in `settings.Settings`, and the epochs.

    Parameters
    ----------
    epochs, batch : int
    rate, momentum, decay, factor : float
    every : int
    steps : tuple of int
    optimizer : str
    lowest_loss : bool
    depth, width : int, optional
    """

    epochs: int
    batch: int
    rate: float
    momentum: float = 0.9
    decay: float = 0.0
    every: int = 50
    steps: tuple[int, ...] = ()
    factor: float = 0.1
    optimizer: str = "sgd"
    lowest_loss: bool = False
    depth: int | None = None
    width: int | None = None


_THESIS = Recipe(epochs=250, batch=32, rate=0.001)
_NIN = Recipe(epochs=300, batch=128, rate=0.1, decay=1e-4, steps=(100, 200), lowest_loss=True)
_RESNET = replace(_NIN, epochs=200, steps=(80, 160), width=16)
_IMAGENET = Recipe(epochs=120, batch=128, rate=0.01, decay=1e-4, steps=(30, 60, 90))

#: By recipe: what each network gets; the empty name stands for all others.
RECIPES: dict[str, Mapping[str, Recipe]] = {
    "thesis": {"": _THESIS},
    "qgen": {"nin": _NIN, "resnet18": _RESNET, "resnet50": _RESNET},
    "qgen-imagenet": {"": _IMAGENET},
}


def recipe_of(name: str, network: str) -> Recipe:
    """Return a network's recipe.

    Raises
    ------
    ValueError
        If there is no such recipe, or it is for other networks.

    Examples
    --------
    >>> recipe_of("qgen", "nin").steps, recipe_of("qgen-imagenet", "resnet18").rate
    ((100, 200), 0.01)
    """
    if name not in RECIPES:
        known = ", ".join(RECIPES)
        raise ValueError(f"recipe must be one of {known} with data, got {name}")
    found = RECIPES[name]
    if network not in found and "" not in found:
        raise ValueError(
            f"network must be one of {', '.join(found)} with recipe {name}, got {network}: "
            "qgen-imagenet is QGen's recipe for others"
        )
    return found[network] if network in found else found[""]
