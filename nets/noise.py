"""Additive noise: white Gaussian, and Brownian, whose spectrum falls with frequency.

The Brownian noise follows Langille 2024, equations 2.12 to 2.15. The text there specifies a power
spectral density that falls with the square of frequency, 1/f**2, but equation 2.13 divides the
*amplitude* of each component by u**2 + v**2 + z**2. Power therefore falls with the **fourth** power
of frequency, f**-4, in each plane. This module implements the equation. The equation also includes
z, the index of the color plane, among the frequencies, so that it divides 0 by 0 at u = v = z = 0
and the three planes get different strengths. `literal` selects that reading; by default z is 0 in
all planes. Both omit the component at u = v = 0, a shift of the mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

__all__ = ["brownian", "brownian_batch", "brownian_deviation", "white", "white_batch"]

Noise = npt.NDArray[np.float32]
Shape = tuple[int, int, int]
Rngs = Sequence[np.random.Generator]

_GROUP = 1 << 18  # values per transform; bounds both calls and memory


def white(shape: tuple[int, ...], sigma: float, rng: np.random.Generator) -> Noise:
    """Independent Gaussian noise, clamped to three standard deviations.

    Parameters
    ----------
    shape : tuple of int
    sigma : float
        Standard deviation before clamping, in image units (0..1); after it, 0.9975 of that.
    rng : Generator

    Returns
    -------
    ndarray, float32
    """
    return white_batch(shape, sigma, [rng])[0]


def white_batch(shape: tuple[int, ...], sigma: float, rngs: Rngs) -> Noise:
    """`white` for several images, one generator each.

    Returns
    -------
    ndarray of shape (len(rngs), *shape), float32
    """
    out = np.empty((len(rngs), *shape), np.float32)
    unit = np.empty(shape)
    for index, rng in enumerate(rngs):
        rng.standard_normal(out=unit)
        np.clip(unit, -3, 3, out=unit)
        np.multiply(unit, sigma, out=out[index], casting="same_kind")  # in float64, then rounded
    return out


@lru_cache(maxsize=8)
def _attenuation(height: int, width: int, planes: int, literal: bool) -> npt.NDArray[np.float64]:
    """1 / (u**2 + v**2 + z**2) of each plane for signed integer frequencies; 0 at u = v = 0."""
    u = np.fft.fftfreq(height, 1 / height)[:, None]
    v = np.fft.fftfreq(width, 1 / width)[None, :]
    z = np.arange(planes if literal else 1)[:, None, None]  # one for all planes unless literal
    squares = u**2 + v**2 + z**2
    squares[:, 0, 0] = np.inf  # drops the mean, and avoids 1 / 0 in plane 0
    factors = 1 / squares
    factors.flags.writeable = False
    return factors


def brownian(
    shape: Shape, sigma: float, rng: np.random.Generator, *, literal: bool = False
) -> Noise:
    """Spatially correlated noise.

    White Gaussian noise is Fourier-transformed plane by plane; its component at u, v (cycles per
    image, signed) is divided by u**2 + v**2 + z**2, the constant component is set to 0, and the
    result is transformed back.

    Parameters
    ----------
    shape : (height, width, planes)
    sigma : float
        Standard deviation of the white noise; the result's is much smaller, see
        `brownian_deviation`.
    rng : Generator
    literal : bool
        Whether z is the index of the color plane (0, 1, 2), so that each plane has a different
        strength; otherwise z is 0 in all planes.

    Returns
    -------
    ndarray of that shape, float32
    """
    return brownian_batch(shape, sigma, [rng], literal=literal)[0]


def brownian_batch(shape: Shape, sigma: float, rngs: Rngs, *, literal: bool = False) -> Noise:
    """`brownian` for several images, one generator each.

    Returns
    -------
    ndarray of shape (len(rngs), height, width, planes), float32
    """
    height, width, planes = shape
    factors = _attenuation(height, width, planes, literal)
    out = np.empty((len(rngs), *shape), np.float32)
    group = max(1, _GROUP // (height * width * planes))
    for first in range(0, len(rngs), group):
        some = rngs[first : first + group]
        noise = np.empty((len(some), planes, height, width))
        for plane, rng in zip(noise, some, strict=True):
            rng.standard_normal(out=plane)
        noise *= sigma
        spectrum = np.fft.fft2(noise)
        spectrum *= factors
        out[first : first + group] = np.moveaxis(np.fft.ifft2(spectrum).real, 1, -1)
    return out


def brownian_deviation(
    shape: Shape, sigma: float, *, literal: bool = False
) -> npt.NDArray[np.float64]:
    """Return the expected standard deviation of the pixels of Brownian noise.

    By Parseval's theorem, sigma / sqrt(height * width) times the root of the sum over u, v of
    1 / (u**2 + v**2 + z**2)**2.

    Returns
    -------
    ndarray of shape (planes,), float64
        In image units.

    Examples
    --------
    >>> brownian_deviation((224, 224, 3), 10).round(3)
    array([0.11, 0.11, 0.11])
    >>> brownian_deviation((224, 224, 3), 10, literal=True).round(3)
    array([0.11 , 0.067, 0.038])
    """
    height, width, planes = shape
    power = np.square(_attenuation(height, width, planes, literal)).sum(axis=(1, 2))
    return np.broadcast_to(sigma * np.sqrt(power / (height * width)), planes).copy()
