"""Corruptions that are drawn pixel by pixel: Gaussian, shot and impulse noise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["gaussian_noise", "impulse_noise", "shot_noise"]

Floats = npt.NDArray[np.float64]
Rngs = Sequence[np.random.Generator]


def gaussian_noise(images: Floats, deviation: float, rngs: Rngs) -> Floats:
    """Add white Gaussian noise of that standard deviation, in units of the range 0..1."""
    drawn = [rng.standard_normal(images.shape[1:]) for rng in rngs]
    return images + deviation * np.stack(drawn)


def shot_noise(images: Floats, photons: float, rngs: Rngs) -> Floats:
    """Replace values by Poisson counts of `photons` at full brightness, over `photons`."""
    counts = [rng.poisson(image * photons) for image, rng in zip(images, rngs, strict=True)]
    return np.stack(counts) / photons


def impulse_noise(images: Floats, amount: float, rngs: Rngs) -> Floats:
    """Set a share `amount` of the values to 0 or 1, each as likely."""
    noisy = images.copy()
    for image, rng in zip(noisy, rngs, strict=True):
        changed = rng.random(image.shape) <= amount
        white = rng.random(image.shape) <= 0.5
        image[changed] = white[changed]
    return noisy
