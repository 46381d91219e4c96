"""Figures of merit from labels and logits: what a model answers, and how far two models part."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import softmax
from scipy.stats import entropy
from sklearn.metrics import precision_recall_fscore_support

from .bootstrap import Resamples

__all__ = ["bits_that_differ", "codes", "decisions", "f1", "f1_resampled", "in_top", "kl"]

Labels = npt.NDArray[np.int64]
Logits = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def decisions(logits: Logits) -> Labels:
    """Class with the greatest logit, of equal ones the first; shape (N,)."""
    return np.argmax(logits, axis=1)


def in_top(labels: Labels, logits: Logits, count: int) -> Flags:
    """Whether the label's logit is among the `count` greatest, of shape (N,).

    Of equal logits, which quantization makes common, the first class ranks first, as in
    `decisions`. With no more than `count` classes it always is.
    """
    own = np.take_along_axis(logits, labels[:, None], axis=1)
    earlier = np.arange(logits.shape[1]) < labels[:, None]
    ahead = (logits > own) | ((logits == own) & earlier)
    return ahead.sum(axis=1) < count


def kl(reference: Logits, other: Logits) -> Floats:
    """KL(reference || other) of the class probabilities of each image, in nats; shape (N,).

    Langille 2024, equation 2.21; `reference` is FP32's. Softmax in float64.
    """
    p, q = (softmax(logits.astype(np.float64), axis=1) for logits in (reference, other))
    result: Any = entropy(p, q, axis=1)
    return result


def f1(labels: Labels, decided: Labels) -> tuple[float, float]:
    """F1 score, weighted by the labels' frequencies and macro: scikit-learn's averages.

    Both are over the classes that occur among labels or decisions.
    """
    # one pass for both averages, formed as scikit-learn forms them
    _, _, scores, counts = precision_recall_fscore_support(labels, decided, zero_division=0.0)  # pyright: ignore[reportArgumentType]
    return float(np.average(scores, weights=counts)), float(np.mean(scores))


def f1_resampled(
    resamples: Resamples, labels: Labels, decided: Labels, classes: int
) -> tuple[Floats, Floats]:
    """Return what `f1` gives in each resample; two of shape (count,).

    F1 of a class is 2 TP / (labels + decisions): three counts, each a sum over images.
    """
    every = np.arange(classes)
    is_label, is_decided = labels[:, None] == every, decided[:, None] == every
    true = resamples.sums(is_label & is_decided)
    label = resamples.sums(is_label)
    either = label + resamples.sums(is_decided)
    score = 2 * true / np.maximum(either, 1)
    weighted = (score * label).sum(axis=1) / resamples.images
    macro = score.sum(axis=1) / (either > 0).sum(axis=1)
    return weighted, macro


def codes(logits: Logits, scale: float, zero_point: int) -> npt.NDArray[np.uint8]:
    """Return the codes that logits came from.

    Raises
    ------
    ValueError
        If a logit is not on the grid of scale and zero point.
    """
    steps = logits.astype(np.float64) / scale
    whole = np.rint(steps)
    if np.abs(steps - whole).max() > 0.01 or not _in_byte(whole + zero_point):
        raise ValueError(
            f"logits must be whole multiples of {scale:g} with codes in 0..255 about {zero_point}"
        )
    return (whole + zero_point).astype(np.uint8)


def _in_byte(numbers: Floats) -> bool:
    return bool(numbers.min() >= 0 and numbers.max() <= 255)


def bits_that_differ(a: npt.NDArray[np.uint8], b: npt.NDArray[np.uint8]) -> Floats:
    """Share of the bits of each image's codes that differ; shape (N,)."""
    return np.unpackbits(a ^ b, axis=1).mean(axis=1)
