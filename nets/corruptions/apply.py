"""Applies a corruption to images, in 8 bits as the published data sets are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .blur import defocus_blur, glass_blur, motion_blur, zoom_blur
from .digital import contrast, elastic_transform, jpeg_compression, pixelate
from .noise import gaussian_noise, impulse_noise, shot_noise
from .tables import constants
from .weather import brightness, fog, frost, snow

__all__ = ["corrupt"]

_FUNCTIONS: dict[str, Callable[[Any, Any, Any], npt.NDArray[np.float64]]] = {
    function.__name__: function
    for function in (
        *(gaussian_noise, shot_noise, impulse_noise),
        *(defocus_blur, glass_blur, motion_blur, zoom_blur),
        *(snow, frost, fog, brightness),
        *(contrast, elastic_transform, pixelate, jpeg_compression),
    )
}
_GROUP = 1 << 22  # values at a time


def corrupt(
    crops: npt.NDArray[np.float32],
    kind: str,
    severity: int,
    rngs: Sequence[np.random.Generator],
) -> npt.NDArray[np.float32]:
    """Return corrupted images.

    Images are rounded to 8 bits before. Results are clipped to 0..1 and truncated to 8 bits, as in
    the published CIFAR-C; ImageNet-C is truncated, too, and then stored as JPEG of quality 85,
    which is left out here.

    Parameters
    ----------
    crops : ndarray of shape (N, H, W, 3), float32
        In 0..1; not modified.
    kind : str
        One of `tables.KINDS`.
    severity : int
        1 to 5.
    rngs : sequence of Generator
        One for each image; nothing else is drawn from.

    Returns
    -------
    ndarray of the crops' shape, float32
        Multiples of 1/255.
    """
    constant = constants(kind, severity, crops.shape[1])
    found = np.empty(crops.shape, np.float32)
    group = max(1, _GROUP // max(1, crops[0].size if len(crops) else 1))
    for first in range(0, len(crops), group):
        some = slice(first, first + group)
        images = np.rint(crops[some].astype(np.float64).clip(0, 1) * 255) / 255
        changed = _FUNCTIONS[kind](images, constant, rngs[some])
        codes = (changed.clip(0, 1) * 255).astype(np.uint8)
        found[some] = codes.astype(np.float32) / np.float32(255)
    return found
