"""A transformer as a list of steps, for whatever computes, observes or imports it.

Tensors have the integer graph's layouts: images (N, H, W, C), tokens (N, W, T, C) in W windows,
scores (N, W * heads, T, S), rows (N, C).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

__all__ = ["IMAGE", "Add", "AddConstant", "Convolution", "First", "Gelu", "Linear", "Rearrange"]
__all__ += ["Mean", "Norm", "Scores", "Softmax", "Step", "Tokens", "Weighted", "walk"]

#: Name of the images.
IMAGE = "input"

Value = TypeVar("Value")


@dataclass(frozen=True, eq=False)
class Step:
    """One operation on tensors.

    Parameters
    ----------
    name : str
        Of the result: PyTorch's module path where there is a module.
    inputs : tuple of str
        Names of earlier results, or `IMAGE`.

    Attributes
    ----------
    ranged : bool
        Whether the result has a range of its own; otherwise its scale follows from the inputs.
    """

    ranged: ClassVar[bool] = True
    name: str
    inputs: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Convolution(Step):
    """Patches of an image; the range of the result has to include the tensor `also`, if any."""

    module: nn.Conv2d
    also: torch.Tensor | None = None


@dataclass(frozen=True, eq=False)
class Tokens(Step):
    """Pixels as tokens of one window, behind a constant one, `first` of shape (1, 1, C)."""

    ranged: ClassVar[bool] = False
    first: torch.Tensor


@dataclass(frozen=True, eq=False)
class AddConstant(Step):
    """Sum with a constant (1, K, W, C), repeated along the rows.

    Where `mask`, of the constant's shape, is true, the sum is for a softmax that has to pass over
    it: `MASKED` is added as well.
    """

    MASKED: ClassVar[float] = -100.0
    constant: torch.Tensor
    mask: torch.Tensor | None = None

    @property
    def addend(self) -> torch.Tensor:
        """The constant and what the mask adds."""
        constant = self.constant.detach()
        return constant if self.mask is None else constant + self.MASKED * self.mask


@dataclass(frozen=True, eq=False)
class Norm(Step):
    """Layer norm over the channels."""

    module: nn.LayerNorm


@dataclass(frozen=True, eq=False)
class Linear(Step):
    """Linear layer of tokens or rows; `symmetric` results are the weights of a product."""

    weight: torch.Tensor
    bias: torch.Tensor
    symmetric: bool = False


@dataclass(frozen=True, eq=False)
class Scores(Step):
    """Queries times keys in each head and window, times a factor."""

    heads: int
    factor: float


@dataclass(frozen=True, eq=False)
class Softmax(Step):
    """Softmax over the last dimension."""

    ranged: ClassVar[bool] = False


@dataclass(frozen=True, eq=False)
class Weighted(Step):
    """Probabilities times values in each head and window."""

    heads: int


@dataclass(frozen=True, eq=False)
class Add(Step):
    """Sum of two tensors."""


@dataclass(frozen=True, eq=False)
class Gelu(Step):
    """GELU of each element."""


@dataclass(frozen=True, eq=False)
class Rearrange(Step):
    """Pixels from given places, (H, W, P), as `maccord.golden.operations.rearrange.Rearrange`."""

    ranged: ClassVar[bool] = False
    places: npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class First(Step):
    """The first token of each image: rows."""

    ranged: ClassVar[bool] = False


@dataclass(frozen=True, eq=False)
class Mean(Step):
    """Mean of each image's pixels: rows."""

    ranged: ClassVar[bool] = False


def walk(
    steps: Sequence[Step], compute: Callable[..., Value], x: Value
) -> tuple[Value, dict[str, Value]]:
    """Pass images through a network.

    Parameters
    ----------
    steps : sequence of Step
    compute : callable
        Takes a step and the values of its inputs; returns its result.
    x : images, as `compute` takes them

    Returns
    -------
    logits : the last result
    values : dict of str
        The images and every result, by name.
    """
    values = {IMAGE: x}
    for step in steps:
        values[step.name] = compute(step, *(values[name] for name in step.inputs))
    return values[steps[-1].name], values
