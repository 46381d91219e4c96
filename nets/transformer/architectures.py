"""The transformers by name, and their checkpoints."""

from __future__ import annotations

import re
from pathlib import Path

import torch
from torch import nn

from ..checkpoint import load_state, read_state
from ..networks import CLASSES, Architecture
from .deit import deit_digits, deit_tiny
from .names import ON_DIGITS
from .parts import Transformer
from .swin import swin_digits, swin_tiny

__all__ = ["ARCHITECTURES", "classes_of", "load_transformer", "timm_names"]

ARCHITECTURES = {
    network.name: network
    for network in (
        Architecture("deit_tiny", deit_tiny, "head.weight"),
        Architecture("swin_tiny", swin_tiny, "head.fc.weight"),
        Architecture("deit_digits", deit_digits, "head.weight"),
        Architecture("swin_digits", swin_digits, "head.fc.weight"),
    )
}
_BUFFERS = ("relative_position_index", "attn_mask")  # follow from the size
_MERGING = re.compile(r"layers\.(\d+)\.downsample\.")


def classes_of(name: str) -> int:
    """Classes of a transformer whose weights are not given."""
    return 10 if name in ON_DIGITS else CLASSES


def timm_names(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return a Swin checkpoint with the names that timm has had since 0.9.

    Before, a stage ended with the merging that the next one begins with now, the classifier was
    ``head`` instead of ``head.fc``, and buffers were kept. Others are returned as they are.
    """
    kept = {name: value for name, value in state.items() if not name.endswith(_BUFFERS)}
    if "head.weight" not in kept or not any(name.startswith("layers.") for name in kept):
        return kept
    found = {}
    for name, value in kept.items():
        new = _MERGING.sub(lambda match: f"layers.{int(match[1]) + 1}.downsample.", name)
        found[re.sub(r"^head\.", "head.fc.", new)] = value
    return found


def load_transformer(name: str, weights: Path | None = None, seed: int = 0) -> Transformer:
    """Return a transformer in floating point.

    Parameters
    ----------
    name : str
        One of `names.TRANSFORMERS`.
    weights : Path, optional
        Checkpoint with timm's names: a state dict, plain or under the key ``state_dict`` or
        ``model``, or a safetensors file. It determines the number of classes. Seeded weights if not
        given.
    seed : int
        Of weights that are not given; at least 0.

    Returns
    -------
    Transformer
        In evaluation mode.

    Raises
    ------
    ValueError
        If the name is unknown, the seed is negative, or the file cannot be read or belongs to
        another network; the message names the first parameter that is missing, unexpected or of
        another shape.
    """
    if name not in ARCHITECTURES:
        raise ValueError(f"transformer must be one of {', '.join(ARCHITECTURES)}, got {name}")
    architecture = ARCHITECTURES[name]
    if weights is not None:
        if not weights.is_file():
            what = "it is a folder" if weights.is_dir() else "no such file"
            raise ValueError(f"weights must be a readable checkpoint, got {weights}: {what}")
        return _transformer(load_state(architecture, timm_names(read_state(weights)), weights))
    if seed < 0:
        raise ValueError(f"seed must be at least 0, got {seed}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _transformer(architecture.build(classes_of(name)))


def _transformer(model: nn.Module) -> Transformer:
    assert isinstance(model, Transformer)
    return model.eval()
