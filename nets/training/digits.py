"""The networks on the built-in digits: reduced width, trained in seconds, cached.

All but the transformers have a batch norm after each convolution, which quantization folds. Further
differences, besides the width of a quarter for ResNet-18 and VGG-16 and half for SqueezeNet 1.1:

- ResNet-18 is as published;
- VGG-16 ends in images of 1 x 1, so its linear layers read those and have 256 outputs;
- SqueezeNet 1.1 has a first convolution of stride 1, so its last fire modules see 3 x 3 pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, partial
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ...runtime.cache import digest
from ...runtime.files import locked
from ...runtime.folders import cache_folder
from ..checkpoint import load_checkpoint
from ..data.dataset import Dataset
from ..data.digits import digits
from ..framework import one_thread
from ..images import normalize
from ..learned_steps import learned_steps
from ..mobilenet import mobilenet_v2
from ..networks import Architecture
from ..nin import nin
from ..resnet import resnet18
from ..squeezenet import squeezenet1_1
from ..vgg import vgg16
from . import lsq
from .activations import attach_activations
from .digit_names import learns_activations, split
from .loop import Batch, Progress, save, train_pass
from .start import fresh
from .transformers import TRANSFORMER_RECIPES, Recipe

__all__ = ["RECIPES", "Recipe", "outline", "small", "tensors", "train", "trained"]

CLASSES = 10
_BATCH = 64  # an epoch's last, smaller batch is dropped: its statistics would bias batch norm
_SHIFT = 3  # maximum shift in each direction, pixels
_SMOOTHING = 0.1
_SOURCES = (
    "resnet",
    "vgg",
    "squeezenet",
    "mobilenet",
    "nin",
    "images",
    "data/digits",
    "training/digits",
)
_SOURCES += ("training/loop", "training/lsq", "training/start", "training/activations")
_SOURCES += ("learned_steps", "training/transformers")
_SOURCES += tuple(f"transformer/{name}" for name in ("deit", "parts", "swin", "windows"))
_DISTRIBUTIONS = ("torch", "numpy", "pillow", "scikit-learn")


_VGG = partial(vgg16, width=16, batch_norm=True, grid=1, hidden=256)
_SQUEEZENET = partial(squeezenet1_1, width=32, batch_norm=True, stride=1)
_MOBILENET = partial(mobilenet_v2, width=0.5, stride=1)
RECIPES = {
    recipe.architecture.name: recipe
    for recipe in (
        Recipe(Architecture("resnet18", partial(resnet18, width=16), "fc.weight"), 15, 0.01),
        Recipe(Architecture("vgg16", _VGG, "classifier.6.weight"), 12, 0.003),
        Recipe(Architecture("squeezenet1_1", _SQUEEZENET, "classifier.1.weight"), 16, 0.01),
        Recipe(Architecture("mobilenet_v2", _MOBILENET, "classifier.1.weight"), 20, 0.01),
        Recipe(Architecture("nin", partial(nin, depth=3, width=2), "head.weight"), 15, 0.01),
    )
}


def _recipe(name: str) -> Recipe:
    recipes = RECIPES | TRANSFORMER_RECIPES
    if name not in recipes:
        raise ValueError(f"network must be one of {', '.join(recipes)}, got {name}")
    return recipes[name]


def small(name: str) -> Architecture:
    """Return the reduced network of that name; `checkpoint.load_checkpoint` reads its weights.

    Parameters
    ----------
    name : str
        As for `trained`.

    Raises
    ------
    ValueError
        If there is none.
    """
    return _recipe(split(name)[0]).architecture


def outline(name: str, seed: int = 0) -> nn.Module:
    """Return the reduced network with seeded initial weights, in evaluation mode."""
    return fresh(small(name), CLASSES, seed)


def tensors(data: Dataset) -> Batch:
    """All images of a small data set, normalized (N, 3, size, size), and their labels (N,)."""
    images = np.concatenate([normalize(data.crop(index)) for index in range(len(data))])
    return torch.from_numpy(images), torch.from_numpy(data.labels)


def _shifted(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Shift each image by up to `_SHIFT` pixels, filling with black."""
    size = images.shape[-1]
    black = torch.from_numpy(normalize(np.zeros((1, 1, 3), np.float32)))
    wide = black.repeat(len(images), 1, size + 2 * _SHIFT, size + 2 * _SHIFT)
    wide[:, :, _SHIFT : _SHIFT + size, _SHIFT : _SHIFT + size] = images
    places = torch.randint(0, 2 * _SHIFT + 1, (len(images), 2), generator=generator).tolist()
    moved = [
        image[:, y : y + size, x : x + size] for image, (y, x) in zip(wide, places, strict=True)
    ]
    return torch.stack(moved)


def _batches(images: torch.Tensor, labels: torch.Tensor, generator: torch.Generator) -> Iterator:
    order = torch.randperm(len(labels), generator=generator)
    for chosen in order.split(_BATCH):
        if len(chosen) == _BATCH:
            yield _shifted(images[chosen], generator), labels[chosen]


def train(
    name: str,
    *,
    seed: int = 0,
    epochs: int | None = None,
    weight_bits: int | None = None,
    learned_activations: bool = False,
    progress: Progress | None = None,
) -> nn.Module:
    """Train a network on the training half of the digits, in one thread.

    Parameters
    ----------
    name : str
        One of `RECIPES` or `transformers.TRANSFORMER_RECIPES`.
    seed : int
        Seed of weights, order, shifts and dropout; at least 0.
    epochs : int, optional
        The recipe's by default.
    weight_bits : int, optional
        8, 4 or 2: weights are quantized in training, with learned steps (`lsq`); the first and the
        last layer have 8 bits. Not quantized by default.
    learned_activations : bool
        Whether activations are quantized in training, too (`learned_steps`); with `weight_bits`.
    progress : callable, optional
        Called after each epoch with the epochs done, the total, and the mean loss.

    Returns
    -------
    Module
        In evaluation mode. Weights do not depend on the number of cores, but other processors may
        round differently.
    """
    recipe = _recipe(name)
    if seed < 0:
        raise ValueError(f"seed must be at least 0, got {seed}")
    epochs = recipe.epochs if epochs is None else epochs
    images, labels = tensors(digits("train"))
    model = outline(name, seed)
    bits = {} if weight_bits is None else lsq.widths(model, weight_bits)
    project = lsq.attach(model, bits) if bits else lambda: None
    if bits and learned_activations:
        with one_thread():
            attach_activations(model, images[:_BATCH])
    generator = torch.Generator().manual_seed(seed)
    groups = _groups(model, recipe.rate)
    optimizer = torch.optim.Adam(groups, recipe.rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, [group["lr"] for group in groups], total_steps=epochs * (len(labels) // _BATCH)
    )
    criterion = nn.CrossEntropyLoss(label_smoothing=_SMOOTHING)
    with one_thread(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # dropout has no generator of its own
        for epoch in range(epochs):
            batches = _batches(images, labels, generator)
            loss, _ = train_pass(
                model, batches, criterion, optimizer, lambda: (schedule.step(), project())
            )
            if progress is not None:
                progress(epoch + 1, epochs, loss)
    lsq.detach(model)
    return model.eval()


def _groups(model: nn.Module, rate: float) -> list[dict[str, Any]]:
    """Return parameters with their learning rates: for steps of activations, in units of the first.

    Adam's updates are as large as the rate, whatever the scale of the gradient, which would be a
    fifth of a step of 8 bits.
    """
    steps = [learned.step for learned in learned_steps(model).values()]
    own = {id(step) for step in steps}
    rest = [parameter for parameter in model.parameters() if id(parameter) not in own]
    relative = [{"params": [step], "lr": rate * step.detach().abs().item()} for step in steps]
    return [{"params": rest, "lr": rate}, *relative]


@cache
def _origin() -> str:
    """Hash of what the weights depend on: code and libraries."""
    room = Path(__file__).parent.parent
    versions = [f"{name} {metadata.version(name)}" for name in _DISTRIBUTIONS]
    return digest(*(room / f"{source}.py" for source in _SOURCES), *versions)


def trained(
    name: str, *, cache: Path | None = None, seed: int = 0, progress: Progress | None = None
) -> nn.Module:
    """Return a network trained on the digits, from the cache if present.

    Parameters
    ----------
    name : str
        As for `train`; with ``-w8``, ``-w4`` or ``-w2``, weights have that many bits; with
        ``a8`` behind it, activations are learned, see `train`.
    cache : Path, optional
        Folder of weights; in the user's cache if not given. If several processes request the
        same weights, one trains and the others wait.
    seed, progress
        As for `train`; progress is only reported during training.

    Returns
    -------
    Module
        In evaluation mode; a new instance per call.

    Raises
    ------
    ValueError
        If the name is unknown, or the seed is negative.
    """
    architecture = small(name)
    key = digest(_origin(), name, str(seed))[:16]
    path = (cache or cache_folder("nets")) / f"digits-{name}-{key}.pt"
    with locked(path):
        try:
            return load_checkpoint(architecture, path)
        except ValueError:  # missing or damaged
            network, bits = split(name)
            learned = learns_activations(name)
            model = train(
                network,
                seed=seed,
                weight_bits=bits,
                learned_activations=learned,
                progress=progress,
            )
            save(path, model.state_dict())
            return model
