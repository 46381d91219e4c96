"""Compares the 75 corruptions with imagecorruptions, in a process of its own.

``python -m maccord.generalize.corruption_reference`` prints the mean absolute differences as JSON.
imagecorruptions 1.1.2 predates NumPy 2 and current setuptools, so that names it wants are given to
it here. Its frost enlarges the photographs and its elastic transform is another: those two are
compared with the published script, computed with OpenCV.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import types
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

from ..nets.corruptions.apply import corrupt
from ..nets.corruptions.frost import VARIABLE
from ..nets.corruptions.tables import KINDS, SEVERITIES, constants
from ..nets.images import load_crop

__all__ = ["PACKAGE", "differences"]

PACKAGE = "imagecorruptions"
_MODULES = (PACKAGE, "skimage", "cv2")

Codes = npt.NDArray[np.uint8]


class _Draws:
    """The numbers that NumPy's old global generator draws, by a new generator's names."""

    def __init__(self, seed: int) -> None:
        self._old = np.random.RandomState(seed)
        self._new = np.random.default_rng(seed)

    def integers(self, *given: Any) -> Any:  # noqa: ANN401 - as RandomState's
        return self._old.randint(*given)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as RandomState's
        return getattr(self._new if name == "random" else self._old, name)


def _module() -> Any:  # noqa: ANN401 - an untyped package
    """Import imagecorruptions, with the names that it wants of older packages."""
    spec = find_spec(PACKAGE)
    assert spec is not None
    assert spec.origin is not None
    root = Path(spec.origin).parent
    os.environ[VARIABLE] = str(root / "frost")
    numpy: Any = np
    numpy.float_ = np.float64
    old: Any = types.ModuleType("scipy.ndimage.interpolation")
    old.map_coordinates = ndimage.map_coordinates
    resources: Any = types.ModuleType("pkg_resources")
    resources.resource_filename = lambda _, name: str(root / name)
    sys.modules |= {"scipy.ndimage.interpolation": old, "pkg_resources": resources}
    filters: Any = importlib.import_module("skimage.filters")
    util: Any = importlib.import_module("skimage.util")
    smooth, add = filters.gaussian, util.random_noise
    filters.gaussian = lambda image, sigma, multichannel=False, **given: smooth(
        image, sigma, channel_axis=-1 if multichannel else None, **given
    )
    util.random_noise = lambda image, **given: add(image, rng=np.random.default_rng(_seed), **given)
    return importlib.import_module(f"{PACKAGE}.corruptions")


_seed = 0  # of impulse noise, which draws from a generator of its own


def _elastic(picture: Image.Image, severity: int) -> Codes:
    """Transform a picture as the published script does."""
    cv2, filters = (importlib.import_module(name) for name in ("cv2", "skimage.filters"))
    size = picture.size[0]
    strength, sigma, reach = (size * part for part in _three(severity, size))
    image = np.asarray(picture).astype(np.float32) / np.float32(255)
    centre, third = np.array([size // 2, size // 2]), size // 3
    before = np.array([centre + third, [centre[0] + third, centre[1] - third], centre - third])
    before = before.astype(np.float32)
    after = before + np.random.uniform(-reach, reach, before.shape).astype(np.float32)  # noqa: NPY002
    matrix = cv2.getAffineTransform(before, after)
    image = cv2.warpAffine(image, matrix, (size, size), borderMode=cv2.BORDER_REFLECT_101)
    dx, dy = (
        filters.gaussian(np.random.uniform(-1, 1, (size, size)), sigma, mode="reflect", truncate=3)  # noqa: NPY002
        for _ in "xy"
    )
    y, x = np.mgrid[:size, :size]
    moves = [(y + dy * strength).ravel(), (x + dx * strength).ravel()]
    moved = [
        ndimage.map_coordinates(image[..., channel], moves, order=1, mode="reflect")
        for channel in range(3)
    ]
    return (np.stack(moved, -1).reshape(image.shape).clip(0, 1) * 255).astype(np.uint8)


def _three(severity: int, size: int) -> tuple[float, float, float]:
    found = constants("elastic_transform", severity, size)
    assert isinstance(found, tuple)
    return found[0], found[1], found[2]


def _frost(picture: Image.Image, severity: int) -> Codes:
    """Blend a picture with a photograph as the published script does."""
    cv2 = importlib.import_module("cv2")
    photographs = sorted(Path(os.environ[VARIABLE]).iterdir())[:5]
    found = cv2.imread(str(photographs[np.random.randint(5)]))  # noqa: NPY002
    size = picture.size[0]
    top, left = (
        np.random.randint(0, found.shape[axis] - size)  # noqa: NPY002
        for axis in (0, 1)
    )
    cut = found[top : top + size, left : left + size, ::-1]
    kept, added = constants("frost", severity, size)  # type: ignore[misc]
    return np.clip(kept * np.asarray(picture) + added * cut, 0, 255).astype(np.uint8)


def differences() -> dict[str, list[float]]:
    """Return mean absolute differences in codes, of each corruption at each severity.

    On the built-in photograph, 224 x 224, with the same random numbers.
    """
    global _seed
    module = _module()
    crop = load_crop()
    picture = Image.fromarray(np.rint(crop * 255).astype(np.uint8))
    own = {"elastic_transform": _elastic, "frost": _frost}
    found: dict[str, list[float]] = {}
    for kind in KINDS:
        function = own.get(kind) or getattr(module, kind)
        for severity in SEVERITIES:
            _seed = severity
            np.random.seed(severity)  # noqa: NPY002
            theirs = np.asarray(function(picture, severity)).astype(np.uint8)
            draws: Any = _Draws(severity)
            ours = np.rint(corrupt(crop[None], kind, severity, [draws])[0] * 255)
            found.setdefault(kind, []).append(float(np.abs(ours - theirs).mean()))
    return found


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    missing = [name for name in _MODULES if find_spec(name) is None]
    print(json.dumps({"missing": missing} if missing else {"differences": differences()}))
