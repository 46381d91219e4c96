"""Metrics from labels and logits, of one model or between two models."""

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
    """Class with the largest logit, the first one on ties; shape (N,)."""
    return np.argmax(logits, axis=1)


def in_top(labels: Labels, logits: Logits, count: int) -> Flags:
    """Whether the label's logit is among the `count` largest; shape (N,).

    Ties, which quantization makes common, rank by class index, as in `decisions`. Always true for
    at most `count` classes.
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
    """F1 score, weighted by label frequency and macro, as in scikit-learn.

    Both average over the classes that occur in labels or decisions.
    """
    # one pass for both averages, computed as in scikit-learn
    _, _, scores, counts = precision_recall_fscore_support(labels, decided, zero_division=0.0)  # pyright: ignore[reportArgumentType]
    return float(np.average(scores, weights=counts)), float(np.mean(scores))


def f1_resampled(
    resamples: Resamples, labels: Labels, decided: Labels, classes: int
) -> tuple[Floats, Floats]:
    """Return `f1` of each resample; two arrays of shape (count,).

    The F1 of a class is 2 TP / (labels + decisions); all three counts are sums over images.
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
    """Return the codes of dequantized logits.

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
    """Share of differing bits in each image's codes; shape (N,)."""
    return np.unpackbits(a ^ b, axis=1).mean(axis=1)
