"""All figures of a run as rows, from the results of its tasks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ..nets.corruptions.tables import KINDS
from ..study.bootstrap import Resamples, interval
from ..study.samples import Sample
from .correlation import correlation
from .gap import Losses, gap, losses_of_logits
from .measures import MEASURES, normalized
from .pool import Member, precision
from .rows import POOL, Row

__all__ = ["CORRELATED", "CORRUPTED", "WITHIN", "Answers", "evaluate"]

CORRUPTED = "corrupted"
WITHIN = "within"  # the precision of correlations within settings
CORRELATED = (*MEASURES, "l2", "l2-distance")

Arrays = Mapping[str, npt.NDArray]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Answers:
    """Results of all tasks.

    Parameters
    ----------
    gaps, measured : dict of Member to arrays
        Of `work.GapTask` and `work.MeasureTask`.
    samples : dict of Member to list of Sample
        Logits of the shown networks (``fp32``, ``int8``) at each level, the clean one first.
    integer : dict of Member to arrays
        Of `work.IntegerTask`, of the shown networks.
    seed : int
    """

    gaps: Mapping[Member, Arrays]
    measured: Mapping[Member, Arrays]
    samples: Mapping[Member, Sequence[Sample]]
    integer: Mapping[Member, Arrays]
    seed: int

    @cached_property
    def settings(self) -> list[str]:
        """Settings of the pool, in order."""
        return list(dict.fromkeys(member.setting for member in self.gaps))

    @cached_property
    def precisions(self) -> list[str]:
        """Precisions, in order."""
        return list(dict.fromkeys(precision(member.bits) for member in self.gaps))

    def resamples(self, name: str, count: int) -> Resamples:
        """Return resamples of images or settings; paired figures share them."""
        return Resamples(count, name, seed=self.seed)


def evaluate(answers: Answers) -> list[Row]:
    """Return all rows: of each network, of the pool, of correlations, of corruptions."""
    single = list(_members(answers))
    found = [*single, *_pool(answers, single)]
    found += _correlations(answers, single)
    return [*found, *_corrupted(answers)]


def _members(answers: Answers) -> Iterator[Row]:
    """Figures of each network on clean data, with intervals over images."""
    kept: dict[tuple[str, int], Resamples] = {}
    for member, part in answers.gaps.items():
        draws = {}
        for name in ("train", "test"):
            key = name, len(part[f"{name}_loss"])
            kept.setdefault(key, answers.resamples(*key))
            draws[name] = kept[key].means(part[f"{name}_loss"])
            right = part[f"{name}_right"]
            place = member.setting, precision(member.bits), "clean"
            shares = interval(kept[key].shares(right))
            yield Row(*place, f"{name}_accuracy", float(right.mean()), *shares)
            loss = float(part[f"{name}_loss"].mean())
            yield Row(*place, f"{name}_loss", loss, *interval(draws[name]))
        ends = interval(draws["test"] - draws["train"])
        train, test = (Losses(part[f"{n}_loss"], part[f"{n}_right"]) for n in ("train", "test"))
        yield Row(*place, "gap", gap(train, test), *ends)
        for layer, width in zip(part["layers"], part["bin_widths"], strict=True):
            yield Row(*place, f"bin_width:{layer}", float(width))
        if member in answers.measured:
            yield from _measures(answers, member)


def _measures(answers: Answers, member: Member) -> Iterator[Row]:
    part = answers.measured[member]
    values = dict(zip(map(str, part["names"]), map(float, part["values"]), strict=True))
    images = len(answers.gaps[member]["train_loss"])
    for name, value in normalized(values, images).items():
        yield Row(member.setting, precision(member.bits), "clean", name, value)


def _pool(answers: Answers, single: Sequence[Row]) -> Iterator[Row]:
    """Means over the pool, and their differences to FP32, paired by setting."""
    by = {(r.setting, r.precision, r.metric): r.value for r in single}
    draws = answers.resamples(POOL, len(answers.settings))
    metrics = [m for m in dict.fromkeys(r.metric for r in single) if ":" not in m]
    first = answers.precisions[0]
    for bits in answers.precisions:
        for metric in metrics:
            values = np.array([by[setting, bits, metric] for setting in answers.settings])
            yield Row(
                POOL, bits, "clean", metric, float(values.mean()), *interval(draws.means(values))
            )
            if bits != first:
                base = np.array([by[setting, first, metric] for setting in answers.settings])
                change = values - base
                ends = interval(draws.means(change))
                yield Row(POOL, bits, "clean", f"{metric}-fp32", float(change.mean()), *ends)


def _correlations(answers: Answers, single: Sequence[Row]) -> Iterator[Row]:
    """Rank correlations of each measure with the gap: in each precision, over all, in settings.

    Settings are resampled, with their networks of all precisions. Over all networks a correlation
    may be one with their size; within a setting it is what changes with precision.
    """
    by = {(r.setting, r.precision, r.metric): r.value for r in single}
    groups = {bits: (bits,) for bits in answers.precisions} | {"all": tuple(answers.precisions)}
    groups[WITHIN] = groups["all"]
    for group, members in groups.items():
        keys = [(setting, bits) for setting in answers.settings for bits in members]
        gaps = np.array([by[(*key, "gap")] for key in keys])
        names = [setting for setting, _ in keys]
        for measure in CORRELATED:
            if (*keys[0], measure) not in by:
                continue
            values = np.array([by[(*key, measure)] for key in keys])
            for method in ("kendall", "spearman"):
                if group == WITHIN and method == "spearman":
                    continue
                how = WITHIN if group == WITHIN else method
                found = correlation(
                    *(values, gaps, how), name=group, groups=names, seed=answers.seed
                )
                numbers = found.value, found.low, found.high
                yield Row(POOL, group, "clean", f"{method}:{measure}", *numbers)


class _Level:
    """Test losses at one level, with their resamples."""

    def __init__(self, sample: Sample, draws: Resamples) -> None:
        perturbed = sample.perturbation != "clean"
        self.name = f"{sample.perturbation}:{sample.level:g}" if perturbed else "clean"
        self.kind = sample.perturbation
        self.losses = {
            model: losses_of_logits(logits, sample.labels)
            for model, logits in sample.logits.items()
        }
        self.draws = {model: draws.means(found.loss) for model, found in self.losses.items()}


def _corrupted(answers: Answers) -> Iterator[Row]:
    """Gaps of the shown networks at each level: float and integer, against FP32 and each other.

    A gap is the loss on the corrupted test images minus that on the clean training images; its
    resamples are of both.
    """
    base: dict[str, tuple[float, Floats]] = {}
    for member, samples in answers.samples.items():
        test = answers.resamples("test", len(samples[0].labels))
        train = {
            model: Losses(part[member]["train_loss"], part[member]["train_right"])
            for model, part in (("fp32", answers.gaps), ("int8", answers.integer))
        }
        resamples = answers.resamples("train", len(train["fp32"].loss))
        drawn = {model: resamples.means(found.loss) for model, found in train.items()}
        place = member.setting, precision(member.bits)
        sums: dict[str, list[tuple[float, Floats]]] = {"float": [], "integer": []}
        for sample in samples:
            level = _Level(sample, test)
            both = {}
            for model, name in (("fp32", "float"), ("int8", "integer")):
                value = gap(train[model], level.losses[model])
                both[name] = value, level.draws[model] - drawn[model]
                if level.kind in KINDS:
                    sums[name].append(both[name])
                right = float(level.losses[model].right.mean())
                yield Row(*place, level.name, f"{name}_accuracy", right)
            yield from _compared(place, level.name, both, base)
        if sums["float"]:
            both = {name: _mean(listed) for name, listed in sums.items()}
            yield from _compared(place, CORRUPTED, both, base)


def _mean(listed: Sequence[tuple[float, Floats]]) -> tuple[float, Floats]:
    values, draws = zip(*listed, strict=True)
    return float(np.mean(values)), np.mean(draws, axis=0)


def _compared(
    place: tuple[str, str],
    level: str,
    both: Mapping[str, tuple[float, Floats]],
    base: dict[str, tuple[float, Floats]],
) -> Iterator[Row]:
    """Both networks' gaps at a level; against the first precision's, kept in `base`."""
    for name, (value, draws) in both.items():
        yield Row(*place, level, f"{name}_gap", value, *interval(draws))
    value, draws = both["integer"][0] - both["float"][0], both["integer"][1] - both["float"][1]
    yield Row(*place, level, "integer_gap-float", value, *interval(draws))
    if level not in base:
        base[level] = both["float"]
        return
    value, draws = both["float"][0] - base[level][0], both["float"][1] - base[level][1]
    yield Row(*place, level, "float_gap-fp32", value, *interval(draws))
