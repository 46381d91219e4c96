"""One network at several widths of weights: differences by image, tables, plots, text."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from study_samples import random_sample
from test_outputs import INFO, Page

from maccord.study import figures_widths
from maccord.study.bootstrap import Resamples, interval
from maccord.study.measure import measure_all
from maccord.study.outputs import write_outputs
from maccord.study.rows import ALL, Row
from maccord.study.samples import Sample
from maccord.study.tables import Results
from maccord.study.widths import (
    MINUS_FLOAT,
    MINUS_PTQ8,
    compare_widths,
    families,
    sentences,
    width_tables,
)

NETWORKS = ("resnet18", "resnet18-w8", "resnet18-w4", "resnet18-w2")
LEVELS = (("clean", 0.0), ("awgn", 0.4), ("awgn", 1.0))


def samples(*networks: str, models: tuple[str, ...] = ("fp32", "int8")) -> list[Sample]:
    """The same labels in all networks; other logits in each."""
    found = []
    for shift, network in enumerate(networks):
        for name, level in LEVELS:
            one = random_sample(1, perturbation=name, level=level, images=50, models=models)
            logits = {m: np.roll(v, shift, axis=0) if shift else v for m, v in one.logits.items()}
            some = np.arange(50) % 5 == 0  # the others are decided as in the first network
            logits = {m: np.where(some[:, None], v, one.logits[m]) for m, v in logits.items()}
            found.append(replace(one, network=network, logits=logits))
    return found


def right(sample: Sample, model: str) -> np.ndarray:
    return (sample.logits[model].argmax(1) == sample.labels).astype(int)


def test_families() -> None:
    found = families([*NETWORKS[::-1], "vgg16", "nin-w2"], ["int8", "fp32", "live"])
    assert list(found) == ["resnet18"]
    variants = [(v.network, v.model, v.title) for v in found["resnet18"]]
    assert variants == [
        *(("resnet18", "fp32", "FP32"), ("resnet18", "int8", "PTQ 8")),
        *((f"resnet18-w{bits}", "int8", f"QAT {bits}") for bits in (8, 4, 2)),
    ]
    assert families(["resnet18-w8", "resnet18-w2"], ["int8"])["resnet18"][0].title == "QAT 8"
    assert families(["resnet18", "resnet18-w2"], ["live"]) == {}
    learned = families(["nin-w4a8", "nin-w8", "nin-w4"], ["int8"])["nin"]
    assert [v.title for v in learned] == ["QAT 8", "QAT 4", "QAT 4 A8"]


def test_differences_are_those_of_each_image() -> None:
    """Figures by hand from the logits; intervals as if all variants were resampled at once."""
    all_ = samples(*NETWORKS[:3])
    rows = list(compare_widths(all_, resamples=100))
    at = {(s.network, s.perturbation, s.level): s for s in all_}
    assert len(rows) == 2 * 2 * (len(LEVELS) + 1)
    for row in rows:
        other = "int8" if row.metric == MINUS_PTQ8 else "fp32"
        levels = LEVELS if row.perturbation == ALL else [(row.perturbation, row.level)]
        gains = [
            right(at[row.network, *level], "int8") - right(at["resnet18", *level], other)
            for level in levels
        ]
        assert row.value == pytest.approx(np.mean(gains), abs=1e-12)
        if row.perturbation != ALL:
            draws = Resamples(50, f"resnet18 {row.perturbation}:{row.level:g}", count=100)
            ours, theirs = (
                draws.means(right(at[network, row.perturbation, row.level], model).astype(float))
                for network, model in ((row.network, "int8"), ("resnet18", other))
            )
            assert (row.low, row.high) == pytest.approx(interval(ours - theirs), abs=1e-12)
    assert {row.metric for row in rows} == {MINUS_PTQ8, MINUS_FLOAT}
    assert len({row.value for row in rows}) > 4


def test_intervals_are_paired() -> None:
    """Most images are decided alike: these contribute nothing to the interval."""
    all_ = samples("resnet18", "resnet18-w4")
    rows = measure_all(all_, resamples=1000) + list(compare_widths(all_))
    results = Results(rows)
    at = ("awgn", 1.0)
    paired = results.row("resnet18-w4", "int8", *at, MINUS_PTQ8)
    ours, theirs = (results.row(n, "int8", *at, "top1") for n in ("resnet18-w4", "resnet18"))
    assert paired
    assert ours
    assert theirs
    unpaired = np.hypot(ours.high - ours.low, theirs.high - theirs.low)
    assert 0 < paired.high - paired.low < 0.9 * unpaired
    same = [replace(sample, network="resnet18-w4") for sample in all_[: len(LEVELS)]]
    ends = {(r.value, r.low, r.high) for r in compare_widths([*all_[: len(LEVELS)], *same])
            if r.metric == MINUS_PTQ8}  # fmt: skip
    assert ends == {(0.0, 0.0, 0.0)}


def test_other_images_are_not_compared() -> None:
    all_ = samples("resnet18", "resnet18-w4")
    other = replace(all_[-1], labels=np.roll(all_[-1].labels, 1))
    rows = list(compare_widths([*all_[:-1], other]))
    assert {(row.perturbation, row.level) for row in rows} == {*LEVELS[:-1], (ALL, 0.0)}


def test_table_plot_and_text(tmp_path: Path) -> None:
    all_ = samples(*NETWORKS)
    rows = measure_all(all_, resamples=20) + list(compare_widths(all_, resamples=20))
    (table,) = width_tables(Results(rows))
    titles = ["FP32", "PTQ 8", "QAT 8", "QAT 4", "QAT 2"]
    titles += ["QAT 8 - PTQ 8", "QAT 4 - PTQ 8", "QAT 2 - PTQ 8"]
    assert [column.title for column in table.columns] == titles
    assert [label for label, _ in table.rows] == [
        "clean images",
        "AWGN 0.4",
        "AWGN 1",
        "all levels",
    ]
    for label, entries in table.rows:
        assert all(entries), label
        values = [entry.value for entry in entries if entry]
        np.testing.assert_allclose(np.subtract(values[2:5], values[1]), values[5:], atol=1e-12)
    text = write_outputs(tmp_path, replace(INFO, rtl=()), rows).read_text()
    Page(text)
    assert text.index('<section id="claim">') < text.index('<section id="widths">')
    assert "Table W1: Top-1 accuracy by width of weights, ResNet-18" in text
    for sentence in sentences(Results(rows)):
        assert sentence in text
    for name in ("figures/widths_resnet18.png", "tables/table_W1.csv", "tables/table_W1.png"):
        assert (tmp_path / name).stat().st_size > 0
    lines = (tmp_path / "tables/table_W1.csv").read_text().splitlines()
    assert lines[0].startswith("level,FP32,FP32 low,FP32 high,PTQ 8,")
    assert len(lines) == 1 + len(table.rows)
    write_outputs(tmp_path, replace(INFO, rtl=()), [r for r in rows if r.network == "resnet18"])
    assert not (tmp_path / "figures/widths_resnet18.png").exists()
    assert not (tmp_path / "tables/table_W1.csv").exists()


def test_sentences_count_levels_whose_interval_leaves_0_out() -> None:
    def row(perturbation: str, level: float, low: float, high: float) -> Row:
        ends = (MINUS_PTQ8, (low + high) / 2, low, high)
        return Row("nin-w2", "int8", perturbation, level, *ends)

    base = Row("nin", "int8", "clean", 0.0, "top1", 1.0, 1.0, 1.0)
    rows = [base, row("clean", 0.0, -0.03, -0.01), row("awgn", 0.1, -0.01, 0.02)]
    rows += [row("awgn", 0.2, 0.01, 0.02), row("awgn", 0.3, 0.0, 0.02), row(ALL, 0.0, -0.1, 0.1)]
    (text,) = sentences(Results(rows))
    assert text == (
        "nin, QAT 2 against PTQ 8, top-1 over all levels: 0 points [-10.00, +10.00]; "
        "of 4 levels, above at 1, below at 1"
    )


def test_without_ptq_there_are_accuracies_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures_widths, "png", lambda figure: f"{len(figure.axes)}".encode())
    rows = measure_all(samples("resnet18-w8", "resnet18-w2a8"), resamples=5)
    results = Results(rows)
    (table,) = width_tables(results)
    assert [column.title for column in table.columns] == ["QAT 8", "QAT 2 A8"]
    assert sentences(results) == []
    assert figures_widths.width_plots(results) == {"resnet18": b"1"}
