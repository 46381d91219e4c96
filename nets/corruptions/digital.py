"""Corruptions of processing: contrast, elastic transform, pixelation, JPEG compression."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

from .sampling import bilinear, mirrored

__all__ = ["contrast", "elastic_transform", "jpeg_compression", "pixelate"]

Floats = npt.NDArray[np.float64]
Rngs = Sequence[np.random.Generator]


def contrast(images: Floats, kept: float, rngs: Rngs) -> Floats:
    """Keep a share of each value's distance to its channel's mean."""
    means = images.mean(axis=(1, 2), keepdims=True)
    return (images - means) * kept + means


def elastic_transform(images: Floats, constant: tuple[float, ...], rngs: Rngs) -> Floats:
    """Apply a random affine map, then smooth random displacements.

    The constant, in widths of the image: strength and smoothness of the displacements, and by how
    much the three points that define the affine map move.
    """
    strength, sigma, reach = (float(images.shape[1] * part) for part in constant)
    maps, moves = [], []
    for rng in rngs:
        maps.append(_affine(images.shape[1:3], rng.uniform(-reach, reach, (3, 2))))
        moves.append([rng.uniform(-1, 1, images.shape[1:3]) for _ in "xy"])
    y, x = np.mgrid[: images.shape[1], : images.shape[2]].astype(np.float64)
    places = np.einsum("nij,jhw->inhw", np.stack(maps), np.stack([x, y, np.ones_like(x)]))
    turned = bilinear(images, places[1], places[0], mirrored)
    drawn = np.stack(moves)  # (N, 2, H, W)
    soft = ndimage.gaussian_filter(drawn, (0, 0, sigma, sigma), mode="reflect", truncate=3)
    return bilinear(turned, y + strength * soft[:, 1], x + strength * soft[:, 0])


def _affine(shape: tuple[int, ...], moves: Floats) -> Floats:
    """Return the map (2, 3) from a result's x, y, 1 to the source's x, y.

    Three points of the image, x and y, move by `moves`.
    """
    middle, arm = np.array(shape) // 2, min(shape) // 3
    before = np.array([middle + arm, middle + np.array([arm, -arm]), middle - arm], np.float64)
    after = np.c_[before + moves, np.ones(3)]
    return np.linalg.solve(after, before).T


def pixelate(images: Floats, share: float, rngs: Rngs) -> Floats:
    """Shrink to a share of the size and enlarge again, by areas."""

    def change(image: Image.Image) -> Image.Image:
        small = int(image.width * share), int(image.height * share)
        box = Image.Resampling.BOX
        return image.resize(small, box).resize(image.size, box)

    return _changed(images, change)


def jpeg_compression(images: Floats, quality: int, rngs: Rngs) -> Floats:
    """Write a JPEG file of that quality, and read it."""

    def change(image: Image.Image) -> Image.Image:
        file = io.BytesIO()
        image.save(file, "JPEG", quality=quality)
        return Image.open(file)

    return _changed(images, change)


def _changed(images: Floats, change: Callable[[Image.Image], Image.Image]) -> Floats:
    """Apply a function of 8-bit pictures; the result is exact in 8 bits, see `apply.corrupt`."""
    codes = np.rint(images * 255).astype(np.uint8)
    found = np.stack([np.asarray(change(Image.fromarray(image))) for image in codes])
    return (found + 0.5) / 255
