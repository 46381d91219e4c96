"""The images that a run sees beside the one that was asked for."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..nets.images import calibration_crops
from ..nets.perturb import Perturbation

__all__ = ["batch_crops"]

Crop = npt.NDArray[np.float32]

_NOISE = Perturbation("awgn", 0.1)


def batch_crops(first: Crop, count: int, seed: int) -> list[Crop]:
    """As many different images as a batch has.

    Parameters
    ----------
    first : ndarray of shape (224, 224, 3), float32
        The image that was asked for.
    count : int
        Images, at least 1.
    seed : int
        Of the noise on repeated images.

    Returns
    -------
    list of ndarray of shape (224, 224, 3), float32
        The first image; the crops of the photographs that calibrate networks, without one that
        equals it; then those again with white noise, each with a seed of its own.
    """
    others = [crop for crop in calibration_crops() if not np.array_equal(crop, first)]
    crops = [first]
    for index in range(count - 1):
        crop = others[index % len(others)]
        crops.append(crop if index < len(others) else _NOISE.apply(crop, seed + index))
    return crops
