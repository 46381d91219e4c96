"""Where torch computes: the processor, or a GPU that is really there."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

__all__ = ["DEVICES", "check_device", "usable_device"]

DEVICES = ("cpu", "cuda")


def check_device(name: str) -> None:
    """Refuse a device that there is nowhere, without PyTorch.

    Raises
    ------
    ValueError
    """
    if name not in DEVICES:
        raise ValueError(f"device must be {' or '.join(DEVICES)}, got {name}")


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
    check_device(name)
    import torch

    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("device must be cpu, got cuda: PyTorch finds no GPU that it can use")
    return torch.device(name)
