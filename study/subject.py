"""Networks of a study, with weights and quantization, loadable in any process."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from torch import nn

from ..nets.checkpoint import load_checkpoint
from ..nets.data.dataset import Dataset
from ..nets.data.load import open_dataset
from ..nets.formats.files import load_file
from ..nets.images import IMAGENET, Normalization, normalize
from ..nets.library import QuantizedNetwork, load
from ..nets.networks import Architecture

__all__ = ["Subject", "calibration_images", "dataset", "float_network", "quantized_network"]

_KEPT = 4  # networks cached per process


@dataclass(frozen=True)
class Subject:
    """A float network on a data set, with its quantization settings; or a model file's network.

    Parameters
    ----------
    name : str
        One of `nets.networks.NETWORKS`, or the name of a model file's network.
    architecture : Architecture, optional
        None of a model file.
    weights : Path
        Checkpoint, or the model file, absolute.
    data : str
        As for `open_dataset`.
    calibration : int
        Calibration images, evenly spaced over the training split.
    cache : Path
        Folder of quantized networks, absolute.
    own_normalization : Normalization, optional
        Of a model file's images, where it is not ImageNet's.
    """

    name: str
    architecture: Architecture | None
    weights: Path
    data: str
    calibration: int
    cache: Path
    own_normalization: Normalization | None = None

    @property
    def normalization(self) -> Normalization:
        """Of the images that the network reads."""
        usual = IMAGENET if self.architecture is None else self.architecture.normalization
        return self.own_normalization or usual


@lru_cache(maxsize=2)
def dataset(spec: str, split: str) -> Dataset:
    """Return a split of a data set, opened once per process."""
    return open_dataset(spec, split)


def calibration_images(subject: Subject) -> list[npt.NDArray[np.float32]]:
    """Return normalized images of shape (1, 3, H, W), evenly spaced over the training split."""
    data = dataset(subject.data, "train")
    count = min(subject.calibration, len(data))
    indices = np.arange(count) * len(data) // count
    return [normalize(data.crop(int(index)), subject.normalization) for index in indices]


@lru_cache(maxsize=_KEPT)
def float_network(subject: Subject) -> nn.Module:
    """Return the float network, in evaluation mode.

    Raises
    ------
    ValueError
        If the checkpoint does not fit the architecture.
    """
    assert subject.architecture is not None
    return load_checkpoint(subject.architecture, subject.weights)


@lru_cache(maxsize=_KEPT)
def quantized_network(subject: Subject) -> QuantizedNetwork:
    """Return the network quantized by PyTorch, from the cache if present; or a file's network.

    Raises
    ------
    ValueError
        If the checkpoint does not fit, or an operator is not supported.
    """
    if subject.architecture is None:
        return load_file(str(subject.weights))
    return load(
        subject.name,
        subject.weights,
        calibration=calibration_images(subject),
        cache=subject.cache,
        variant=subject.architecture,
        corrected=False,  # as in the thesis
    )
