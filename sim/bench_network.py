"""Whole networks: the exact integer network against PyTorch's own quantized one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ..golden.kernels.quantize import quantize_per_tensor
from ..nets import library
from ..nets.data.digits import digits
from ..nets.images import calibration_crops, normalize
from ..nets.integer import IntegerNetwork
from ..nets.library import QuantizedNetwork
from ..nets.training.digits import RECIPES, outline
from ..runtime.errors import SimulationError
from .turns import Ratio, in_turns, one_thread

__all__ = ["networks"]

_LARGE = 4  # images of 224 x 224
_SMALL = 100  # digits of 32 x 32

Images = npt.NDArray[np.float32]


def networks(seconds: float) -> list[Ratio]:
    """Compare the time from normalized images to logits, including input quantization.

    ResNet-18 on photographs, then the study's three networks on digits with untrained weights,
    which do not affect the time. One thread each.

    Parameters
    ----------
    seconds : float
        Minimum measuring time per side of a ratio.

    Raises
    ------
    SimulationError
        If the logits differ.
    """
    return [compare(network, images, seconds) for network, images in _cases()]


def _cases() -> Iterator[tuple[QuantizedNetwork, Images]]:
    crops = calibration_crops()[:_LARGE]
    yield library.load("resnet18"), np.concatenate([normalize(crop) for crop in crops])
    data = digits("train")
    images = np.concatenate([normalize(data.crop(index)) for index in range(_SMALL)])
    for name in RECIPES:
        calibration = [image[None] for image in images[:10]]
        yield library.quantized(outline(name), name, "before training", calibration), images


def compare(network: QuantizedNetwork, images: Images, seconds: float) -> Ratio:
    """Return the time ratio for one batch, after checking that the logits are equal."""
    exact = IntegerNetwork(network.graph)
    source = network.graph.input.quantization

    def ours() -> npt.NDArray[np.float32]:
        return exact.logits(quantize_per_tensor(images.transpose(0, 2, 3, 1), source))

    def theirs() -> npt.NDArray[np.float32]:
        return network.reference.logits(images)

    with one_thread():
        if not np.array_equal(ours(), theirs()):
            raise SimulationError(f"{network.name}: the integer network and PyTorch's differ")
        times = in_turns([ours], [theirs], seconds).sum(2)
    mine, other = (float(side.min()) for side in times)
    what = f"{network.name}, {len(images)} images of {images.shape[2]} x {images.shape[3]}"
    sides = ("integer network", "qnnpack")
    return Ratio(what, *sides, mine, other, "s", mine / other, times.shape[1])
