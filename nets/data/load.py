"""Data sets by name: ``digits``, ``aircraft:PATH``, ``folder:PATH``, ``cifar10:PATH`` and so on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .aircraft import aircraft
from .cifar import cifar10, cifar100
from .dataset import Dataset
from .digits import digits
from .folder import folder
from .kinds import EMBEDDED, check_data

__all__ = ["KINDS", "SPLITS", "open_dataset"]

SPLITS = ("train", "test")
KINDS: dict[str, Callable[[Path, str], Dataset]] = {
    "aircraft": aircraft,
    "folder": folder,
    "cifar10": cifar10,
    "cifar100": cifar100,
}


def open_dataset(spec: str, split: str) -> Dataset:
    """Return a split of a data set.

    Parameters
    ----------
    spec : str
        ``digits`` (built in), or ``kind:PATH`` with a kind of `KINDS` and the path of its
        files.
    split : str
        "train" or "test".

    Returns
    -------
    Dataset

    Raises
    ------
    ValueError
        If the kind or the split is unknown, or files are missing or damaged.
    """
    if split not in SPLITS:
        raise ValueError(f"split must be train or test, got {split!r}")
    check_data(spec)
    kind, _, path = spec.partition(":")
    return digits(split) if kind == EMBEDDED else KINDS[kind](Path(path).expanduser(), split)
