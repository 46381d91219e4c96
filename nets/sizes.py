"""Networks of another depth or width than published, and their size from a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import torch

from .networks import Architecture
from .nin import BASE

__all__ = ["SIZES", "fitted", "resized"]

#: What can be chosen, by network.
SIZES = {"nin": ("depth", "width"), "resnet18": ("width",), "resnet50": ("width",)}


def resized(
    network: Architecture, *, depth: int | None = None, width: int | None = None
) -> Architecture:
    """Return a network with another depth or width.

    Parameters
    ----------
    network : Architecture
    depth : int, optional
        Blocks of a NiN.
    width : int, optional
        Channels of a ResNet's first convolution; of a NiN, in units of 25.

    Raises
    ------
    ValueError
        If the network cannot have another, or a number is below 1.
    """
    given = {name: n for name, n in (("depth", depth), ("width", width)) if n is not None}
    for name, number in given.items():
        if name not in SIZES.get(network.name, ()):
            known = [network for network, sizes in SIZES.items() if name in sizes]
            raise ValueError(f"{name} must be of {', '.join(known)}, got {network.name}")
        if number < 1:
            raise ValueError(f"{name} must be at least 1, got {number}")
    return replace(network, build=partial(network.build, **given)) if given else network


def fitted(network: Architecture, state: Mapping[str, torch.Tensor]) -> Architecture:
    """Return a network with the depth and width of a checkpoint, if it can have others.

    A checkpoint of another network is not recognised here: its parameters do not fit.
    """
    if network.name == "nin":
        first = state.get("blocks.0.0.weight")
        depth = len({name.split(".")[1] for name in state if name.startswith("blocks.")})
        if first is not None and first.ndim and len(first) % BASE == 0:
            return resized(network, depth=depth, width=max(len(first) // BASE, 1))
    elif network.name in SIZES:
        first = state.get("conv1.weight")
        if first is not None and first.ndim:
            return resized(network, width=max(len(first), 1))
    return network
