"""Image preprocessing: torchvision's, reimplemented with Pillow and NumPy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

__all__ = ["IMAGENET", "MEAN", "SIZE", "STD", "Normalization", "as_rgb", "calibration_crops"]
__all__ += ["center_crop", "load_crop", "normalize", "open_image", "photograph", "resize"]
__all__ += ["unreadable"]

SIZE = 224
_SHORT_SIDE = 256
_LONGEST = 64  # maximum aspect ratio, which bounds the size of the resized image
_EIGHT_BIT = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV"})
_SIXTEEN_BIT = frozenset({"I;16", "I;16L", "I;16B", "I;16N"})
MEAN = (0.485, 0.456, 0.406)  # ImageNet mean: red, green, blue
STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Normalization:
    """Input normalization of a network: ``(crop - mean) / std`` per channel.

    Parameters
    ----------
    mean, std : tuple of float
        One number per channel, red, green, blue, for pixels in 0..1.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]


IMAGENET = Normalization(MEAN, STD)

Crop = npt.NDArray[np.float32]


def photograph(name: str = "china") -> Image.Image:
    """Return one of the built-in photographs, which are scikit-learn's sample images.

    Parameters
    ----------
    name : str
        "china" or "flower".

    Returns
    -------
    Image
        Red, green and blue, 640 x 427 pixels.

    Raises
    ------
    RuntimeError
        If scikit-learn is not installed.
    """
    package = find_spec("sklearn")  # locate without importing, which is slow
    if package is None or package.origin is None:
        raise RuntimeError("scikit-learn must be installed, its photographs are the default images")
    path = Path(package.origin).parent / "datasets" / "images" / f"{name}.jpg"
    with Image.open(path) as file:
        return file.convert("RGB")


def as_rgb(image: Image.Image) -> Image.Image:
    """Convert an image to RGB with eight bits per channel.

    Parameters
    ----------
    image : Image
        With eight bits per channel, or 16-bit grey, which is scaled to eight bits (65535 is white).

    Raises
    ------
    ValueError
        If the pixel type has no fixed range, e.g. floating point or 32-bit integers.
    """
    if image.mode in _EIGHT_BIT:
        return image.convert("RGB")
    grey16 = image.mode in _SIXTEEN_BIT or (image.mode == "I" and image.format == "PNG")
    if not grey16:  # Pillow's conversion would clip at 255
        raise ValueError(
            f"it must have 8 bits a channel, or 16 in grey, not Pillow's mode {image.mode}"
        )
    codes = np.asarray(image).astype(np.float64) / 257
    return Image.fromarray(np.rint(codes).astype(np.uint8)).convert("RGB")


def unreadable(error: Exception) -> str:
    """Describe why an image cannot be used, from an exception of Pillow or `as_rgb`."""
    if isinstance(error, Image.DecompressionBombError):
        return f"it has more pixels than Pillow's limit, {2 * (Image.MAX_IMAGE_PIXELS or 0):,}"
    if isinstance(error, OSError) and not isinstance(error, UnidentifiedImageError):
        return error.strerror or f"not an image that Pillow can read whole ({error})"
    if isinstance(error, UnidentifiedImageError):
        return "not an image that Pillow can read"
    return str(error)


def resize(image: Image.Image, short_side: int = _SHORT_SIDE) -> Image.Image:
    """Resize the short side, bilinear, antialiased, like torchvision's Resize.

    Raises
    ------
    ValueError
        If the long side is more than 64 times the short one.
    """
    width, height = image.size
    short = min(width, height)
    if max(width, height) > _LONGEST * short:
        raise ValueError(
            f"its long side must be at most {_LONGEST} times the short one, "
            f"not {width} x {height} pixels"
        )
    size = (short_side * width // short, short_side * height // short)
    return image.resize(size, Image.Resampling.BILINEAR)


def _crop(image: Image.Image, left: int, top: int) -> Crop:
    box = image.crop((left, top, left + SIZE, top + SIZE))
    return np.asarray(box, np.float32) / np.float32(255)


@contextmanager
def open_image(path: Path, what: str = "image") -> Iterator[Image.Image]:
    """Open an image file in RGB, rotated by its EXIF orientation.

    Parameters
    ----------
    path : Path
        Any file that Pillow reads, with 8 bits per channel or 16-bit grey.
    what : str
        Name for error messages.

    Raises
    ------
    ValueError
        If the file is not a readable image, or cannot be used inside the block.
    """
    try:
        with Image.open(path) as file:
            turned = ImageOps.exif_transpose(file)
            turned.format = file.format  # disambiguates mode I
            yield as_rgb(turned)
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(
            f"{what} must be a readable image file, got {path}: {unreadable(error)}"
        ) from None


def load_crop(path: Path | None = None, what: str = "image") -> Crop:
    """Center crop of an image.

    Parameters
    ----------
    path : Path, optional
        As for `open_image`; the built-in photograph "china" if not given.
    what : str
        Name for error messages.

    Returns
    -------
    ndarray of shape (224, 224, 3), float32
        Red, green, blue in 0..1: short side resized to 256, center crop of 224.

    Raises
    ------
    ValueError
        If the file is not a readable image.
    """
    if path is None:
        return center_crop(photograph())
    with open_image(path, what) as image:
        return center_crop(image)


def center_crop(image: Image.Image) -> Crop:
    """Resize the short side to 256; return the center crop (224, 224, 3), float32 in 0..1."""
    image = resize(image)
    left, top = (round((side - SIZE) / 2.0) for side in image.size)
    return _crop(image, left, top)


def normalize(crop: Crop, by: Normalization = IMAGENET) -> npt.NDArray[np.float32]:
    """Return the networks' input tensor for a crop.

    Parameters
    ----------
    crop : ndarray of shape (H, W, C), float32
        In 0..1, or outside after additive noise.
    by : Normalization
        The network's normalization; torchvision's for ImageNet by default.

    Returns
    -------
    ndarray of shape (1, C, H, W), float32
        (crop - mean) / std per channel.
    """
    scaled = (crop - np.array(by.mean, np.float32)) / np.array(by.std, np.float32)
    return np.ascontiguousarray(scaled.transpose(2, 0, 1)[None])


def calibration_crops() -> list[Crop]:
    """Crops of both built-in photographs: left, center and right, each also mirrored."""
    crops = []
    for name in ("china", "flower"):
        image = resize(photograph(name))
        width, height = image.size
        for left in (0, (width - SIZE) // 2, width - SIZE):
            crop = _crop(image, left, (height - SIZE) // 2)
            crops += [crop, np.ascontiguousarray(crop[:, ::-1])]
    return crops
