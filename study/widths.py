"""Compares one network at several widths of weights, quantized after training or in it.

``resnet18`` and ``resnet18-w4`` in one study are two of its variants. Every variant sees the same
perturbed bytes, so that differences are paired by image. Of the integer network of each variant
that is quantized in training:

- top1_minus_ptq8: difference of top-1 from INT8 after training
- top1_minus_float: difference of top-1 from the network trained and run in floating point

Both with intervals from one set of resamples for all variants, at each level and over all levels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..nets.training.digit_names import learns_activations, split
from .bootstrap import RESAMPLES, Resamples, interval
from .metrics import decisions
from .rows import ALL, Row, level_text
from .samples import Sample
from .tables import Column, Entry, Results, Table, display_name
from .words import amount, place

__all__ = ["MINUS_FLOAT", "MINUS_PTQ8", "Variant", "compare_widths", "families", "sentences"]
__all__ += ["width_tables"]

MINUS_FLOAT, MINUS_PTQ8 = "top1_minus_float", "top1_minus_ptq8"
_BASELINES = {MINUS_PTQ8: "int8", MINUS_FLOAT: "fp32"}


@dataclass(frozen=True)
class Variant:
    """A network at one width, and how it was quantized.

    Parameters
    ----------
    network, model : str
        As in a row.
    title : str
        ``FP32``, ``PTQ 8``, ``QAT 8``, ``QAT 4`` or ``QAT 2``: quantized not at all, after
        training, in training; with `` A8`` if the activations' steps were learned.
    """

    network: str
    model: str
    title: str


def families(networks: Iterable[str], models: Iterable[str]) -> dict[str, list[Variant]]:
    """Return the variants of each network that has one quantized in training and another one.

    Examples
    --------
    >>> found = families(["resnet18-w4", "vgg16", "resnet18"], ["fp32", "int8"])
    >>> {name: [variant.title for variant in variants] for name, variants in found.items()}
    {'resnet18': ['FP32', 'PTQ 8', 'QAT 4']}
    """
    networks, models = list(networks), set(models)
    found = {}
    for base in dict.fromkeys(split(name)[0] for name in networks):
        variants = []
        if base in networks:
            plain = {"fp32": "FP32", "int8": "PTQ 8"}
            variants += [Variant(base, m, plain[m]) for m in plain if m in models]
        trained = [(split(name)[1] or 0, name) for name in networks if split(name)[0] == base]
        narrow = [pair for pair in trained if pair[0] and "int8" in models]
        if narrow and len(variants) + len(narrow) > 1:
            for bits, name in sorted(narrow, key=lambda pair: (-pair[0], pair[1])):
                end = " A8" if learns_activations(name) else ""
                variants.append(Variant(name, "int8", f"QAT {bits}{end}"))
            found[base] = variants
    return found


def compare_widths(
    samples: Sequence[Sample], *, seed: int = 0, resamples: int = RESAMPLES
) -> Iterator[Row]:
    """Yield the paired differences between variants, at each level and over all levels.

    Parameters
    ----------
    samples : sequence of Sample
        Of all networks and levels.
    seed, resamples : int
        As for `measure.measure_all`.
    """
    networks = dict.fromkeys(sample.network for sample in samples)
    models = dict.fromkeys(model for sample in samples for model in sample.models)
    at = {(s.network, s.perturbation, s.level): s for s in samples}
    for base, variants in families(networks, models).items():
        levels = [key[1:] for key in at if key[0] == base]
        for variant in variants:
            if variant.network != base:
                own = {level: at.get((variant.network, *level)) for level in levels}
                yield from _differences(base, variant, at, own, seed, resamples)


def _differences(
    base: str,
    variant: Variant,
    at: Mapping[tuple[str, str, float], Sample],
    own: Mapping[tuple[str, float], Sample | None],
    seed: int,
    count: int,
) -> Iterator[Row]:
    """Yield the rows of one variant."""
    for metric, model in _BASELINES.items():
        gains = {}
        for level, ours in own.items():
            theirs = at[base, *level]
            if ours is None or model not in theirs.logits or variant.model not in ours.logits:
                continue
            if np.array_equal(ours.labels, theirs.labels):
                right = [decisions(s.logits[m]) == s.labels for s, m in
                         ((ours, variant.model), (theirs, model))]  # fmt: skip
                gains[level] = right[0].astype(float) - right[1]
        places = [(*level, f"{base} {level[0]}:{level_text(level[1])}") for level in gains]
        values = list(gains.values())
        if values and len({len(each) for each in values}) == 1:
            places.append((ALL, 0.0, base))
            values.append(np.mean(values, axis=0))
        for (perturbation, level, name), gain in zip(places, values, strict=True):
            draws = Resamples(len(gain), name, seed=seed, count=count).means(gain)
            figures = (metric, float(gain.mean()), *interval(draws))
            yield Row(variant.network, variant.model, perturbation, level, *figures)


def width_tables(results: Results) -> list[Table]:
    """Return a table for each network at several widths: top-1 and differences, by level."""
    found = []
    for base, variants in families(results.networks, results.models).items():
        shown = [(variant, "top1", variant.title) for variant in variants]
        shown += [
            (variant, MINUS_PTQ8, f"{variant.title} - PTQ 8")
            for variant in variants
            if any(_series(results, variant))
        ]
        rows = [
            (place(*at), tuple(_entry(results, each, at, metric) for each, metric, _ in shown))
            for at in [*results.places, (ALL, 0.0)]
        ]
        title = f"Top-1 accuracy by width of weights, {display_name(base)}"
        columns = tuple(Column("", variant.model, title) for variant, _, title in shown)
        kept = tuple(row for row in rows if any(row[1]))
        found.append(Table(f"W{len(found) + 1}", title, "level", columns, kept))
    return found


def _entry(results: Results, variant: Variant, at: tuple[str, float], metric: str) -> Entry | None:
    row = results.row(variant.network, variant.model, *at, metric)
    return None if row is None else Entry(row.value, row.low, row.high)


def _series(results: Results, variant: Variant) -> list[Row | None]:
    """Differences from INT8 after training, at each level."""
    at = results.places
    return [results.row(variant.network, variant.model, *each, MINUS_PTQ8) for each in at]


def sentences(results: Results) -> list[str]:
    """Say of each variant how it differs from INT8 after training, over all levels."""
    found = []
    for base, variants in families(results.networks, results.models).items():
        for variant in variants:
            row = results.row(variant.network, variant.model, ALL, 0.0, MINUS_PTQ8)
            if row is None:
                continue
            there = [each for each in _series(results, variant) if each]
            above = sum(each.low > 0 for each in there)
            below = sum(each.high < 0 for each in there)
            found.append(
                f"{display_name(base)}, {variant.title} against PTQ 8, top-1 over all levels: "
                f"{amount(row)}; of {len(there)} levels, above at {above}, below at {below}"
            )
    return found
