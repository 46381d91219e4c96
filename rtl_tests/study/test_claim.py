"""The claim's words: each follows from the figures, and turns with them."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from study_samples import TENSORS, random_differences, random_sample

from maccord.study import words
from maccord.study.claim import Claim, Facts, claim
from maccord.study.claim_levels import level_lines
from maccord.study.differences import TensorDifference
from maccord.study.measure import measure_all
from maccord.study.rows import MODELS, Row
from maccord.study.samples import Sample
from maccord.study.tables import Results

IMAGES = 200


def levels(parting: float, models: tuple[str, ...] = MODELS) -> list[Sample]:
    return [
        random_sample(
            *(5,), perturbation=name, level=level, images=IMAGES, models=models, parting=parting
        )
        for name, level in (("clean", 0.0), ("awgn", 0.4), ("awgn", 1.0), ("vertical", 3.0))
    ]


def only(facts: tuple[Facts, ...]) -> str:
    """The table's only column, as text."""
    (column,) = facts
    return str(column)


def nowhere(lines: list[TensorDifference]) -> list[TensorDifference]:
    return [replace(d, differing=0, images_parting_here=0, largest=0) for d in lines]


def said(samples: list[Sample], *, part: bool = True) -> tuple[Claim, list[Row]]:
    lines = [line for sample in samples for line in random_differences(5, sample)]
    lines = lines if part else nowhere(lines)
    rows = measure_all(samples, lines, resamples=100)
    return claim(rows, lines, IMAGES), rows


def test_equal_models_hold_exactly() -> None:
    found, _ = said(levels(0), part=False)
    assert found.verdict.startswith("It holds exactly: 0 of 800 decisions differ, and not one act")
    text = only(found.hardware)
    assert "decisions that differ: none of 800;" in text
    assert "first tensor that differs: none" in text
    assert f"above {words.of_images(IMAGES)} is excluded" in text and "1.49 %" in text
    assert "top-1 accuracy, INT8 against fake: the same" in text


def test_equal_decisions_of_other_values_are_told_apart() -> None:
    found, _ = said(levels(0))
    assert found.verdict.startswith("It holds for every decision, but not for every value")
    bare = [replace(sample, differing=None) for sample in levels(0)]
    alone = claim(measure_all(bare, resamples=10), [], IMAGES)
    assert alone.verdict.startswith("It holds as far as logits show")
    assert alone.missing[0].startswith("Activations were not compared")


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        (1, "It holds roughly"),
        (4, "It holds only loosely"),
        (60, "It does not hold: one decision in twenty"),
    ],
)
def test_decisions_that_differ_are_counted(changed: int, verdict: str) -> None:
    samples = levels(0)
    other = samples[1].logits["frozen"].copy()
    other[:changed] = np.roll(other[:changed], 1, axis=1)
    samples[1] = replace(samples[1], logits={**samples[1].logits, "frozen": other})
    found, rows = said([samples[1], samples[2]])
    share = changed / 400
    assert found.verdict.startswith(verdict)
    assert f"{changed} of 400 decisions differ ({words.percent(share)}, one in" in found.verdict
    text = only(found.hardware)
    worst = next(
        r for r in rows if (r.model, r.metric, r.level) == ("frozen", "decided_differently", 0.4)
    )
    assert f"most differ at: AWGN 0.4: {words.amount(worst)}" in text


def bounded(high: float) -> str:
    """The verdict of a share whose interval ends there."""
    rows = [
        Row("n", "frozen", "awgn", 0.1, "decided_differently", high / 2, 0, high),
        Row("n", "frozen", "all", 0.0, "decided_differently", high / 2, 0, high),
    ]
    return claim(rows, [], 100_000).verdict


def test_the_verdict_goes_by_the_upper_end() -> None:
    assert "nearly" in bounded(0.0009) and "fewer than one in a thousand" in bounded(0.0009)
    assert "roughly" in bounded(0.0011) and "roughly" in bounded(0.0099)
    assert "only loosely" in bounded(0.011) and "does not hold" in bounded(0.051)
    assert "does not hold" in bounded(1.0)


def test_the_verdict_goes_by_the_worst_network() -> None:
    rows = [
        Row(network, "frozen", "awgn", 0.1, "decided_differently", high / 2, 0, high)
        for network, high in (("a", 0.0005), ("b", 0.009), ("c", 0.001))
    ]
    verdict = claim(rows, [], 100_000).verdict
    assert "It holds roughly" in verdict and "(by the upper end of b's interval)" in verdict


def test_where_most_part_first_is_named() -> None:
    samples = levels(0.03)
    lines = [line for sample in samples for line in random_differences(5, sample)]
    found, rows = said(samples)
    counts = {
        tensor: sum(d.images_parting_here for d in lines if d.tensor == tensor)
        for tensor in TENSORS
    }
    first = max(counts, key=lambda tensor: counts[tensor])
    share = words.percent(counts[first] / sum(counts.values()))
    assert f": {first}, in {share} of the images that part;" in only(found.hardware)
    for line in level_lines(Results(rows)):
        own = [d for d in lines if words.place(d.perturbation, d.level) == line.place]
        most = max(own, key=lambda d: d.images_parting_here)
        assert line.first[:2] == (most.tensor, words.percent(most.images_parting_here / IMAGES))
    seldom = [replace(d, images_parting_here=int(d.tensor == "fc")) for d in lines]
    for line in level_lines(Results(measure_all(samples, seldom, resamples=5))):
        assert line.first[:2] == ("fc", words.percent(1 / IMAGES))


def with_losses(live: float, clamped: float) -> str:
    """What is said of frozen scales that lose `live`, while clamping FP32 loses `clamped`."""
    at = ("awgn", 0.6)
    wide = 0.02
    rows = [
        Row("vgg16", model, *at, metric, value, value - wide, value + wide)
        for model, metric, value in (
            ("frozen", "top1_minus_live", live),
            ("fp32-clamped", "top1_minus_fp32", clamped),
            ("frozen", "top1", 0.217),
            ("live", "top1", 0.91),
        )
    ]
    return only(claim(rows, [], 100).observers)


def test_what_freezing_costs_and_why() -> None:
    text = with_losses(-0.70, -0.69)
    assert "top-1 lower: at 1 of 1 levels; freezing makes top-1 higher: at 0 of 1 levels" in text
    assert "most is lost: -70.00 points [-72.00, -68.00] at AWGN 0.6;" in text
    assert "top-1 where most is lost: live 91.00 %, frozen 21.70 %" in text
    alone = "clamping alone where most is lost: -69.00 points [-71.00, -67.00]"
    assert f"{alone}: nearly all of that change" in text
    assert "most of that change" in with_losses(-0.70, -0.40)
    assert ": part of that change" in with_losses(-0.70, -0.10)
    for clamped in (-0.01, 0.1):
        assert "none that can be told of that change" in with_losses(-0.70, clamped)
    gained = with_losses(0.3, 0.2)
    assert "higher: at 1 of 1" in gained and "most is gained: +30.00" in gained
    assert "most of that change" in gained and "lost" not in gained
    neither = with_losses(-0.01, 0)
    assert "lower: at 0 of 1" in neither and "higher: at 0 of 1" in neither
    assert "most is" not in neither


def test_the_extremes_are_named() -> None:
    changes = {0.1: -0.2, 0.2: -0.4, 0.3: 0.1, 0.4: 0.3, 0.5: 0.2}
    rows = [
        Row("n", "frozen", "awgn", at, "top1_minus_live", value, value - 0.05, value + 0.05)
        for at, value in changes.items()
    ]
    text = only(claim(rows, [], 100).observers)
    assert "lower: at 2 of 5 levels" in text and "higher: at 3 of 5 levels" in text
    assert re.search(r"lost: -40.00 points \[.*?\] at AWGN 0.2;", text)
    assert re.search(r"gained: \+30.00 points \[.*?\] at AWGN 0.4;", text)


@pytest.mark.parametrize("models", [("fp32",), ("int8", "live"), ("fp32", "frozen"), ()])
def test_what_was_not_run_is_said(models: tuple[str, ...]) -> None:
    samples = levels(0.03, models)[1:] if models else []
    rows = measure_all(samples, resamples=10)
    found = claim(rows, [], IMAGES)
    assert found.verdict.startswith("Nothing can be said of the claim") and not found.hardware
    absent = ", ".join(model for model in MODELS if model not in models)
    assert found.missing[0] == f"Not run, and left out of all figures: {absent}."
    assert ("Clean images were not run." in found.missing) == bool(models)
    assert bool(found.observers) == (models == ("int8", "live"))


def test_every_number_of_the_text_is_a_figure_of_the_rows() -> None:
    found, rows = said(levels(0.05))
    known = {words.percent(x) for r in rows for x in (r.value, r.low, r.high)}
    known |= {f"{100 * x:+.2f}" for r in rows for x in (r.value, r.low, r.high)}
    known = {text.removesuffix(" %") for text in known}
    for text in map(str, (*found.hardware, *found.observers)):
        brackets = re.findall(r"\[(.*?)\]", text)
        assert brackets
        for bracket in brackets:
            assert set(bracket.split(", ")) <= known, bracket


def test_an_effect_on_accuracy_is_told_from_none() -> None:
    share = Row("n", "frozen", "awgn", 0.1, "decided_differently", 0.02, 0.01, 0.03)
    for low, high, text in (
        (-0.01, 0.005, "INT8 against fake: -0.20 points [-1.00, +0.50];"),
        (-0.01, 0.005, "; the interval contains 0: no effect"),
        (-0.01, -0.001, "[-1.00, -0.10]; the interval leaves 0 out"),
    ):
        whole = Row("n", "int8", "all", 0.0, "top1_minus_frozen", -0.002, low, high)
        assert text in only(claim([share, whole], [], 100).hardware)
