"""Splits a run into tasks, and counts them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ..nets.corruptions.frost import check_photographs
from ..nets.corruptions.published import check_published
from ..nets.data.kinds import check_data
from ..runtime.folders import cache_folder
from ..study import parts as study_parts
from ..study.grid import levels
from ..study.plan import Condition, conditions
from ..study.request import StudyRequest
from ..study.subject import Subject
from .networks import Trained, split
from .parts import part_path, read_part, training_key
from .pool import Member
from .request import GeneralizeRequest
from .work import GapTask, IntegerTask, MeasureTask, SurfaceTask, Task

__all__ = ["Jobs", "Plan"]

_CALIBRATION = 100
_ROWS = 3  # of a surface, in a task
_RTL_LEVELS = 3


@dataclass(frozen=True)
class Jobs:
    """Tasks of one kind.

    Parameters
    ----------
    what : str
    total, done : int
        In all, and with a stored result.
    """

    what: str
    total: int
    done: int


class Plan:
    """The tasks of a run.

    Parameters
    ----------
    request : GeneralizeRequest

    Raises
    ------
    ValueError
        If the data, or published images of it, cannot be read.
    """

    def __init__(self, request: GeneralizeRequest) -> None:
        self.request = request
        kind, colon, path = request.data.partition(":")
        self.data = f"{kind}:{Path(path).expanduser().resolve()}" if colon else request.data
        check_data(self.data)
        perturbations = [level.perturbation for level in levels(request.perturb)]
        test = split(self.data, "test")
        check_photographs(test.size, perturbations)
        check_published(test, perturbations)
        self.parts = request.out.resolve() / "parts"

    @cached_property
    def trained(self) -> dict[Member, Trained]:
        """All networks of the pool."""
        asked = self.request
        numbers = asked.training_images, asked.training_epochs, asked.batch, asked.seed
        folder = asked.out.resolve() / "pool" / training_key(self.data, *numbers)
        return {member: Trained(member, self.data, *numbers, folder) for member in asked.members}

    @property
    def shown(self) -> list[Trained]:
        """One setting's networks."""
        return [self.trained[member] for member in self.request.shown]

    @property
    def subjects(self) -> dict[Member, Subject]:
        """The same, as `maccord study` takes them; their weights may not be there yet."""
        cache = cache_folder("nets").resolve()
        return {
            task.member: Subject(
                f"nin-w{task.member.bits}",
                *(task.architecture, task.weights, task.data, _CALIBRATION, cache),
            )
            for task in self.shown
        }

    def gaps(self) -> list[GapTask]:
        """Train each network, and take its losses."""
        return [GapTask(task, self.request.test_images) for task in self.trained.values()]

    def measures(self) -> list[MeasureTask]:
        """Measure each network."""
        asked = self.request
        return [MeasureTask(t, asked.reading, asked.measured) for t in self.trained.values()]

    def integers(self) -> list[IntegerTask]:
        """Take training losses of the integer networks."""
        subjects = self.subjects
        return [IntegerTask(task, subjects[task.member]) for task in self.shown]

    def surfaces(self) -> list[SurfaceTask]:
        """Take strips of the loss's surface around each shown network."""
        points = self.request.landscape
        strips = [tuple(range(points))[start : start + _ROWS] for start in range(0, points, _ROWS)]
        return [
            SurfaceTask(task, points, rows, self.request.measured)
            for task in self.shown
            for rows in strips
        ]

    def conditions(self) -> list[Condition]:
        """Shown networks, float and integer, at all levels."""
        asked = StudyRequest(
            data=self.data,
            perturb=self.request.perturb,
            models=("fp32", "int8"),
            limit=self.request.test_images,
            seed=self.request.seed,
        )
        return conditions(asked, list(self.subjects.values()))

    def simulated(self, found: Sequence[Condition]) -> list[int]:
        """Return which conditions are simulated: of each network the first, a middle, the last."""
        if not self.request.rtl_images:
            return []
        by_name: dict[str, list[int]] = {}
        for index, condition in enumerate(found):
            by_name.setdefault(condition.subject.name, []).append(index)
        return sorted(
            {
                indices[step * (len(indices) - 1) // (_RTL_LEVELS - 1)]
                for indices in by_name.values()
                for step in range(_RTL_LEVELS)
            }
        )

    def done(self, task: Task) -> bool:
        """Whether a task's result is there, and the weights that later tasks read."""
        path = part_path(self.parts, task)
        return task.trained.weights.is_file() and read_part(path) is not None

    def jobs(self) -> Iterator[Jobs]:
        """Count all tasks, in the order in which they run."""
        found = self.conditions()
        chunks = [unit for condition in found for unit in condition.tasks]
        folder = self.parts / "levels"
        stored = sum(
            unit.subject.weights.is_file() and study_parts.part_path(folder, unit).is_file()
            for unit in chunks
        )
        yield self._counted("networks trained", self.gaps())
        yield Jobs("chunks of corrupted images", len(chunks), stored)
        yield self._counted("networks measured", self.measures())
        yield self._counted("integer networks", self.integers())
        yield self._counted("strips of landscape", self.surfaces())
        yield Jobs("levels in RTL", len(self.simulated(found)), 0)

    def _counted(self, what: str, tasks: Sequence[Task]) -> Jobs:
        return Jobs(what, len(tasks), sum(map(self.done, tasks)))
