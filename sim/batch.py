"""Selects the further images of a batch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ..nets.images import calibration_crops
from ..nets.perturb import Perturbation

__all__ = ["batch_crops"]

Crop = npt.NDArray[np.float32]

_NOISE = Perturbation("awgn", 0.1)


def batch_crops(
    first: Crop,
    count: int,
    seed: int,
    photographs: Callable[[], list[Crop]] = calibration_crops,
) -> list[Crop]:
    """Return the distinct images of a batch.

    Parameters
    ----------
    first : ndarray of shape (H, W, C), float32
        The requested image.
    count : int
        Images, at least 1.
    seed : int
        Seed of the noise on repeated images.
    photographs : callable
        Returns further crops of that size; the calibration photographs' of 224 x 224 by default.

    Returns
    -------
    list of ndarray of shape (H, W, C), float32
        The first image; the crops of the calibration photographs that differ from it; then the
        same crops with white noise, each with its own seed.
    """
    others = [crop for crop in photographs() if not np.array_equal(crop, first)]
    crops = [first]
    for index in range(count - 1):
        crop = others[index % len(others)]
        crops.append(crop if index < len(others) else _NOISE.apply(crop, seed + index))
    return crops
