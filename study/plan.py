"""Splits a study into tasks, and collects their results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..golden.graph import Host
from .differences import TensorDifference, lines
from .grid import Level, levels
from .parts import join, part_path, read_part
from .request import FILE_MODELS, StudyRequest
from .samples import Sample
from .subject import Subject, dataset, quantized_network
from .work import Part, WorkUnit

__all__ = ["Collected", "Condition", "chosen_images", "collect", "conditions"]

_PIXELS = 150 * 32 * 32  # per task: some seconds of work
_LEAST = 8  # minimum images per task


@dataclass(frozen=True)
class Condition:
    """One network at one level, and its tasks.

    Parameters
    ----------
    subject : Subject
    level : Level
    tasks : tuple of WorkUnit
        All images in chunks; then, if live observers are requested, one task for all images,
        because their results depend on earlier batches.
    """

    subject: Subject
    level: Level
    tasks: tuple[WorkUnit, ...]


def chosen_images(count: int, limit: int) -> list[int]:
    """Return the indices of the images to use: all, or at most `limit`, evenly spaced.

    Examples
    --------
    >>> chosen_images(10, 4), chosen_images(3, 0)
    ([0, 2, 5, 7], [0, 1, 2])
    """
    chosen = min(limit, count) if limit else count
    return [index * count // chosen for index in range(chosen)]


def conditions(request: StudyRequest, subjects: Sequence[Subject]) -> list[Condition]:
    """Return all tasks of a request, by network and level."""
    data = dataset(request.data, "test")
    images = chosen_images(len(data), request.limit)
    size = max(_LEAST, _PIXELS // data.size**2)
    chunks = [tuple(images[start : start + size]) for start in range(0, len(images), size)]
    found = []
    for subject in subjects:
        models = _models(request, subject)
        fixed = tuple(model for model in models if model != "live")
        for level in levels(request.perturb):
            common = (request.seed, request.unpaired, request.device)
            tasks = [WorkUnit(subject, level, chunk, fixed, *common) for chunk in chunks if fixed]
            if "live" in models:
                tasks.append(WorkUnit(subject, level, tuple(images), ("live",), *common))
            found.append(Condition(subject, level, tuple(tasks)))
    return found


def _models(request: StudyRequest, subject: Subject) -> tuple[str, ...]:
    """Return the models of a network: a file has no float one, and the host's part no fake one."""
    if subject.architecture is not None:
        return request.models
    nodes = quantized_network(subject).graph.nodes
    hosted = any(isinstance(node.operation, Host) for node in nodes)
    known = FILE_MODELS[-1:] if hosted else FILE_MODELS
    return tuple(model for model in request.models if model in known)


@dataclass(frozen=True, eq=False)
class Collected:
    """All results of a study.

    Parameters
    ----------
    samples : list of Sample
    differences : list of TensorDifference
    deviations : mapping of str to float
        Standard deviation over all pixels and images of a level's change, in crop units (0..1),
        keyed by level, e.g. ``awgn:0.3``.
    """

    samples: list[Sample]
    differences: list[TensorDifference]
    deviations: Mapping[str, float]


def collect(found: Sequence[Condition], folder: Path) -> Collected:
    """Collect the results in a folder of parts.

    Raises
    ------
    ValueError
        If one is missing.
    """
    samples, differences, deviations = [], [], {}
    for condition in found:
        part = _joined(condition, folder)
        samples.append(_sample(condition, part))
        if part.differences is not None:
            differences += lines(
                condition.subject.name,
                condition.level.name,
                condition.level.level,
                part.differences,
            )
        number, total, squares = part.moments
        if number and condition.level.perturbation is not None:
            variance = squares / number - (total / number) ** 2
            deviations[str(condition.level)] = float(np.sqrt(max(variance, 0.0)))
    return Collected(samples, differences, deviations)


def _joined(condition: Condition, folder: Path) -> Part:
    parts = []
    for task in condition.tasks:
        part = read_part(part_path(folder, task))
        if part is None:
            raise ValueError(f"parts must be complete, got none in {part_path(folder, task)}")
        parts.append(part)
    return join(parts)


def _sample(condition: Condition, part: Part) -> Sample:
    data = dataset(condition.subject.data, "test")
    images = condition.tasks[-1].images if condition.tasks[-1].models == ("live",) else None
    if images is None:
        images = tuple(index for task in condition.tasks for index in task.images)
    graph = quantized_network(condition.subject).graph
    output = graph.tensors[graph.output].quantization
    found = part.differences
    return Sample(
        network=condition.subject.name,
        perturbation=condition.level.name,
        level=condition.level.level,
        labels=data.labels[list(images)],
        logits=part.logits,
        scale=output.scale,
        zero_point=output.zero_point,
        differing=None if found is None else found.differing.sum(1),
        codes=0 if found is None else int(found.sizes.sum()),
    )
