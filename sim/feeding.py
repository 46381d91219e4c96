"""What a network is fed: images, arrays from files, or seeded random numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..nets.images import Normalization
from ..nets.input_shapes import said
from ..nets.perturb import Perturbation, parse, parse_box
from ..nets.preprocess import IMAGE_CHANNELS, Preprocessing
from .arrays import Array, is_array, read_inputs
from .batch import batch_crops
from .inputs import MOST, PHOTOGRAPH, Inputs, calibration_files
from .results import CLEAN

__all__ = ["Feed", "Floats", "feed", "takes_images"]

Floats = npt.NDArray[np.float32]

_RANDOM = 8  # inputs that calibrate, where nothing else does
_APART = 7  # crops between the photographs of two inputs: of the other photograph, mirrored


@dataclass(frozen=True, eq=False)
class Feed:
    """Inputs of a run, and those that set the quantization ranges.

    Parameters
    ----------
    inputs : dict of str to ndarray of shape (N, ...)
        By the perturbation's name, the clean ones first: float32, normalized, or uint8 codes.
    calibration : list of ndarray of shape (1, ...), float32, or None
        None for the photographs of a built-in network.
    source : str
        What the clean inputs are: a path, the photograph's name, or ``random, seed 0``.
    described : dict of str to str
        How they were made, for provenance.
    """

    inputs: dict[str, Array]
    calibration: list[Floats] | None
    source: str
    described: dict[str, str] = field(default_factory=dict)


def takes_images(asked: Inputs, shape: tuple[int, ...]) -> bool:
    """Whether images are fed to an input: files, or the photographs where nothing is given."""
    if asked.input and is_array(asked.input):
        return False
    return len(shape) == 3 and (shape[0] == 3 or (shape[0] == 1 and asked.picture is not None))


def feed(
    asked: Inputs,
    shape: tuple[int, ...],
    network: str,
    own: Normalization | None = None,
    position: int = 0,
) -> Feed:
    """Return the inputs of a run of a network of one input, or one input of several.

    Parameters
    ----------
    asked : Inputs
        Options that `check_inputs` has accepted.
    shape : tuple of int
        PyTorch's shape of one input, without N.
    network : str
        Name for error messages.
    own : Normalization, optional
        Of a built-in network; None for the user's own networks.
    position : int
        Of the input among several: each has photographs and random numbers of its own.

    Raises
    ------
    ValueError
        If a file does not fit the shape, or an option needs images.
    """
    arrays = _arrays(asked.input, shape, "input", network)
    calibration = _arrays(asked.calibration, shape, "calibration", network)
    picture = asked.picture
    photographs = len(shape) == 3 and (shape[0] == 3 or (shape[0] == 1 and picture is not None))
    takes = len(shape) == 3 and shape[0] in IMAGE_CHANNELS
    images = asked.calibration is not None and calibration is None
    steps = None
    if picture or images or asked.preprocessed or (photographs and arrays is None):
        if not takes:
            _refuse_images(asked, shape, network)
        by = own or asked.normalization(shape[0])
        steps = Preprocessing(shape, by, asked.resize)
    if images:
        assert steps is not None
        crops = [steps.load(file, "calibration") for file in calibration_files(asked.calibration)]
        calibration = np.concatenate([steps.tensor(crop) for crop in crops])
    if arrays is not None:
        _check_arrays(asked, arrays)
        found: dict[str, Array] = {CLEAN: arrays}
        source = str(asked.input)
    elif photographs:
        assert steps is not None
        found, source = _photographs(asked, steps, position), str(picture or PHOTOGRAPH)
        if position and not picture:
            crop = _APART * position % len(steps.calibration()) + 1
            source = f"crop {crop} of the photographs"
    else:
        _only_images(asked, shape, network)
        found = {CLEAN: _random(asked.seed, asked.batch, shape, position)}
        source = f"random, seed {asked.seed}"
    if calibration is None and not (own and arrays is None):
        seen = steps if photographs else None
        calibration = _default_calibration(asked, shape, arrays, seen, position)
    described = {"source": source, "shape": said(shape)}
    described |= steps.described() if steps else {}
    listed = None if calibration is None else [row[None] for row in calibration]
    return Feed(found, listed, source, described)


def _photographs(asked: Inputs, steps: Preprocessing, position: int) -> dict[str, Array]:
    """Return images by the perturbation's name, each of a batch perturbed with its own seed."""
    perturbations: list[Perturbation] = parse(asked.perturb) if asked.perturb else []
    box = parse_box(asked.bbox) if asked.bbox else None
    if position and not asked.picture:
        crops = steps.calibration()
        crop = crops[_APART * position % len(crops)]
    else:
        crop = steps.load(asked.picture)
    count, seed = asked.batch, asked.seed + position * MOST["input"]
    crops = batch_crops(crop, count, asked.seed, steps.calibration) if count > 1 else [crop]
    images = {CLEAN: np.concatenate([steps.tensor(crop) for crop in crops])}
    for each in perturbations:
        seen = [each.apply(crop, seed + index, box) for index, crop in enumerate(crops)]
        images[str(each)] = np.concatenate([steps.tensor(crop) for crop in seen])
    return dict(images)


def _default_calibration(
    asked: Inputs,
    shape: tuple[int, ...],
    arrays: Array | None,
    steps: Preprocessing | None,
    position: int,
) -> Floats:
    """Return the inputs that calibrate where none are given.

    These are the photographs for images, the given floats for a file, or else random numbers.
    """
    if arrays is not None and arrays.dtype == np.float32:
        return np.asarray(arrays, np.float32)
    if steps is not None:
        crops = np.concatenate([steps.tensor(crop) for crop in steps.calibration()])
        return np.roll(crops, -_APART * position, axis=0)
    return _random(asked.seed + 1, _RANDOM, shape, position)


def _random(seed: int, count: int, shape: tuple[int, ...], position: int) -> Floats:
    """Return normally distributed numbers of mean 0 and standard deviation 1."""
    rng = np.random.default_rng([seed, position] if position else seed)
    return rng.standard_normal((count, *shape), np.float32)


def _arrays(path: Path | None, shape: tuple[int, ...], what: str, network: str) -> Array | None:
    """Read an ``.npy`` file of inputs; None for other files."""
    if path is None or not is_array(path):
        return None
    return read_inputs(path, shape, MOST[what], what, network)


def _check_arrays(asked: Inputs, arrays: Array) -> None:
    """Reject options that an array of inputs leaves without effect."""
    if asked.batch not in (1, len(arrays)):
        raise ValueError(
            f"batch must be left out with input, or be {len(arrays)}, the inputs in {asked.input}, "
            f"got {asked.batch}"
        )
    if asked.perturb:
        raise ValueError(f"perturb needs an image, got the array {asked.input}")


def _only_images(asked: Inputs, shape: tuple[int, ...], network: str) -> None:
    if asked.perturb:
        raise ValueError(
            f"perturb needs an image, got the random input of {said(shape)} of {network}"
        )


def _refuse_images(asked: Inputs, shape: tuple[int, ...], network: str) -> None:
    options: dict[str, Callable[[], object]] = {
        "image": lambda: asked.image,
        "input": lambda: asked.picture,
        "calibration": lambda: asked.calibration,
        "mean": lambda: asked.mean,
        "std": lambda: asked.std,
        "resize": lambda: asked.resize,
    }
    name = next(name for name, given in options.items() if given())
    raise ValueError(
        f"{name} needs an input of 3 x H x W, or 1 x H x W for grey, got {said(shape)} for "
        f"{network}; --input and --calibration take .npy files"
    )
