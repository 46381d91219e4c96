"""The unit of work: some images of one network at one level, run through all models.

A result depends only on its own task, not on the number of workers or the order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
from threadpoolctl import threadpool_limits

from ..golden.kernels.quantize import dequantize
from ..nets.adversarial import attack
from ..nets.corruptions.published import published
from ..nets.differences import Differences, compare
from ..nets.fake_quant import FakeQuantNetwork
from ..nets.framework import one_thread
from ..nets.images import normalize
from ..nets.integer import IntegerNetwork
from ..nets.live import LiveNetwork
from .grid import Level
from .subject import Subject, dataset, float_network, quantized_network

__all__ = ["Part", "WorkUnit", "inputs", "live_batch", "run_task"]

_LIVE_BATCH = 100  # batch size of live observers
_LIVE_PIXELS = 20 * 224 * 224  # maximum per batch: VGG-16 takes 40 MB per 224 x 224 image
_KEPT = 4  # networks cached per process

Images = npt.NDArray[np.float32]


@dataclass(frozen=True)
class WorkUnit:
    """Images of one network at one level.

    Parameters
    ----------
    subject : Subject
    level : Level
    images : tuple of int
        Indices in the test split, one batch; for ``live``, batches of `live_batch` in this order.
    models : tuple of str
        From `rows.MODELS`; ``live`` must be alone.
    seed : int
        Seed of the perturbations.
    unpaired : bool
        Whether FP32 gets a different draw of the perturbation than the quantized models.
    device : str
        Torch device of the integer network.
    """

    subject: Subject
    level: Level
    images: tuple[int, ...]
    models: tuple[str, ...]
    seed: int = 0
    unpaired: bool = False
    device: str = "cpu"


@dataclass(frozen=True, eq=False)
class Part:
    """The result of a task.

    Parameters
    ----------
    logits : dict of str to ndarray of shape (N, classes), float32
        Keyed by model.
    differences : Differences, optional
        Differences of ``frozen`` against ``int8``, if both ran.
    moments : ndarray of shape (3,), float64
        Number of image values; sum and sum of squares of the perturbation's change.
    """

    logits: dict[str, npt.NDArray[np.float32]]
    differences: Differences | None
    moments: npt.NDArray[np.float64]


@lru_cache(maxsize=_KEPT)
def _integer(subject: Subject, device: str) -> IntegerNetwork:
    return IntegerNetwork(quantized_network(subject).graph, device)


@lru_cache(maxsize=_KEPT)
def _fake(subject: Subject) -> FakeQuantNetwork:
    return FakeQuantNetwork(quantized_network(subject).graph)


@lru_cache(maxsize=_KEPT)
def _live_network(subject: Subject) -> LiveNetwork:
    return LiveNetwork(
        float_network(subject), _tensor(dataset(subject.data, "test").crop(0)[None], subject)
    )


def inputs(task: WorkUnit, *, draw: int = 0) -> tuple[Images, Images]:
    """Return the task's crops, clean and perturbed: each (N, H, W, 3), float32.

    Adversarial perturbations are made with the float network.
    """
    data = dataset(task.subject.data, "test")
    clean = np.stack([data.crop(index) for index in task.images])
    perturbation = task.level.perturbation
    if perturbation is None:
        return clean, clean
    if perturbation.adversarial:
        assert task.subject.architecture is not None  # checked with the request
        labels, by = data.labels[list(task.images)], task.subject.architecture.normalization
        model, level = float_network(task.subject), perturbation.level
        return clean, attack(
            model, clean, labels, perturbation.kind, level, task.images, task.seed, by, draw=draw
        )
    kind, level = perturbation.kind, int(perturbation.level)
    ready = published(kind, level, task.images, data)
    if ready is not None:
        return clean, ready
    boxes = [data.box(index) for index in task.images]
    return clean, perturbation.apply_batch(clean, task.images, task.seed, boxes, draw=draw)


def live_batch(size: int) -> int:
    """Batch size of live observers for an image size; their results depend on it.

    Examples
    --------
    >>> live_batch(32), live_batch(224)
    (100, 20)
    """
    return max(1, min(_LIVE_BATCH, _LIVE_PIXELS // size**2))


def _tensor(crops: Images, subject: Subject) -> Images:
    """Return images (N, 3, H, W), normalized for the network."""
    return np.concatenate([normalize(crop, subject.normalization) for crop in crops])


def run_task(task: WorkUnit) -> Part:
    """Run a task on one processor."""
    with one_thread(), threadpool_limits(1):
        if task.models == ("live",):
            return Part({"live": _live(task)}, None, np.zeros(3))
        clean, crops = inputs(task)
        change = crops.astype(np.float64) - clean
        moments = np.array([change.size, change.sum(), np.square(change).sum()])
        floats = inputs(task, draw=1)[1] if task.unpaired else crops
        differences, exact = _fixed_models(task, crops)
        return Part(dict(_float_models(task, floats)) | exact, differences, moments)


def _float_models(task: WorkUnit, crops: Images) -> Iterator[tuple[str, Images]]:
    for model, seen in (("fp32", crops), ("fp32-clamped", crops.clip(0, 1))):
        if model in task.models:
            network = float_network(task.subject)  # not in inference mode: attacks need gradients
            with torch.inference_mode():
                answer = network(torch.from_numpy(_tensor(seen, task.subject)))
            yield model, answer.numpy()


def _live(task: WorkUnit) -> Images:
    """Return logits with live observers, reset at the start."""
    network = _live_network(task.subject)
    network.reset()
    logits = []
    count = live_batch(dataset(task.subject.data, "test").size)
    for start in range(0, len(task.images), count):
        batch = replace(task, images=task.images[start : start + count])
        logits.append(network.logits(_tensor(inputs(batch)[1], task.subject)))
    return np.concatenate(logits)


def _fixed_models(task: WorkUnit, crops: Images) -> tuple[Differences | None, dict[str, Images]]:
    """Run the models with frozen scales: fake-quantized and integer."""
    wanted = [model for model in task.models if model in ("frozen", "frozen-clamped", "int8")]
    if not wanted:
        return None, {}
    graph = quantized_network(task.subject).graph
    output = graph.tensors[graph.output].quantization
    found = {}
    for model in wanted:
        images = _tensor(crops.clip(0, 1) if model == "frozen-clamped" else crops, task.subject)
        if model == "int8":
            x_q = quantized_network(task.subject).input_codes(images)
            found[model] = _integer(task.subject, task.device).tensors(x_q)
        else:
            found[model] = _fake(task.subject).tensors(images)
    logits = {model: dequantize(codes[graph.output], output) for model, codes in found.items()}
    if "frozen" in found and "int8" in found:
        return compare(found["int8"], found["frozen"]), logits
    return None, logits
