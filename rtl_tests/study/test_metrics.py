"""Figures against scikit-learn, SciPy and hand-made cases; rows and files that hold them."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import entropy
from sklearn.metrics import accuracy_score, f1_score, top_k_accuracy_score
from study_samples import SCALE, ZERO_POINT, random_differences, random_grid, random_sample

from maccord.study.differences import read_differences, write_differences
from maccord.study.measure import FAKE, measure, measure_all
from maccord.study.metrics import bits_that_differ, codes, decisions, in_top, kl
from maccord.study.rows import ALL, MODELS, Row, read_rows, write_rows
from maccord.study.samples import Sample, read_sample, read_samples, write_sample


def by_name(rows: list[Row]) -> dict[tuple[str, str], Row]:
    found = {(row.model, row.metric): row for row in rows}
    assert len(found) == len(rows)
    return found


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("classes", [2, 4, 5, 6, 30])
def test_values_equal_the_libraries(seed: int, classes: int) -> None:
    sample = random_sample(seed, classes=classes, level=0.8)
    found = by_name(measure(sample, resamples=20))
    reference = sample.logits["fp32"].astype(np.float64)
    for model in MODELS:
        logits = sample.logits[model]
        decided = decisions(logits)
        value = {metric: row.value for (name, metric), row in found.items() if name == model}
        assert value["top1"] == accuracy_score(sample.labels, decided)
        for average in ("weighted", "macro"):
            expected = f1_score(sample.labels, decided, average=average)
            assert value[f"f1_{average}"] == expected
        if model == "fp32":
            assert not {"kl", "flipped", "top1_minus_fp32"} & set(value)
            if classes > 5:  # without ties, which scikit-learn ranks the other way round
                names = range(classes)
                expected = top_k_accuracy_score(sample.labels, logits, k=5, labels=list(names))
                assert value["top5"] == pytest.approx(expected)
            continue
        other = logits.astype(np.float64)
        p, q = (np.exp(x) / np.exp(x).sum(axis=1, keepdims=True) for x in (reference, other))
        assert value["kl"] == pytest.approx(np.mean([entropy(a, b) for a, b in zip(p, q)]))  # noqa: B905
        assert value["flipped"] == np.mean(decided != decisions(sample.logits["fp32"]))
        assert value["top1_minus_fp32"] == pytest.approx(
            value["top1"] - found["fp32", "top1"].value
        )
    if classes <= 5:
        assert all(found[model, "top5"].value == 1 for model in MODELS)


def test_kl_is_of_fp32_from_the_other_in_nats() -> None:
    p, q = np.array([[0.7, 0.2, 0.1]]), np.array([[0.5, 0.4, 0.1]])
    expected = 0.7 * math.log(0.7 / 0.5) + 0.2 * math.log(0.2 / 0.4)
    logits = [np.log(x).astype(np.float32) for x in (p, q)]
    assert kl(*logits)[0] == pytest.approx(expected, rel=1e-5)
    assert kl(*reversed(logits))[0] != pytest.approx(expected, rel=0.05)


def test_of_equal_logits_the_first_ranks_first() -> None:
    logits = np.array([[1, 3, 3, 0, 3, 3, 3]] * 7, np.float32)
    labels = np.arange(7)
    assert in_top(labels, logits, 1).tolist() == (decisions(logits) == labels).tolist()
    assert np.flatnonzero(in_top(labels, logits, 1)).tolist() == [1]
    assert np.flatnonzero(in_top(labels, logits, 3)).tolist() == [1, 2, 4]
    assert np.flatnonzero(in_top(labels, logits, 6)).tolist() == [0, 1, 2, 4, 5, 6]


def test_codes_and_bits() -> None:
    ours = np.array([[0, 255, 110, 3]], np.uint8)
    theirs = np.array([[1, 255, 109, 3]], np.uint8)  # 110 ^ 109 is 3: two bits, one from 0 ^ 1
    for expected in (ours, theirs):
        logits = ((expected.astype(int) - ZERO_POINT) * SCALE).astype(np.float32)
        assert (codes(logits, SCALE, ZERO_POINT) == expected).all()
    assert bits_that_differ(ours, theirs).tolist() == [3 / 32]
    for wrong in (logits + SCALE / 3, logits - 2 * SCALE * ZERO_POINT):
        with pytest.raises(ValueError, match=r"must be whole multiples of 0.125 with codes in 0"):
            codes(wrong.astype(np.float32), SCALE, ZERO_POINT)


def test_fake_quantization_is_compared_with_the_hardware() -> None:
    labels = np.zeros(4, np.int64)
    hardware = np.array([[2, 1], [2, 1], [1, 2], [2, 2]], np.float32)
    frozen = np.array([[2, 1], [3, 1], [2, 1], [2, 2]], np.float32)
    logits = {"int8": hardware, "frozen": frozen, "live": hardware[::-1].copy()}
    sample = Sample("n", "awgn", 0.1, labels, logits, scale=1.0, zero_point=8)
    found = by_name(measure(sample))
    assert found["frozen", "decided_differently"].value == 1 / 4
    assert found["frozen", "logits_differ"].value == 2 / 4
    # 10 ^ 11, 9 ^ 10 and 10 ^ 9: 1 + 2 + 2 of 64 bits
    assert found["frozen", "logit_bits"].value == 5 / 64
    assert found["live", "decided_differently"].value == 2 / 4
    assert ("live", "logits_differ") not in found and ("int8", "decided_differently") not in found


def test_activations_and_parting() -> None:
    sample = random_sample(2)
    lines = random_differences(2, sample)
    found = by_name(measure(sample, lines))
    row = found["frozen", "activations_differ"]
    assert sample.differing is not None
    assert row.value == pytest.approx(sample.differing.sum() / (5000 * len(sample.labels)))
    assert row.low < row.value < row.high
    counts = {line.tensor: line.images_parting_here for line in lines if line.images_parting_here}
    counts[""] = len(sample.labels) - sum(counts.values())
    shares = {m.partition(":")[2]: r for (_, m), r in found.items() if m.startswith("parts_at:")}
    assert {name: row.value * 60 for name, row in shares.items()} == pytest.approx(counts)
    plain = by_name(measure(replace(sample, differing=None), lines))["frozen", "activations_differ"]
    assert plain.value == sum(d.differing for d in lines) / sum(d.codes for d in lines)
    assert math.isnan(plain.low) and math.isnan(plain.high)
    elsewhere = measure(replace(sample, differing=None, level=0.4), lines)
    assert not [r for r in elsewhere if "parts" in r.metric or "activations" in r.metric]


@pytest.mark.parametrize("seed", range(3))
def test_every_figure_has_an_interval_about_it(seed: int) -> None:
    sample = random_sample(seed)
    for row in measure(sample, random_differences(seed, sample)):
        assert row.low <= row.value <= row.high, row
        assert row.low < row.high or row.value in (0, 1), row


def test_order_does_not_matter() -> None:
    samples, lines = random_grid(1, ("a", "b"), images=20)
    samples = samples[::5]
    rows = measure_all(samples, lines, resamples=20)
    random.Random(5).shuffle(samples)
    random.Random(6).shuffle(lines)
    shuffled = measure_all(samples, lines, resamples=20)
    key = repr
    assert sorted(map(key, rows)) == sorted(map(key, shuffled))
    assert measure(samples[3], lines, resamples=20) == [
        row
        for row in shuffled
        if (row.network, row.perturbation, row.level)
        == (samples[3].network, samples[3].perturbation, samples[3].level)
    ]


def test_over_all_levels_images_keep_their_levels_together() -> None:
    samples, _ = random_grid(1, ("a",), images=40)
    rows = measure_all(samples, resamples=50)
    pooled = {(r.model, r.metric): r for r in rows if r.perturbation == ALL}
    for (model, metric), row in pooled.items():
        each = [r.value for r in rows if (r.model, r.metric) == (model, metric) and r is not row]
        assert len(each) == 27 and row.value == pytest.approx(np.mean(each))
    assert {m for m, metric in pooled if metric == "decided_differently"} == set(FAKE)
    other = replace(samples[1], labels=samples[1].labels[::-1].copy())
    assert not [r for r in measure_all([samples[0], other], resamples=5) if r.perturbation == ALL]


@pytest.mark.parametrize("models", [("fp32",), ("int8",), ("fp32", "int8"), ("live", "frozen")])
def test_models_that_are_missing_leave_out_their_figures(models: tuple[str, ...]) -> None:
    rows = measure(random_sample(1, models=models), resamples=5)
    assert {row.model for row in rows} == set(models)
    metrics = {row.metric for row in rows if row.model == models[-1]}
    assert ("kl" in metrics) == (models == ("fp32", "int8"))
    assert ("top1_minus_live" in metrics) == (models[-1] == "frozen")
    assert "decided_differently" not in metrics


def test_rows_come_back_as_they_went(tmp_path: Path) -> None:
    rows = measure(random_sample(4), resamples=20)
    rows.append(Row("n", "frozen", "clean", 0.0, "activations_differ", 0.1, math.nan, math.nan))
    path = tmp_path / "results.csv"
    write_rows(path, rows)
    first = path.read_bytes()
    assert first.startswith(
        b"network,model,perturbation,level,metric,value,low,high\nresnet18,fp32"
    )
    assert first.endswith(b"n,frozen,clean,0,activations_differ,0.1,,\n") and b"\r" not in first
    assert list(map(repr, read_rows(path))) == list(map(repr, rows))
    write_rows(path, measure(random_sample(4), resamples=20) + rows[-1:])
    assert path.read_bytes() == first
    path.write_text(first.decode().replace("0.1,,", "0.1,x,"))
    with pytest.raises(ValueError, match=r"results.csv, line \d+, must be a row of results, got"):
        read_rows(path)
    path.write_text("a,b\n")
    with pytest.raises(ValueError, match=r"must begin with network,model,.*, got \['a', 'b'\]"):
        read_rows(path)


def test_differences_come_back_as_they_went(tmp_path: Path) -> None:
    lines = random_differences(3, random_sample(3))
    path = tmp_path / "differences.csv"
    write_differences(path, lines)
    assert path.read_text().splitlines()[1].startswith("resnet18,awgn,0.3,0,conv1,60000,")
    assert read_differences(path) == lines
    with pytest.raises(ValueError, match="differing of fc must be between 0 and codes, 5, got 6"):
        replace(lines[-1], codes=5, differing=6)
    path.write_text(path.read_text() + "resnet18,awgn,0.3\n")
    with pytest.raises(ValueError, match="line 7, must be a tensor's"):
        read_differences(path)


def test_samples_come_back_as_they_went(tmp_path: Path) -> None:
    full = random_sample(3)
    bare = Sample("vgg16", "clean", 0.0, full.labels, {"fp32-clamped": full.logits["fp32"]})
    assert write_sample(tmp_path, full) == tmp_path / "resnet18" / "awgn_0.3.npz"
    path = write_sample(tmp_path, bare)
    assert path == tmp_path / "vgg16" / "clean_0.npz"
    with np.load(path) as file:
        assert sorted(file.files) == ["labels", "logits_fp32_clamped"]
    for sample, found in zip((full, bare), read_samples(tmp_path), strict=True):
        assert found.models == sample.models
        assert repr(measure(found, resamples=5)) == repr(measure(sample, resamples=5))
    first = path.read_bytes()
    write_sample(tmp_path, bare)
    assert path.read_bytes() == first
    path.write_bytes(first[:100])
    with pytest.raises(ValueError, match=r"clean_0.npz must be a file of logits"):
        read_sample(path)


def test_samples_that_do_not_fit_are_refused() -> None:
    good = random_sample(1, images=8, classes=3, models=("fp32", "int8"))
    logits = dict(good.logits)
    for change, text in (
        ({"logits": {}}, "models must be of fp32, .*, int8, got none"),
        ({"logits": {"fp16": logits["fp32"]}}, "models must be of .*, got fp16"),
        (
            {"logits": {"fp32": logits["fp32"][:, :1]}},
            r"\(8, 2 classes or more\), got \(8, 1",
        ),
        ({"logits": logits | {"int8": logits["int8"][:7]}}, r"got \(7, 3\), \(8, 3\)"),
        ({"logits": {"fp32": logits["fp32"] * np.nan}}, "logits of fp32 must be finite"),
        ({"labels": good.labels + 1}, "labels must be between 0 and 2, got 1 to 3"),
        ({"labels": good.labels - 1}, "labels must be between 0 and 2, got -1 to 1"),
        ({"codes": 0}, "differing must be one count for each of 8 images"),
    ):
        with pytest.raises(ValueError, match=f"resnet18, awgn 0.3: .*{text}"):
            replace(good, **change)  # type: ignore[arg-type]
