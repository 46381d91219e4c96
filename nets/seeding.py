"""Random generators of perturbations, keyed by image and draw."""

from __future__ import annotations

import zlib

import numpy as np

__all__ = ["generator"]

_WORD = 1 << 32


def generator(
    kind: str,
    level: float,
    seed: int,
    key: tuple[int | None, int, int] = (None, 0, 0),
) -> np.random.Generator:
    """Return a random generator that depends only on the arguments.

    Parameters
    ----------
    kind : str
        Kind of perturbation.
    level : float
    seed : int
        At least 0.
    key : (image, draw, repeat)
        Index of the image in its data set, or None; number of the draw for that image; number of
        equal perturbations before this one on the same input. If any of these or the seed differs,
        the random numbers are independent: seed 0, image 1 is not seed 1, image 0.

    Returns
    -------
    Generator

    Raises
    ------
    ValueError
        If the seed is negative, or the image or the draw does not fit 32 bits.
    """
    image, draw, repeat = key
    if seed < 0:
        raise ValueError(f"seed must be at least 0, got {seed}")
    if image is not None and not 0 <= image < _WORD - 1:
        raise ValueError(f"image must be between 0 and {_WORD - 2}, got {image}")
    if not 0 <= draw < _WORD:
        raise ValueError(f"draw must be between 0 and {_WORD - 1}, got {draw}")
    entropy = [seed, zlib.crc32(kind.encode()), int(np.float64(level).view(np.uint64))]
    # Each element is one word after the entropy's, so that different keys give different words
    words = (0 if image is None else image + 1, draw, repeat)
    sequence = np.random.SeedSequence(entropy, spawn_key=words if any(words) else ())
    return np.random.default_rng(sequence)
