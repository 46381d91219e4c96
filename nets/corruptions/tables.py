"""Constants of the corruptions, as published: CIFAR-C's for small images, ImageNet-C's for others.

Hendrycks and Dietterich 2019, "Benchmarking neural network robustness to common corruptions and
perturbations" (ICLR), from their published scripts ``make_cifar_c.py`` and ``make_imagenet_c.py``.
Lengths are pixels of images of 32 x 32 and 224 x 224, unless said otherwise. A constant's order is
that of its corruption's function.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["KINDS", "SEVERITIES", "SMALL", "constants"]

SEVERITIES = (1, 2, 3, 4, 5)
SMALL = 64  # pixels: images up to here get CIFAR-C's constants


def _zooms(last: float, step: float) -> tuple[float, ...]:
    """Zoom factors from 1 to about `last`: rounding decides whether NumPy includes it."""
    return tuple(np.arange(1, last, step).tolist())


_CIFAR: dict[str, tuple[Any, ...]] = {
    "gaussian_noise": (0.04, 0.06, 0.08, 0.09, 0.10),
    "shot_noise": (500, 250, 100, 75, 50),
    "impulse_noise": (0.01, 0.02, 0.03, 0.05, 0.07),
    "defocus_blur": ((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)),
    "glass_blur": ((0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2)),
    "motion_blur": ((6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)),
    "zoom_blur": tuple(_zooms(last, 0.01) for last in (1.06, 1.11, 1.16, 1.21, 1.26)),
    "snow": (
        (0.1, 0.2, 1, 0.6, 8, 3, 0.95),
        (0.1, 0.2, 1, 0.5, 10, 4, 0.9),
        (0.15, 0.3, 1.75, 0.55, 10, 4, 0.9),
        (0.25, 0.3, 2.25, 0.6, 12, 6, 0.85),
        (0.3, 0.3, 1.25, 0.65, 14, 12, 0.8),
    ),
    "frost": ((1, 0.2), (1, 0.3), (0.9, 0.4), (0.85, 0.4), (0.75, 0.45)),
    "fog": ((0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75)),
    "brightness": (0.05, 0.1, 0.15, 0.2, 0.3),
    "contrast": (0.75, 0.5, 0.4, 0.3, 0.15),
    "elastic_transform": (  # in widths of the image
        (0, 0, 0.08),
        (0.05, 0.2, 0.07),
        (0.08, 0.06, 0.06),
        (0.1, 0.04, 0.05),
        (0.1, 0.03, 0.03),
    ),
    "pixelate": (0.95, 0.9, 0.85, 0.75, 0.65),
    "jpeg_compression": (80, 65, 58, 50, 40),
}
_UNIT = 244 / 224  # the published script has 244 for the width
_IMAGENET: dict[str, tuple[Any, ...]] = {
    "gaussian_noise": (0.08, 0.12, 0.18, 0.26, 0.38),
    "shot_noise": (60, 25, 12, 5, 3),
    "impulse_noise": (0.03, 0.06, 0.09, 0.17, 0.27),
    "defocus_blur": ((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5)),
    "glass_blur": ((0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2)),
    "motion_blur": ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15)),
    "zoom_blur": (
        _zooms(1.11, 0.01),
        _zooms(1.16, 0.01),
        _zooms(1.21, 0.02),
        _zooms(1.26, 0.02),
        _zooms(1.31, 0.03),
    ),
    "snow": (
        (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
        (0.2, 0.3, 2, 0.5, 12, 4, 0.7),
        (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
        (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
        (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
    ),
    "frost": ((1, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75)),
    "fog": ((1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4)),
    "brightness": (0.1, 0.2, 0.3, 0.4, 0.5),
    "contrast": (0.4, 0.3, 0.2, 0.1, 0.05),
    "elastic_transform": (
        (2 * _UNIT, 0.7 * _UNIT, 0.1 * _UNIT),
        (2 * _UNIT, 0.08 * _UNIT, 0.2 * _UNIT),
        (0.05 * _UNIT, 0.01 * _UNIT, 0.02 * _UNIT),
        (0.07 * _UNIT, 0.01 * _UNIT, 0.02 * _UNIT),
        (0.12 * _UNIT, 0.01 * _UNIT, 0.02 * _UNIT),
    ),
    "pixelate": (0.6, 0.5, 0.4, 0.3, 0.25),
    "jpeg_compression": (25, 18, 15, 10, 7),
}
#: The 15 corruptions, in the order of the paper's tables.
KINDS = tuple(_CIFAR)


def constants(kind: str, severity: int, size: int) -> float | tuple[float, ...]:
    """Return a corruption's constants.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    severity : int
        1 to 5.
    size : int
        Height of the image, in pixels: up to `SMALL` selects CIFAR-C's table.

    Examples
    --------
    >>> constants("gaussian_noise", 5, 32), constants("gaussian_noise", 5, 224)
    (0.1, 0.38)
    """
    return (_CIFAR if size <= SMALL else _IMAGENET)[kind][severity - 1]
