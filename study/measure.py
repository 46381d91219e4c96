"""All figures of a network at one level, each with its interval.

Of each model:

- top1, top5: share of images whose label has the largest logit, or one of the five largest
- f1_weighted, f1_macro: scikit-learn's averages

Of each model but fp32:

- kl: mean over images of KL(FP32 || model), in nats
- flipped: share of images with a different class than with FP32
- top1_minus_fp32: paired difference of top1; for frozen, frozen-clamped and int8 also
  top1_minus_live, against the thesis's procedure; for int8 also top1_minus_frozen

Of live, frozen and frozen-clamped against int8:

- decided_differently: share of images with a different class
- logits_differ: share of images with any differing logit (not for live, whose scale differs)
- logit_bits: share of differing bits in the logits' codes (not for live)

Of frozen against int8:

- activations_differ: share of differing activation codes
- parts_at:TENSOR: share of images that first differ at TENSOR; ``parts_at:``: share of images
  without any difference
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from .bootstrap import RESAMPLES, Resamples, interval
from .differences import TensorDifference
from .metrics import bits_that_differ, codes, decisions, f1, f1_resampled, in_top, kl
from .rows import ALL, Row, level_text
from .samples import Sample

__all__ = ["FAKE", "PARTS", "measure", "measure_all"]

FAKE = ("live", "frozen", "frozen-clamped")  # fake quantization, in floating point
PARTS = "parts_at:"  # followed by a tensor name or nothing
_FROZEN = ("frozen", "frozen-clamped")  # with int8's scales
_HARDWARE = "int8"
_OTHERS = {  # baselines for differences of top-1
    "fp32-clamped": ("fp32",),
    "live": ("fp32",),
    "frozen": ("fp32", "live"),
    "frozen-clamped": ("fp32", "live"),
    "int8": ("fp32", "live", "frozen"),
}

Figure = tuple[str, str, float, float, float]  # model, metric, value, low, high


class _Level:
    """A sample with its models' decisions, and the resamples of its images."""

    def __init__(self, sample: Sample, seed: int, resamples: int) -> None:
        self.sample = sample
        name = f"{sample.network} {sample.perturbation}:{level_text(sample.level)}"
        self.resamples = Resamples(len(sample.labels), name, seed=seed, count=resamples)
        self.decided = {model: decisions(sample.logits[model]) for model in sample.models}

    def figures(self, differences: Sequence[TensorDifference]) -> Iterator[Figure]:
        for model in self.sample.models:
            yield from self._accuracy(model)
            if "fp32" in self.decided and model != "fp32":
                yield from self._against_fp32(model)
            for other in _OTHERS.get(model, ()):
                if other in self.decided:
                    yield self._drop(model, other)
            if _HARDWARE in self.decided and model in FAKE:
                yield from self._against_hardware(model)
        if {"frozen", _HARDWARE} <= set(self.decided):
            yield from self._activations(differences)
            yield from self._parting(differences)

    def _accuracy(self, model: str) -> Iterator[Figure]:
        sample, decided = self.sample, self.decided[model]
        for count in (1, 5):
            hit = in_top(sample.labels, sample.logits[model], count)
            yield self._share(model, f"top{count}", hit)
        resampled = f1_resampled(self.resamples, sample.labels, decided, sample.classes)
        for name, value, draws in zip(
            ("weighted", "macro"), f1(sample.labels, decided), resampled, strict=True
        ):
            yield model, f"f1_{name}", value, *interval(draws)

    def _against_fp32(self, model: str) -> Iterator[Figure]:
        logits = self.sample.logits
        yield self._mean(model, "kl", kl(logits["fp32"], logits[model]))
        yield self._share(model, "flipped", self.decided[model] != self.decided["fp32"])

    def _drop(self, model: str, other: str) -> Figure:
        labels = self.sample.labels
        ours, theirs = self.decided[model] == labels, self.decided[other] == labels
        return self._mean(model, f"top1_minus_{other}", ours.astype(float) - theirs)

    def _against_hardware(self, model: str) -> Iterator[Figure]:
        yield self._share(
            model, "decided_differently", self.decided[model] != self.decided[_HARDWARE]
        )
        if model not in _FROZEN:
            return  # its logits have a different scale
        ours, theirs = self.sample.logits[model], self.sample.logits[_HARDWARE]
        yield self._share(model, "logits_differ", (ours != theirs).any(axis=1))
        if self.sample.scale is not None:
            a, b = (codes(x, self.sample.scale, self.sample.zero_point) for x in (ours, theirs))
            yield self._mean(model, "logit_bits", bits_that_differ(a, b))

    def _activations(self, differences: Sequence[TensorDifference]) -> Iterator[Figure]:
        metric = ("frozen", "activations_differ")
        if self.sample.differing is not None:
            shares = self.sample.differing / self.sample.codes
            yield self._mean(*metric, shares)
        elif differences:
            differing = sum(line.differing for line in differences)
            value = differing / max(sum(line.codes for line in differences), 1)
            yield *metric, value, math.nan, math.nan

    def _parting(self, differences: Sequence[TensorDifference]) -> Iterator[Figure]:
        images = len(self.sample.labels)
        if not differences or any(line.images != images for line in differences):
            return
        counts = {line.tensor: line.images_parting_here for line in differences}
        counts[""] = images - sum(counts.values())
        # A share's resamples depend on the number of images, not on which ones
        for tensor, count in counts.items():
            if count or not tensor:
                yield self._share("frozen", f"{PARTS}{tensor}", np.arange(images) < count)

    def _share(self, model: str, metric: str, holds: npt.NDArray[np.bool_]) -> Figure:
        value = float(holds.mean())
        return model, metric, value, *interval(self.resamples.shares(holds))

    def _mean(self, model: str, metric: str, values: npt.NDArray[np.float64]) -> Figure:
        value = float(values.mean())
        return model, metric, value, *interval(self.resamples.means(values))


def measure(
    sample: Sample,
    differences: Iterable[TensorDifference] = (),
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> list[Row]:
    """Return all figures of one network at one level.

    Parameters
    ----------
    sample : Sample
    differences : iterable of TensorDifference
        Entries of other networks and levels are ignored.
    seed : int
        Seed of the resamples, combined with network, perturbation and level.
    resamples : int

    Returns
    -------
    list of Row
        For the available models.
    """
    place = (sample.network, sample.perturbation, sample.level)
    own = [d for d in differences if (d.network, d.perturbation, d.level) == place]
    level = _Level(sample, seed, resamples)
    network, perturbation, number = place
    return [
        Row(network, model, perturbation, number, metric, value, low, high)
        for model, metric, value, low, high in level.figures(own)
    ]


def measure_all(
    samples: Sequence[Sample],
    differences: Iterable[TensorDifference] = (),
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> list[Row]:
    """Return the rows of every sample, then those over all levels of each network.

    The latter contain the metrics top1, decided_differently and top1_minus_...: the mean over
    levels for each image, with images resampled together with all their levels. They require the
    same images at every level.
    """
    differences = list(differences)
    rows: list[Row] = []
    for sample in samples:
        rows += measure(sample, differences, seed=seed, resamples=resamples)
    for network in dict.fromkeys(sample.network for sample in samples):
        own = [sample for sample in samples if sample.network == network]
        if all(np.array_equal(sample.labels, own[0].labels) for sample in own):
            rows += _over_levels(own, seed, resamples)
    return rows


def _over_levels(samples: Sequence[Sample], seed: int, count: int) -> Iterator[Row]:
    network, labels = samples[0].network, samples[0].labels
    resamples = Resamples(len(labels), network, seed=seed, count=count)
    models = [m for m in samples[0].models if all(m in sample.logits for sample in samples)]
    decided = {
        model: np.stack([decisions(sample.logits[model]) for sample in samples]) for model in models
    }
    right = {model: (decided[model] == labels).astype(float) for model in models}
    for model in models:
        figures = {"top1": right[model]}
        if _HARDWARE in models and model in FAKE:
            figures["decided_differently"] = (decided[model] != decided[_HARDWARE]).astype(float)
        for other in _OTHERS.get(model, ()):
            if other in models:
                figures[f"top1_minus_{other}"] = right[model] - right[other]
        for metric, values in figures.items():
            each = values.mean(axis=0)
            low, high = interval(resamples.means(each))
            yield Row(network, model, ALL, 0.0, metric, float(values.mean()), low, high)
