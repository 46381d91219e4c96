"""Device selection for torch: the CPU or an available GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

__all__ = ["DEVICES", "check_device", "usable_device"]

DEVICES = ("cpu", "cuda")


def check_device(name: str) -> None:
    """Reject an unknown device name, without importing PyTorch.

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
        One of `DEVICES`.

    Raises
    ------
    ValueError
        If the name is unknown, or PyTorch finds no usable GPU.
    """
    check_device(name)
    import torch

    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("device must be cpu, got cuda: PyTorch finds no GPU that it can use")
    return torch.device(name)
