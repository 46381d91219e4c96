"""Checkpoints with torchvision's parameter names."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn

from .learned_steps import add_steps, steps_in
from .networks import Architecture
from .sizes import fitted

__all__ = ["load_checkpoint", "load_state", "read_state"]

_KEYS = ("state_dict", "model")  # under which checkpoints have the weights
_PARALLEL = "module."  # name prefix added by `DataParallel`


def read_state(path: Path) -> dict[str, torch.Tensor]:
    """Return the state dict of a file, plain or under the key "state_dict" or "model".

    Raises
    ------
    ValueError
        If the file cannot be read.
    """
    if path.is_dir():
        raise ValueError(f"weights must be a readable checkpoint, got {path}: it is a folder")
    reader = "torch.load"
    try:
        if _is_safetensors(path):
            reader = "safetensors"
            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # unpickling other files can raise any exception
        reason = getattr(error, "strerror", None) or f"not a file of tensors that {reader} reads"
        raise ValueError(f"weights must be a readable checkpoint, got {path}: {reason}") from None
    for key in _KEYS:
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
    if not isinstance(state, dict) or not all(
        isinstance(value, torch.Tensor) for value in state.values()
    ):
        raise ValueError(f"weights must be a state dict of tensors, got {path}")
    if state and all(name.startswith(_PARALLEL) for name in state):
        return {name.removeprefix(_PARALLEL): value for name, value in state.items()}
    return state


def _is_safetensors(path: Path) -> bool:
    """Whether a file begins with an 8-byte length and JSON, unlike any pickle or archive."""
    with path.open("rb") as file:
        return file.read(9)[8:] == b"{"


def load_checkpoint(architecture: Architecture, path: Path) -> nn.Module:
    """Return a float network with the weights of a file.

    Parameters
    ----------
    architecture : Architecture
    path : Path
        A state dict (.pt, .pth), plain or under the key "state_dict", or a safetensors file; names
        may have the prefix ``module.`` of ``DataParallel``. It determines the number of classes,
        and the depth and width of networks in `sizes.SIZES`.

    Returns
    -------
    Module
        In evaluation mode.

    Raises
    ------
    ValueError
        If the file cannot be read or belongs to another architecture; the message names the
        first parameter that is missing, unexpected or of another shape.
    """
    return load_state(architecture, read_state(path), path)


def load_state(architecture: Architecture, state: dict[str, torch.Tensor], path: Path) -> nn.Module:
    """Return a float network with the weights of a state dict, as `load_checkpoint`.

    Parameters
    ----------
    architecture : Architecture
    state : dict of str to Tensor
    path : Path
        Its file, for messages.
    """
    mismatch = f"weights must be a checkpoint of {architecture.name}, got {path}"
    if architecture.head not in state:
        raise ValueError(f"{mismatch}, which lacks {architecture.head}")
    head = state[architecture.head]
    shape = fitted(architecture, state)
    model = shape.outline(head.shape[0] if head.ndim else 1)
    signs = steps_in(state)
    if signs:
        add_steps(model, signs)
    expected = model.state_dict()
    for name, tensor in expected.items():
        if name not in state and name.endswith("num_batches_tracked"):
            state[name] = torch.zeros((), dtype=torch.int64)  # older checkpoints have none
        if name not in state:
            raise ValueError(f"{mismatch}, which lacks {name}")
        if state[name].shape != tensor.shape:
            raise ValueError(
                f"{mismatch}, whose {name} has shape {tuple(state[name].shape)} "
                f"instead of {tuple(tensor.shape)}"
            )
    unexpected = [name for name in state if name not in expected]
    if unexpected:
        raise ValueError(f"{mismatch}, which has {unexpected[0]} besides")
    floats = {
        name: value.float() if value.is_floating_point() else value for name, value in state.items()
    }
    if not all(torch.isfinite(value).all() for value in floats.values()):
        raise ValueError(f"weights must be finite numbers, got {path}")
    model.load_state_dict(floats, assign=True)
    return model.eval()
