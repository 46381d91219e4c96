"""Samples as a study leaves them, from random numbers: the tests' own."""

from __future__ import annotations

import numpy as np

from maccord.study.differences import TensorDifference
from maccord.study.rows import MODELS
from maccord.study.samples import Sample

SCALE, ZERO_POINT = 0.125, 110
LEVELS = {
    "clean": (0.0,),
    "awgn": (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0),
    "brownian": (10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0),
    "vertical": (2.0, 3.0, 4.0, 5.0, 6.0),
    "horizontal": (2.0, 3.0, 4.0, 5.0, 6.0),
}
HIGHEST = {"clean": 1.0, "awgn": 1.0, "brownian": 80.0, "vertical": 6.0, "horizontal": 6.0}
TENSORS = ("conv1", "layer1.0.add", "layer4.1.add", "avgpool", "fc")


def random_sample(
    seed: int,
    *,
    network: str = "resnet18",
    perturbation: str = "awgn",
    level: float = 0.3,
    images: int = 60,
    classes: int = 10,
    models: tuple[str, ...] = MODELS,
    parting: float = 0.03,
) -> Sample:
    """Logits that know their labels less the higher the level; the quantized are on a grid.

    `parting` is the probability that a logit of ``frozen`` is a step away from ``int8``'s.
    """
    labels = np.random.default_rng([seed, 1]).integers(0, classes, images)
    labels[: min(classes, images)] = np.arange(min(classes, images))
    rng = np.random.default_rng([seed, int(level * 10), len(perturbation)])
    strength = 6 * (1 - 0.8 * level / HIGHEST[perturbation])
    fp32 = rng.normal(size=(images, classes)) + strength * (labels[:, None] == np.arange(classes))
    logits = {"fp32": fp32, "fp32-clamped": fp32 + rng.normal(0, 0.3, fp32.shape)}
    step = rng.normal(0, 0.2, fp32.shape)
    logits["live"] = fp32 + step
    codes = np.clip(np.rint((fp32 + 3 * step) / SCALE) + ZERO_POINT, 1, 254)
    logits["int8"] = (codes - ZERO_POINT) * SCALE
    off = (rng.random(codes.shape) < parting) * rng.choice([-1, 1], codes.shape)
    logits["frozen"] = logits["frozen-clamped"] = (codes + off - ZERO_POINT) * SCALE
    return Sample(
        network=network,
        perturbation=perturbation,
        level=level,
        labels=labels,
        logits={model: logits[model].astype(np.float32) for model in models},
        scale=SCALE,
        zero_point=ZERO_POINT,
        differing=rng.binomial(5000, parting / 10, images),
        codes=5000,
    )


def random_differences(seed: int, sample: Sample) -> list[TensorDifference]:
    """Every image of the sample parts at a random tensor, or nowhere."""
    rng = np.random.default_rng([seed, int(sample.level * 10)])
    images = len(sample.labels)
    at = rng.choice(len(TENSORS) + 1, images, p=[0.1, 0.5, 0.2, 0.1, 0.05, 0.05])
    return [
        TensorDifference(
            *(sample.network, sample.perturbation, sample.level, index, tensor),
            codes=1000 * images,
            differing=int(rng.binomial(1000 * images, 0.001 * (index + 1))),
            images=images,
            images_parting_here=int((at == index).sum()),
            largest=1 + index,
        )
        for index, tensor in enumerate(TENSORS)
    ]


def random_grid(
    seed: int, networks: tuple[str, ...] = ("resnet18", "squeezenet1_1", "vgg16"), **options: object
) -> tuple[list[Sample], list[TensorDifference]]:
    """Samples and differences of all 27 levels of some networks."""
    samples = [
        random_sample(seed, network=network, perturbation=name, level=level, **options)  # type: ignore[arg-type]
        for network in networks
        for name, levels in LEVELS.items()
        for level in levels
    ]
    return samples, [line for sample in samples for line in random_differences(seed, sample)]
