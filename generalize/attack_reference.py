"""Compares FGSM and PGD with the Adversarial Robustness Toolbox, on the same network and images."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from ..nets.adversarial import STEPS, attack
from ..nets.framework import one_thread
from ..nets.images import Normalization
from ..nets.seeding import generator
from .gap import losses_of_logits

__all__ = ["PACKAGE", "AttackComparison", "compare", "installed"]

PACKAGE = "adversarial-robustness-toolbox"
_SAME = 1e-6  # of a value in 0..1: rounding in single precision
_SPHERE = "art.attacks.evasion.projected_gradient_descent.projected_gradient_descent_pytorch"

Crops = npt.NDArray[np.float32]


@dataclass(frozen=True)
class AttackComparison:
    """Both libraries' images of one attack.

    Parameters
    ----------
    largest : float
        Largest difference of a value, in crop units (0..1).
    share : float
        Share of the values that differ by more than rounding.
    loss, their_loss : float
        Mean cross-entropy in nats of the network on the images.
    """

    largest: float
    share: float
    loss: float
    their_loss: float


class _Normalized(nn.Module):
    """A network that reads crops (N, 3, H, W) in 0..1."""

    def __init__(self, network: nn.Module, by: Normalization) -> None:
        super().__init__()
        self.network = network
        self.mean, self.std = (
            torch.tensor(each, dtype=torch.float32).view(3, 1, 1) for each in (by.mean, by.std)
        )

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        return self.network((crops - self.mean) / self.std)


def installed() -> bool:
    """Whether the library is there."""
    return find_spec("art") is not None


def compare(
    network: nn.Module,
    crops: Crops,
    labels: npt.NDArray[np.int64],
    kind: str,
    bound: float,
    images: Sequence[int],
    by: Normalization,
    seed: int = 0,
) -> AttackComparison:
    """Attack images with both libraries, PGD from the same random starts.

    Parameters
    ----------
    network, crops, labels, kind, bound, images, by, seed
        As for `nets.adversarial.attack`.
    """
    model = _Normalized(network, by).eval()
    with one_thread():
        ours = attack(network, crops, labels, kind, bound, images, seed, by)
        theirs = _their_attack(model, crops, labels, kind, bound, images, seed)
        losses = []
        for made in (ours, theirs):
            with torch.no_grad():
                logits = model(torch.from_numpy(made.transpose(0, 3, 1, 2).copy())).numpy()
            losses.append(float(losses_of_logits(logits, labels).loss.mean()))
    apart = np.abs(ours.astype(np.float64) - theirs)
    return AttackComparison(float(apart.max()), float((apart > _SAME).mean()), losses[0], losses[1])


def _their_attack(
    model: nn.Module,
    crops: Crops,
    labels: npt.NDArray[np.int64],
    kind: str,
    bound: float,
    images: Sequence[int],
    seed: int,
) -> Crops:
    estimators, evasion = (
        importlib.import_module(f"art.{name}")
        for name in ("estimators.classification", "attacks.evasion")
    )
    with torch.no_grad():
        classes = model(torch.zeros(1, 3, *crops.shape[1:3])).shape[1]
    classifier = estimators.PyTorchClassifier(
        model=model,
        loss=nn.CrossEntropyLoss(),
        input_shape=(3, *crops.shape[1:3]),
        nb_classes=classes,
        clip_values=(0.0, 1.0),
        device_type="cpu",
    )
    if kind == "fgsm":
        made = evasion.FastGradientMethod(classifier, eps=bound, batch_size=1)
    else:
        made = evasion.ProjectedGradientDescent(
            classifier,
            eps=bound,
            eps_step=2.5 * bound / STEPS,
            max_iter=STEPS,
            num_random_init=1,
            batch_size=1,
            verbose=False,
        )
    planes = np.ascontiguousarray(crops.transpose(0, 3, 1, 2))
    one_hot = np.eye(classes, dtype=np.float32)[labels]
    with _starts(kind, bound, seed, images):
        found = made.generate(x=planes, y=one_hot)
    return np.ascontiguousarray(found.transpose(0, 2, 3, 1))


@contextmanager
def _starts(kind: str, bound: float, seed: int, images: Sequence[int]) -> Iterator[None]:
    """Have PGD start where `nets.adversarial` does, image by image."""
    module: Any = importlib.import_module(_SPHERE)
    kept, rest = module.random_sphere, iter(images)

    def same(number: int, size: int, *_: object) -> npt.NDArray[np.float32]:
        rng = generator(kind, bound, seed, (int(next(rest)), 0, 0))
        assert number == 1
        return rng.uniform(-bound, bound, (1, size)).astype(np.float32)

    module.random_sphere = same
    try:
        yield
    finally:
        module.random_sphere = kept
