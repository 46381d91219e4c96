"""Tables of the thesis: what was printed, and the same tables of measured figures."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

import pytest
from study_samples import LEVELS, random_grid, random_sample

from maccord.study.measure import measure, measure_all
from maccord.study.published import SLIP, TABLES, THESIS_NETWORKS, largest_departure, published
from maccord.study.rows import Row
from maccord.study.tables import Results, Table, tables, write_table

SUMS = {  # of all values of each table, in the order of the numbers 4.1 (three lines) to 4.18
    "clean": (4.2585, 5.5191, 4.2516, 0.0402),
    "awgn": (14.7146, 25.4439, 14.1725, 3.5112),
    "brownian": (23.3319, 35.7886, 22.9655, 25.3624),
    "vertical": (7.6944, 15.8842, 7.1463, 0.4645),
    "horizontal": (13.3163, 22.6818, 13.5201, 0.000496406),
}


def all_printed(perturbation: str, metric: str) -> list[float]:
    found = [
        published(perturbation, level, metric, network, model)
        for level in LEVELS[perturbation]
        for network in THESIS_NETWORKS
        for model in ("fp32", "int8")
    ]
    return [value for value in found if value is not None]


def value(perturbation: str, level: float, metric: str, network: str, model: str) -> float:
    found = published(perturbation, level, metric, network, model)
    assert found is not None
    return found


def test_every_printed_value_is_there() -> None:
    for perturbation, levels in LEVELS.items():
        for metric in ("top1", "top5", "f1", "kl"):
            models = 1 if metric == "kl" else 2
            assert len(all_printed(perturbation, metric)) == 3 * models * len(levels)
            total = SUMS[perturbation][("top1", "top5", "f1", "kl").index(metric)]
            assert sum(all_printed(perturbation, metric)) == pytest.approx(total, abs=1e-12)


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (("clean", 0, "top1", "squeezenet1_1", "fp32"), 0.6268),
        (("clean", 0, "f1", "vgg16", "int8"), 0.7828),
        (("clean", 0, "kl", "resnet18", "int8"), 0.0082),
        (("awgn", 0.6, "top1", "resnet18", "int8"), 0.1038),
        (("awgn", 1.0, "f1", "vgg16", "fp32"), 0.0072),
        (("awgn", 0.4, "kl", "vgg16", "int8"), 0.3375),
        (("brownian", 20, "top1", "vgg16", "int8"), 0.7558),
        (("brownian", 80, "kl", "squeezenet1_1", "int8"), 2.3271),
        (("vertical", 3, "kl", "vgg16", "int8"), 0.0636),
        (("horizontal", 4, "top1", "squeezenet1_1", "int8"), 0.3483),
        (("horizontal", 6, "kl", "vgg16", "int8"), 1.9827e-05),
    ],
)
def test_printed_values(place: tuple[str, float, str, str, str], expected: float) -> None:
    assert published(*place) == expected


def test_the_texts_own_statements_hold_of_the_printed_values() -> None:
    drop = {
        (network, level): value("brownian", level, "top1", network, "fp32")
        - value("brownian", level, "top1", network, "int8")
        for network in THESIS_NETWORKS
        for level in LEVELS["brownian"]
    }
    assert max(drop, key=lambda key: drop[key]) == ("vgg16", 20)
    assert drop["vgg16", 20] == pytest.approx(0.0162)
    assert largest_departure() == pytest.approx(0.0168)  # SqueezeNet1.1, Brownian 70: INT8 better
    awgn = {level: value("awgn", level, "kl", "vgg16", "int8") for level in LEVELS["awgn"]}
    assert max(awgn, key=lambda level: awgn[level]) == 0.4
    # What table 4.18 would be without the slip is of the order of the other occlusion's
    low, high = min(all_printed("vertical", "kl")), max(all_printed("vertical", "kl"))
    undone = [value * SLIP for value in all_printed("horizontal", "kl")]
    assert low / 2 < min(undone) and max(undone) < 2 * high


@cache
def rows() -> tuple[Row, ...]:
    samples, lines = random_grid(3, images=30)
    return tuple(measure_all(samples, lines, resamples=20))


def test_tables_hold_the_figures_of_the_rows(tmp_path: Path) -> None:
    found = rows()
    made = {table.number: table for table in tables(found)}
    assert list(made) == ["4.1", "4.2", *TABLES]
    value = {(r.network, r.model, r.perturbation, r.level, r.metric): r for r in found}
    table = made["4.13"]  # F1, vertical
    assert [label for label, _ in table.rows] == ["2", "3", "4", "5", "6"]
    titles = ["FP32 weighted", "INT8 weighted", "live weighted"]
    assert [column.title for column in table.columns[:3]] == titles and len(table.columns) == 18
    for label, entries in table.rows:
        for column, entry in zip(table.columns, entries, strict=True):
            key = (column.network, column.model, "vertical", float(label), f"f1_{column.average}")
            assert entry and (entry.value, entry.low, entry.high) == (
                *(value[key].value, value[key].low, value[key].high),
            )
    path = write_table(tmp_path, made["4.3"])
    with path.open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert path.name == "table_4.3.csv" and [line["sigma"] for line in lines][-1] == "1"
    row = value["vgg16", "int8", "awgn", 0.4, "top1"]
    entries = [lines[3][f"VGG-16 INT8{end}"] for end in ("", " low", " high")]
    assert list(map(float, entries)) == [row.value, row.low, row.high]
    assert [label for label, _ in made["4.1"].rows][2:] == ["F1 score, weighted", "F1 score, macro"]
    assert [label for label, _ in made["4.2"].rows] == list(THESIS_NETWORKS.values())


def printed(table: Table) -> list[float]:
    pairs = [pair for _, entries in table.rows for pair in zip(table.columns, entries, strict=True)]
    return [entry.value for column, entry in pairs if column.printed and entry]


def test_printed_values_stand_beside_on_request_only() -> None:
    found = rows()
    assert not any(printed(table) for table in tables(found))
    for table in tables(found, compare=True):
        perturbation, metric = TABLES.get(table.number, ("clean", "kl"))
        expected = all_printed(perturbation, metric)
        if table.number == "4.1":
            expected = [v for name in ("top1", "top5", "f1") for v in all_printed("clean", name)]
        assert printed(table) == expected


def test_only_what_was_run_has_a_table() -> None:
    some = measure(random_sample(1, network="toy", models=("fp32", "int8")), resamples=5)
    made = tables(some, compare=True)
    assert [table.number for table in made] == ["4.3", "4.4", "4.5", "4.6"]
    assert [column.title for column in made[0].columns] == ["FP32", "INT8"]
    assert [label for label, _ in made[0].rows] == ["0.3"] and not printed(made[0])
    alone = tables(measure(random_sample(1, models=("fp32",)), resamples=5))
    assert [table.number for table in alone] == ["4.3", "4.4", "4.5"]
    assert not tables([])


def test_networks_and_levels_stand_in_the_thesiss_order() -> None:
    names = [("zoo", "horizontal", 3.0), ("vgg16", "other", 1.0), ("resnet18", "clean", 0.0)]
    names += [("zoo", "awgn", 0.2), ("zoo", "awgn", 0.1), ("zoo", "all", 0.0)]
    results = Results(Row(n, "fp32", p, level, "top1", 0.5, 0.4, 0.6) for n, p, level in names)
    assert results.networks == ["resnet18", "vgg16", "zoo"]
    assert [name for name, _ in results.places] == ["clean", "awgn", "awgn", "horizontal", "other"]
    assert results.levels("awgn") == [0.1, 0.2]


def test_literal_brownian_noise_stands_for_brownian_noise() -> None:
    row = Row("vgg16", "fp32", "brownian-literal", 10.0, "top1", 0.5, 0.4, 0.6)
    (table,) = tables([row])
    assert table.number == "4.7" and table.title.endswith("Brownian noise, literal reading")
