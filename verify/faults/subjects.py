"""Networks of fault campaigns, and their inputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...golden.graph import Network
from ...golden.kernels.quantize import quantize_per_tensor
from ...golden.network import execute
from ...nets import library
from ...nets.data.digits import digits
from ...nets.images import calibration_crops, load_crop, normalize
from ...nets.perturb import Crop, parse
from ...nets.training.digits import trained

__all__ = ["CLEAN", "Case", "cases"]

CLEAN = "clean"
_CALIBRATION = 100  # digits


@dataclass(frozen=True, eq=False)
class Case:
    """One input of a network, with the golden model's scores.

    Parameters
    ----------
    level : str
        ``clean``, or the perturbation.
    image : int
        Index among the images of the campaign.
    x_q : ndarray of shape (1, H, W, C), uint8
    scores : ndarray of shape (classes,), uint8
    """

    level: str
    image: int
    x_q: npt.NDArray[np.uint8]
    scores: npt.NDArray[np.uint8]


def cases(
    name: str, data: str, perturb: str, images: int, seed: int
) -> tuple[Network, tuple[Case, ...]]:
    """Return a network and its inputs: each image clean, then at each level.

    Parameters
    ----------
    name : str
        Network.
    data : str
        ``digits``: the reduced network, trained on them; ``photographs``: as `maccord sim` runs it.
    perturb : str
        Levels besides the clean one, comma-separated.
    images : int
        Evenly spaced over the digits' test split; at most 6 photographs.
    seed : int
        Of perturbations.

    Raises
    ------
    ValueError
        If the network's output is not one row of scores, or the host computes a part.
    """
    network, crop = _digits(name, images) if data == "digits" else _photographs(name)
    graph = network.graph
    shape = graph.tensors[graph.output].shape
    if len(shape) != 2 or shape[1] < 2:
        raise ValueError(f"network must end in one row of scores, got {name} with shape {shape}")
    found = []
    for text in (CLEAN, *(perturb.split(",") if perturb else ())):
        for image in range(images):
            clean = crop(image)
            x = clean if text == CLEAN else parse(text)[0].apply(clean, seed, image=image)
            x = normalize(x, network.normalization).transpose(0, 2, 3, 1)
            x_q = quantize_per_tensor(np.ascontiguousarray(x), graph.input.quantization)
            scores = execute(graph, x_q)[graph.output][0]
            found.append(Case(text, image, x_q, scores))
    return graph, tuple(found)


_Loaded = tuple[library.QuantizedNetwork, Callable[[int], Crop]]


def _digits(name: str, images: int) -> _Loaded:
    train, test = digits("train"), digits("test")
    indices = np.arange(_CALIBRATION) * len(train) // _CALIBRATION
    calibration = [normalize(train.crop(int(index))) for index in indices]
    network = library.quantized(trained(name), name, "trained on the digits", calibration)
    return network, lambda image: test.crop(image * len(test) // images)


def _photographs(name: str) -> _Loaded:
    network = library.load(name)
    first = load_crop()
    others = [crop for crop in calibration_crops() if not np.array_equal(crop, first)]
    return network, lambda image: [first, *others][image]
