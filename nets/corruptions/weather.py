"""Corruptions that cover an image: snow, frost, fog, brightness."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from .frost import photographs
from .sampling import motion_blurred, zoomed

__all__ = ["brightness", "fog", "frost", "plasma", "snow"]

Floats = npt.NDArray[np.float64]
Rngs = Sequence[np.random.Generator]
_LUMA = (0.299, 0.587, 0.114)
_WIBBLE = 100.0  # of the coarsest step of `plasma`; its result is normalized


def snow(images: Floats, constant: tuple[float, ...], rngs: Rngs) -> Floats:
    """Whiten images and lay two layers of flakes over them.

    A layer is Gaussian noise (mean and deviation, constants 1 and 2), magnified (3), 0 below a
    threshold (4), in 8 bits, blurred by motion (radius and deviation, 5 and 6) at a random angle of
    -135 to -45 degrees; the second is the first, turned by 180 degrees. Whitening keeps a share (7)
    of the image.
    """
    mean, deviation, zoom, threshold, radius, sigma, kept = constant
    shape = images.shape[1:3]
    drawn, degrees = [], []
    for rng in rngs:
        drawn.append(mean + deviation * rng.standard_normal(shape))
        degrees.append(rng.uniform(-135, -45))
    layer = zoomed(np.stack(drawn)[..., None], zoom)
    layer[layer < threshold] = 0
    layer = np.floor(layer.clip(0, 1) * 255)
    layer = np.rint(motion_blurred(layer, radius, sigma, np.array(degrees))) / 255
    grey = (images @ np.array(_LUMA))[..., None]
    white = kept * images + (1 - kept) * np.maximum(images, 1.5 * grey + 0.5)
    return white + layer + layer[:, ::-1, ::-1]


def frost(images: Floats, constant: tuple[float, float], rngs: Rngs) -> Floats:
    """Add a random cut of one of five photographs of frost to a share of the image.

    The constant is both shares. See `frost.photographs` for where the photographs are from.
    """
    kept, added = constant
    height, width = images.shape[1:3]
    frozen = photographs(height, width)
    cuts = []
    for rng in rngs:
        photograph = frozen[rng.integers(len(frozen))]
        y = rng.integers(0, photograph.shape[0] - height)
        x = rng.integers(0, photograph.shape[1] - width)
        cuts.append(photograph[y : y + height, x : x + width])
    return kept * images + added * np.stack(cuts)


def fog(images: Floats, constant: tuple[float, float], rngs: Rngs) -> Floats:
    """Add a plasma fractal of some strength and decay, and rescale to the image's maximum."""
    strength, decay = constant
    height, width = images.shape[1:3]
    largest = images.max(axis=(1, 2, 3), keepdims=True)
    drawn = plasma(max(height, width), decay, rngs)[:, :height, :width, None]
    foggy = (images + strength * drawn) * largest
    return foggy / (largest + strength)


def plasma(size: int, decay: float, rngs: Rngs) -> Floats:
    """Return plasma fractals of 0 to 1, by the diamond-square algorithm on a torus.

    Parameters
    ----------
    size : int
        Rounded up to a power of two.
    decay : float
        By how much deviations shrink from one step to the next, finer one.
    rngs : sequence of Generator
        One for each fractal.

    Returns
    -------
    ndarray of shape (N, size, size), float64
    """
    size = 1 << (size - 1).bit_length()
    field = np.zeros((len(rngs), size, size))
    step, wibble = size, _WIBBLE
    while step >= 2:
        half = step // 2
        deviations = _deviations(rngs, size // step, wibble)
        corners = field[:, ::step, ::step]
        total = corners + np.roll(corners, -1, 1)
        total += np.roll(total, -1, 2)
        field[:, half::step, half::step] = total / 4 + next(deviations)
        middles = field[:, half::step, half::step]
        total = middles + np.roll(middles, 1, 1) + corners + np.roll(corners, -1, 2)
        field[:, ::step, half::step] = total / 4 + next(deviations)
        total = middles + np.roll(middles, 1, 2) + corners + np.roll(corners, -1, 1)
        field[:, half::step, ::step] = total / 4 + next(deviations)
        step, wibble = half, wibble / decay
    field -= field.min(axis=(1, 2), keepdims=True)
    return field / field.max(axis=(1, 2), keepdims=True)


def _deviations(rngs: Rngs, count: int, wibble: float) -> Iterator[Floats]:
    """Yield the random deviations of squares, then of both kinds of diamonds, of one step."""
    drawn = np.stack([rng.uniform(-wibble, wibble, (3, count, count)) for rng in rngs])
    yield from wibble * drawn.swapaxes(0, 1)


def brightness(images: Floats, added: float, rngs: Rngs) -> Floats:
    """Add to the value of hue, saturation and value, at most up to 1."""
    value = images.max(axis=3, keepdims=True)
    brighter = (value + added).clip(0, 1)
    # Black has no hue: it becomes grey
    return np.where(value > 0, images * (brighter / np.where(value > 0, value, 1)), brighter)
