"""Additive noise: white Gaussian, and Brownian with its spectrum falling with frequency."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["brownian", "white"]

Noise = npt.NDArray[np.float32]


def white(shape: tuple[int, ...], sigma: float, rng: np.random.Generator) -> Noise:
    """Independent Gaussian noise, itself clamped to three standard deviations.

    Parameters
    ----------
    shape : tuple of int
    sigma : float
        Standard deviation before the clamp, in units of the image (0..1).
    rng : Generator

    Returns
    -------
    ndarray, float32
    """
    unit = np.clip(rng.standard_normal(shape), -3, 3)
    return (sigma * unit).astype(np.float32)


def _attenuation(height: int, width: int, plane: int) -> npt.NDArray[np.float64]:
    """1 / (u**2 + v**2 + z**2) over signed whole frequencies u, v; 0 at u = v = 0."""
    u = np.fft.fftfreq(height, 1 / height)[:, None]
    v = np.fft.fftfreq(width, 1 / width)[None, :]
    squares = u**2 + v**2 + plane**2
    squares[0, 0] = np.inf  # a shift of the mean is no noise, and 1 / 0 in plane 0
    return 1 / squares


def brownian(
    shape: tuple[int, int, int], sigma: float, rng: np.random.Generator, *, literal: bool = False
) -> Noise:
    """Spatially correlated noise, smooth blotches.

    White Gaussian noise is transformed plane by plane; its component at u, v (cycles per image,
    signed) is divided by u**2 + v**2 + z**2, the constant component dropped, and the result
    transformed back.

    Parameters
    ----------
    shape : (height, width, planes)
    sigma : float
        Standard deviation of the white noise; that of the result is far smaller, about
        0.0109 * sigma in 224 x 224 pixels.
    rng : Generator
    literal : bool
        z is the index of the color plane (0, 1, 2), so that each plane gets another strength;
        otherwise z is 0 in all of them.

    Returns
    -------
    ndarray of that shape, float32
    """
    height, width, planes = shape
    out = np.empty(shape, np.float32)
    noise = rng.standard_normal((planes, height, width)) * sigma
    for plane in range(planes):
        factor = _attenuation(height, width, plane if literal else 0)
        out[..., plane] = np.fft.ifft2(np.fft.fft2(noise[plane]) * factor).real
    return out
