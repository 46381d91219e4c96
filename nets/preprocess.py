"""Preprocessing of image files for a network: resize, center crop, mean and standard deviation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from .images import IMAGENET, SIZE, Normalization, normalize, open_image, photograph, resize

__all__ = ["IMAGE_CHANNELS", "Preprocessing"]

Crop = npt.NDArray[np.float32]
Images = npt.NDArray[np.float32]

IMAGE_CHANNELS = (1, 3)
_CROP, _WHOLE = 7, 8  # a center crop is 7/8 of the resized image, as 224 is of 256
_PLAIN = Normalization((0.0,), (1.0,))
_LONGEST = 8192  # pixels of a resized image's side


@dataclass(frozen=True)
class Preprocessing:
    """How an image file becomes a network's input.

    Parameters
    ----------
    shape : (C, H, W)
        Of the input; C is 3, or 1 for grey.
    normalization : Normalization, optional
        One mean and standard deviation per channel, of pixels in 0..1. ImageNet's for three
        channels by default, 0 and 1 for one.
    resize : tuple of int
        Length of the short side before the center crop, or (height, width); by default such that
        the crop covers seven eighths of the image.

    Raises
    ------
    ValueError
        If the numbers do not fit the shape.
    """

    shape: tuple[int, ...] = (3, SIZE, SIZE)
    normalization: Normalization | None = None
    resize: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        channels = self.shape[0]
        if len(self.shape) != 3 or channels not in IMAGE_CHANNELS:
            raise ValueError(
                "images need an input of 3 x H x W, or 1 x H x W for grey, "
                f"got {' x '.join(map(str, self.shape))}"
            )
        by = self.normalization
        for name, values in (("mean", by.mean), ("std", by.std)) if by else ():
            if len(values) != channels:
                raise ValueError(
                    f"{name} must be {channels} numbers for an input of {channels} x H x W, "
                    f"got {len(values)}"
                )
        sides = self.resize * 2 if len(self.resize) == 1 else self.resize
        for side, least in zip(sides, self.size, strict=False):
            short = len(self.resize) == 1
            least = min(self.size) if short else least
            if not least <= side <= _LONGEST:
                raise ValueError(
                    f"resize must be between {least} and {_LONGEST} for a crop of "
                    f"{self.size[0]} x {self.size[1]}, got {side}"
                )

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the crop."""
        return self.shape[1], self.shape[2]

    @property
    def by(self) -> Normalization:
        """The normalization, the default one if none is given."""
        return self.normalization or (IMAGENET if self.shape[0] == 3 else _PLAIN)

    def described(self) -> dict[str, str]:
        """Return the steps in words, by name, for provenance."""
        height, width = self.size
        usual = f"center crop of {_CROP}/{_WHOLE}"
        given = "x".join(map(str, self.resize)) if self.resize else usual
        return {
            "resize": given,
            "crop": f"{height}x{width}",
            "colour": "RGB" if self.shape[0] == 3 else "grey",
            "mean": ",".join(f"{value:g}" for value in self.by.mean),
            "std": ",".join(f"{value:g}" for value in self.by.std),
        }

    def resized(self, image: Image.Image) -> Image.Image:
        """Resize an image, bilinear and antialiased.

        Raises
        ------
        ValueError
            If the crop does not fit into the result, or the image is too long.
        """
        height, width = self.size
        if len(self.resize) == 2:
            return image.resize((self.resize[1], self.resize[0]), Image.Resampling.BILINEAR)
        if self.resize:
            short = self.resize[0]
        elif height == width:
            short = -(-height * _WHOLE // _CROP)
        else:  # the side that limits the crop decides
            scale = max(height / image.height, width / image.width) * _WHOLE / _CROP
            short = max(round(min(image.size) * scale), 1)
        found = resize(image, short)
        if found.height < height or found.width < width:
            raise ValueError(
                f"it must be at least {height} x {width} pixels when resized, "
                f"got {found.height} x {found.width}"
            )
        return found

    def crop(self, image: Image.Image, left: int | None = None) -> Crop:
        """Cut the crop out of a resized image, in the center by default: (H, W, C) in 0..1."""
        height, width = self.size
        middle = round((image.width - width) / 2.0)
        top = round((image.height - height) / 2.0)
        left = middle if left is None else left
        box = image.crop((left, top, left + width, top + height))
        pixels = np.asarray(box if self.shape[0] == 3 else box.convert("L"), np.float32)
        return pixels.reshape(height, width, -1) / np.float32(255)

    def load(self, path: Path | None = None, what: str = "image") -> Crop:
        """Center crop of an image file, or of the built-in photograph.

        Parameters
        ----------
        path : Path, optional
        what : str
            Name for error messages.

        Returns
        -------
        ndarray of shape (H, W, C), float32
            In 0..1.

        Raises
        ------
        ValueError
            If the file is not a readable image.
        """
        if path is None:
            return self.crop(self.resized(photograph()))
        with open_image(path, what) as image:
            return self.crop(self.resized(image))

    def calibration(self) -> list[Crop]:
        """Crops of both built-in photographs: left, center and right, each also mirrored."""
        crops = []
        for name in ("china", "flower"):
            image = self.resized(photograph(name))
            for left in (0, (image.width - self.size[1]) // 2, image.width - self.size[1]):
                crop = self.crop(image, left)
                crops += [crop, np.ascontiguousarray(crop[:, ::-1])]
        return crops

    def tensor(self, crop: Crop) -> Images:
        """Return the network's input (1, C, H, W) for a crop."""
        return normalize(crop, self.by)
