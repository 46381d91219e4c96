"""One pass over the training data, for any recipe; atomic file writes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from torch import nn

from ...runtime.files import atomic_write

__all__ = ["Batch", "Progress", "save", "train_pass"]

Batch = tuple[torch.Tensor, torch.Tensor]
Progress = Callable[[int, int, float], None]  # epochs done, in total, last mean loss


def train_pass(
    model: nn.Module,
    batches: Iterable[Batch],
    criterion: nn.Module,
    optimizer: torch.optim.Optimizer,
    after: Callable[[], object] = lambda: None,
) -> tuple[float, float]:
    """Train on each batch once.

    Parameters
    ----------
    model : Module
        Left in training mode.
    batches : iterable of (Tensor of shape (N, 3, H, W), Tensor of shape (N,), int64)
        Normalized images and labels, at least one batch.
    criterion : Module
        Mean loss of logits and labels.
    optimizer : Optimizer
    after : callable
        Called after each step, e.g. a schedule of the learning rate.

    Returns
    -------
    loss, accuracy : float
        Means over the images, each with the weights at that step.

    Raises
    ------
    ValueError
        If the loss is no longer a finite number.
    """
    model.train()
    total, right, count = 0.0, 0, 0
    for images, labels in batches:
        logits = model(images)
        loss = criterion(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        after()
        total += float(loss.detach()) * len(labels)
        right += int((logits.detach().argmax(1) == labels).sum())
        count += len(labels)
        if not math.isfinite(total):
            raise ValueError(f"loss must stay finite, got {total}: try a smaller learning rate")
    return total / count, right / count


def save(path: Path, state: object) -> None:
    """Write a file for torch.load, atomically."""
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        torch.save(state, file)
