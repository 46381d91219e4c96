"""Where torch computes: the processor, or a GPU that is really there."""

from __future__ import annotations

import torch

__all__ = ["DEVICES", "usable_device"]

DEVICES = ("cpu", "cuda")


def usable_device(name: str) -> torch.device:
    """Return the device of that name.

    Parameters
    ----------
    name : str
        Of `DEVICES`.

    Raises
    ------
    ValueError
        If it is another, or PyTorch finds no GPU that it can use.
    """
    if name not in DEVICES:
        raise ValueError(f"device must be cpu or cuda, got {name}")
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("device must be cpu, got cuda: PyTorch finds no GPU that it can use")
    return torch.device(name)
