"""Rows from the results of tasks: which losses a gap is of, and what is paired with what."""

import numpy as np
import pytest

from maccord.generalize import evaluate as evaluating
from maccord.generalize.evaluate import CORRUPTED, Answers
from maccord.generalize.gap import losses_of_logits
from maccord.generalize.measures import MEASURES
from maccord.generalize.pool import members, precision
from maccord.generalize.rows import POOL, Rows
from maccord.study.samples import Sample

POOLED = members("small", "digits", (32, 2))
SHOWN = POOLED[:2]
LEVELS = (("clean", 0.0), ("fog", 1.0), ("fog", 5.0), ("fgsm", 0.05))


def answers():
    """Random losses; measure i of a network is its gap, up to a sign that depends on i."""
    rng = np.random.default_rng(0)
    labels = np.arange(30) % 4
    gaps, measured = {}, {}
    for member in POOLED:
        part = {"layers": np.array([], str), "bin_widths": np.array([])}
        for name, count, scale in (("train", 20, 0.3), ("test", 30, 1.0)):
            part[f"{name}_loss"] = rng.random(count) * scale
            part[f"{name}_right"] = rng.random(count) < 0.7
        gaps[member] = part
        gap = part["test_loss"].mean() - part["train_loss"].mean()
        signs = [1 if place % 2 == 0 else -1 for place in range(len(MEASURES))]
        measured[member] = {
            "names": np.array(MEASURES),
            "values": np.array([sign * gap for sign in signs]),
        }
    samples = {
        member: [
            Sample(
                network="nin",
                perturbation=kind,
                level=level,
                labels=labels,
                logits={name: rng.normal(size=(30, 4)).astype("f4") for name in ("fp32", "int8")},
                scale=None,
                zero_point=0,
                differing=None,
                codes=0,
            )
            for kind, level in LEVELS
        ]
        for member in SHOWN
    }
    integer = {
        member: {"train_loss": rng.random(20), "train_right": rng.random(20) < 0.5}
        for member in SHOWN
    }
    return Answers(gaps, measured, samples, integer, 0)


def test_rows_are_of_the_right_losses() -> None:
    given = answers()
    rows = Rows(evaluating.evaluate(given))
    values = {}
    for member in POOLED:
        place = member.setting, precision(member.bits), "clean"
        part = given.gaps[member]
        values[place[:2]] = part["test_loss"].mean() - part["train_loss"].mean()
        row = rows.get(*place, "gap")
        assert row.value == pytest.approx(values[place[:2]])
        assert row.low < row.value < row.high
    change = [values[s, "W2"] - values[s, "FP32"] for s in given.settings]
    assert rows.get(POOL, "W2", "clean", "gap-fp32").value == pytest.approx(np.mean(change))
    for place, name in enumerate(MEASURES):
        row = rows.get(POOL, "all", "clean", f"kendall:{name}")
        assert row.value == pytest.approx(1 if place % 2 == 0 else -1)


def test_corrupted_gaps_are_against_clean_training_losses() -> None:
    given = answers()
    rows = Rows(evaluating.evaluate(given))
    means = {}
    for member in SHOWN:
        place = member.setting, precision(member.bits)
        base = given.gaps[member]["train_loss"].mean(), given.integer[member]["train_loss"].mean()
        for sample in given.samples[member]:
            name = "clean" if sample.level == 0 else f"{sample.perturbation}:{sample.level:g}"
            for model, metric, train in zip(
                ("fp32", "int8"), ("float_gap", "integer_gap"), base, strict=True
            ):
                loss = losses_of_logits(sample.logits[model], sample.labels).loss.mean()
                means[(*place, name, metric)] = loss - train
        for metric in ("float_gap", "integer_gap"):
            fogs = [means[(*place, name, metric)] for name in ("fog:1", "fog:5")]
            means[(*place, CORRUPTED, metric)] = np.mean(fogs)  # not the attack
    for key, value in means.items():
        assert rows.get(*key).value == pytest.approx(value), key
    setting = SHOWN[0].setting
    for level in ("clean", "fog:5", "fgsm:0.05", CORRUPTED):
        both = [means[setting, bits, level, "float_gap"] for bits in ("W2", "FP32")]
        row = rows.get(setting, "W2", level, "float_gap-fp32")
        assert row.value == pytest.approx(both[0] - both[1])
        assert rows.get(setting, "FP32", level, "float_gap-fp32") is None
        own = [means[setting, "W2", level, name] for name in ("integer_gap", "float_gap")]
        row = rows.get(setting, "W2", level, "integer_gap-float")
        assert row.value == pytest.approx(own[0] - own[1])
