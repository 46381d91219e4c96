"""Networks before training, with seeded weights or the weights of a file."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from ..checkpoint import load_checkpoint
from ..networks import Architecture

__all__ = ["fresh", "pretrained"]


def fresh(architecture: Architecture, classes: int, seed: int) -> nn.Module:
    """Return a network with seeded weights, in evaluation mode.

    Convolutions are initialised after He et al. 2015 ("Delving deep into rectifiers"), which keeps
    the variance of activations constant, since not all networks have batch norm; linear layers are
    initialised as in PyTorch. The state of torch's global generator is preserved.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = architecture.build(classes)
        for module in model.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
    return model.eval()


def pretrained(architecture: Architecture, classes: int, path: Path, seed: int) -> nn.Module:
    """Return a network with the weights of a file and a new last layer if the classes differ.

    Parameters
    ----------
    architecture : Architecture
    classes : int
    path : Path
        As for `checkpoint.load_checkpoint`.
    seed : int
        Seed of the last layer, if the file's has a different number of classes.

    Returns
    -------
    Module
        In evaluation mode.

    Raises
    ------
    ValueError
        If the file cannot be read or belongs to another architecture.
    """
    state = load_checkpoint(architecture, path).state_dict()
    model = fresh(architecture, classes, seed)
    if len(state[architecture.head]) != classes:
        layer = architecture.head.rpartition(".")[0]
        drawn = model.state_dict()
        state.update({name: drawn[name] for name in state if name.rpartition(".")[0] == layer})
    model.load_state_dict(state)
    return model
