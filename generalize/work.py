"""The units of work: train a network and take its losses, measure it, draw part of its landscape.

A result depends only on its own task, not on the number of workers or the order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from threadpoolctl import threadpool_limits

from ..golden.kernels.quantize import dequantize, quantize_per_tensor
from ..nets.framework import one_thread
from ..nets.integer import IntegerNetwork
from ..study.subject import Subject, quantized_network
from .gap import losses, losses_of_logits
from .landscape import rows
from .measures import measures
from .networks import (
    Trained,
    batch_of,
    bin_widths,
    folded,
    initial,
    network_of,
    split,
    train,
    vector,
    weights_of,
)
from .search import Search, find

__all__ = ["GapTask", "IntegerTask", "MeasureTask", "SurfaceTask", "Task", "run_task"]

Arrays = dict[str, npt.NDArray]
_BATCH = 150  # images of the integer network at a time


@dataclass(frozen=True)
class GapTask:
    """Train a network; its losses on its training images and on test images.

    Parameters
    ----------
    trained : Trained
    test_images : int
        Evenly spaced; 0 for all.
    """

    trained: Trained
    test_images: int

    def run(self) -> Arrays:
        """Return arrays ``train_loss``, ``train_right``, ``test_loss``, ``test_right``; bins."""
        train(self.trained)
        model = network_of(self.trained)
        found: Arrays = {}
        for name, count in (("train", self.trained.images), ("test", self.test_images)):
            those = losses(model, *batch_of(self.trained.data, name, count))
            found |= {f"{name}_loss": those.loss, f"{name}_right": those.right}
        widths = bin_widths(self.trained)
        found["layers"] = np.array(list(widths), dtype=str)
        found["bin_widths"] = np.array(list(widths.values()), np.float64)
        return found


@dataclass(frozen=True)
class MeasureTask:
    """The measures of flatness of a trained network.

    Parameters
    ----------
    trained : Trained
    reading : str
        Of `search`.
    images : int
        Training images that judge a perturbation, evenly spaced; 0 for all.
    """

    trained: Trained
    reading: str
    images: int

    def run(self) -> Arrays:
        """Return ``values`` by ``names``: sigma and alpha, the measures, the norms."""
        model = folded(network_of(self.trained))
        images, labels = batch_of(self.trained.data, "train", self.trained.images)
        chosen = np.arange(min(self.images or len(labels), len(labels)))
        chosen = chosen * len(labels) // len(chosen)
        found = find(Search(model, images[chosen], labels[chosen], self.trained.seed), self.reading)
        weights, first = (
            vector(weights_of(network)) for network in (model, folded(initial(self.trained)))
        )
        values = {name: float(value) for name, value in vars(found).items()}
        values |= measures(weights, first, found, len(labels))
        return {"names": np.array(list(values)), "values": np.array(list(values.values()))}


@dataclass(frozen=True)
class SurfaceTask:
    """Some rows of the loss's surface around a trained network.

    Parameters
    ----------
    trained : Trained
    points : int
        Along each direction.
    rows : tuple of int
    images : int
        Training images, evenly spaced.
    """

    trained: Trained
    points: int
    rows: tuple[int, ...]
    images: int

    def run(self) -> Arrays:
        """Return ``loss`` of shape (rows, points)."""
        model = folded(network_of(self.trained))
        images, labels = batch_of(self.trained.data, "train", self.trained.images)
        count = min(self.images or len(labels), len(labels))
        chosen = np.arange(count) * len(labels) // count
        seed = self.trained.seed
        return {"loss": rows(model, images[chosen], labels[chosen], self.points, self.rows, seed)}


@dataclass(frozen=True)
class IntegerTask:
    """The integer network's losses on the clean training images.

    Parameters
    ----------
    trained : Trained
    subject : Subject
        The same network, as `maccord study` quantizes it.
    """

    trained: Trained
    subject: Subject

    def run(self) -> Arrays:
        """Return ``train_loss`` and ``train_right``."""
        graph = quantized_network(self.subject).graph
        images, labels = batch_of(self.trained.data, "train", self.trained.images)
        network = IntegerNetwork(graph, "cpu")
        scale = graph.tensors[graph.output].quantization
        logits = []
        for some in images.split(_BATCH):
            x_q = quantize_per_tensor(some.numpy().transpose(0, 2, 3, 1), graph.input.quantization)
            logits.append(dequantize(network.tensors(x_q)[graph.output], scale))
        found = losses_of_logits(np.concatenate(logits), labels.numpy())
        return {"train_loss": found.loss, "train_right": found.right}


Task = GapTask | MeasureTask | SurfaceTask | IntegerTask


def run_task(task: Task) -> Arrays:
    """Run a task on one processor."""
    with one_thread(), threadpool_limits(1), torch.random.fork_rng(devices=[]):
        split(task.trained.data, "train")
        return task.run()
