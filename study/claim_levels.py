"""The claim by level: one line of figures per network and level."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .measure import PARTS
from .rows import MODELS, Row
from .tables import Results
from .words import ends, percent, place

__all__ = ["COMPARED", "LevelLine", "level_lines"]

COMPARED = {  # model and metric: column heading
    ("frozen", "decided_differently"): "decided differently, frozen",
    ("live", "decided_differently"): "decided differently, live",
    ("frozen", "logits_differ"): "images with another logit",
    ("frozen", "logit_bits"): "bits of the logits",
    ("frozen", "activations_differ"): "activation codes",
}


@dataclass(frozen=True)
class LevelLine:
    """One network at one level; figures are texts in percent, empty if missing.

    Parameters
    ----------
    network, place : str
        `place` describes perturbation and level.
    compared : tuple of (str, str)
        Figure and interval, for each of `COMPARED`.
    first : tuple of (str, str, str)
        Tensor at which most images first differ, or ``none``, with its share and interval.
    top1 : tuple of (str, str)
        Figure and interval, for each of `MODELS`.
    """

    network: str
    place: str
    compared: tuple[tuple[str, str], ...]
    first: tuple[str, str, str]
    top1: tuple[tuple[str, str], ...]


def level_lines(results: Results) -> Iterator[LevelLine]:
    """Yield the lines, grouped by network."""
    parting: dict[tuple[str, str, float], list[Row]] = {}
    for row in results.rows:
        if row.metric.startswith(PARTS):
            parting.setdefault((row.network, row.perturbation, row.level), []).append(row)
    for network in results.networks:
        for at in results.places:
            compared = [results.row(network, m, *at, metric) for m, metric in COMPARED]
            top1 = [results.row(network, model, *at, "top1") for model in MODELS]
            if any(compared) or any(top1):
                first = _first(parting.get((network, *at), []))
                texts = (tuple(_texts(row) for row in rows) for rows in (compared, top1))
                yield LevelLine(network, place(*at), next(texts), first, next(texts))


def _texts(row: Row | None) -> tuple[str, str]:
    return (percent(row.value), ends(row).strip()) if row else ("", "")


def _first(rows: list[Row]) -> tuple[str, str, str]:
    if not rows:
        return "", "", ""
    tensors = [row for row in rows if row.metric != PARTS and row.value]
    most = max(tensors, key=lambda row: row.value, default=None)
    if most is None:
        return "none", "", ""
    return most.metric.removeprefix(PARTS), *_texts(most)
