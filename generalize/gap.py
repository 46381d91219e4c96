"""Losses image by image, and the gaps that follow from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

__all__ = ["Losses", "gap", "losses", "losses_of_logits"]

Floats = npt.NDArray[np.float64]
_BATCH = 256


@dataclass(frozen=True, eq=False)
class Losses:
    """Results on some images.

    Parameters
    ----------
    loss : ndarray of shape (N,), float64
        Cross-entropy in nats.
    right : ndarray of shape (N,), bool
        Whether the largest logit is the label's.
    """

    loss: Floats
    right: npt.NDArray[np.bool_]


def losses_of_logits(logits: npt.NDArray[np.floating], labels: npt.NDArray[np.int64]) -> Losses:
    """Return the losses of logits of shape (N, classes).

    Examples
    --------
    >>> losses_of_logits(np.zeros((1, 4)), np.array([2])).loss.round(6)
    array([1.386294])
    """
    wide = logits.astype(np.float64)
    top = wide.max(axis=1, keepdims=True)
    total = np.log(np.exp(wide - top).sum(axis=1)) + top[:, 0]
    own = wide[np.arange(len(labels)), labels]
    return Losses(total - own, wide.argmax(axis=1) == labels)


def losses(model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> Losses:
    """Return a network's losses on normalized images, in batches."""
    with torch.inference_mode():
        logits = torch.cat([model(some) for some in images.split(_BATCH)])
    return losses_of_logits(logits.numpy(), labels.numpy())


def gap(train: Losses, test: Losses) -> float:
    """Return QGen's generalization gap: mean loss on test images minus that on training images.

    For corrupted data `test` is of the corrupted test images, `train` of the clean training images
    (section 4.3 and appendix C.2).

    Examples
    --------
    >>> low, high = (losses_of_logits(np.array([[x, 0.0]]), np.array([0])) for x in (5, 1))
    >>> round(gap(low, high), 4)
    0.3065
    """
    return float(test.loss.mean() - train.loss.mean())
