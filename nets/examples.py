"""Example inputs of a network: one array or tensor per input."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import fx

__all__ = [
    "Example", "Images", "WrongCount", "arrays_of", "check_count", "example_of", "fresh",
    "from_arrays", "joined",
]  # fmt: skip

Image = npt.NDArray[np.float32]
Images = Image | Sequence[Image]
Example = tuple[torch.Tensor, ...]


class WrongCount(ValueError):
    """A network takes more or fewer inputs than there are."""


def arrays_of(images: Images) -> tuple[Image, ...]:
    """Return an array of one input, or those of several, as a tuple."""
    return (images,) if isinstance(images, np.ndarray) else tuple(images)


def example_of(given: torch.Tensor | Sequence[torch.Tensor]) -> Example:
    """Return a tensor of one input, or those of several, as a tuple."""
    return (given,) if isinstance(given, torch.Tensor) else tuple(given)


def from_arrays(images: Images) -> Example:
    """Return tensors that share no memory with the arrays."""
    return tuple(torch.from_numpy(np.array(image, order="C")) for image in arrays_of(images))


def fresh(example: Example) -> Example:
    """Return copies, which a network may change in place."""
    return tuple(tensor.clone() for tensor in example)


def joined(examples: Sequence[Example]) -> Example:
    """Return several examples as one batch."""
    return tuple(torch.cat(list(parts)) for parts in zip(*examples, strict=True))


def check_count(traced: fx.GraphModule, example: Example, network: str) -> None:
    """Raise WrongCount unless the number of tensors is the network's number of inputs.

    Parameters
    ----------
    traced : GraphModule
    example : tuple of Tensor
    network : str
        Name for the message.
    """
    names = [str(node.target) for node in traced.graph.nodes if node.op == "placeholder"]
    if any(name.startswith("*") for name in names):
        raise WrongCount(
            f"{network}: each input must be an argument of its own, got {', '.join(names)}"
        )
    if len(names) != len(example):
        wanted = "one" if len(names) == 1 else f"{len(names)}, in the order {', '.join(names)}"
        raise WrongCount(f"{network}: inputs must be {wanted}, got {len(example)}")
