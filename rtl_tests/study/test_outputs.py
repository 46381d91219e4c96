"""The report: one page that needs nothing else, with all that was run and the rest named."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import re
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest
from readable_pages import check_readable, numbers_of_paragraphs
from result_schemas import validate
from study_samples import LEVELS, random_differences, random_sample

from maccord.study import figures_curves
from maccord.study.differences import TensorDifference
from maccord.study.figures_curves import FIGURES
from maccord.study.figures_images import Demonstration
from maccord.study.info import Deviation, Info, RtlSummary, read_info, write_info
from maccord.study.measure import measure_all
from maccord.study.outputs import page, pictures, write_outputs
from maccord.study.published import TABLES
from maccord.study.rows import MODELS, Row
from maccord.study.samples import Sample, read_sample, write_sample
from maccord.study.tables import Results

VOID = {"meta", "br", "img", "link", "hr", "input"}
INFO = Info(
    data="digits (test)",
    spec="digits",
    images=25,
    classes=tuple("abcdefghij"),
    size=32,
    calibration="64 images <of> training",
    networks={"resnet18": "width 16"},
    float_top1={"resnet18": 0.987},
    deviations=(Deviation("awgn", 0.4, 0.39728),),
    versions={"torch": "2.13.0"},
    rtl=(RtlSummary("resnet18", 3, 4, 4, 123_456),),
    command="maccord study --data digits",
)


class Page(HTMLParser):
    """Checks that every element is closed where it should be; keeps what it refers to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.names: set[str] = set()
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.names |= {value for name, value in attrs if name == "id" and value}
        self.links += [value for name, value in attrs if name in ("src", "href") and value]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def samples(*models: str) -> list[Sample]:
    return [
        random_sample(
            1, perturbation=name, level=level, images=25, models=models or MODELS, parting=0.1
        )
        for name, level in (("clean", 0.0), ("awgn", 0.4), ("awgn", 1.0), ("horizontal", 3.0))
    ]


@cache
def figures() -> tuple[list[Row], list[TensorDifference]]:
    lines = [line for sample in samples() for line in random_differences(1, sample)]
    return measure_all(samples(), lines, resamples=20), lines


def text_of(info: Info, rows: list[Row], lines: list[TensorDifference] | None = None) -> str:
    return page(info, rows, lines or [], [], None)


def test_one_page_needs_nothing_else(tmp_path: Path) -> None:
    rows, lines = figures()
    crop = Demonstration("clean", 0.0, random_sample(1).logits["fp32"][:5, :6].reshape(2, 5, 3))
    path = write_outputs(tmp_path, INFO, rows, lines, shown=[crop])
    text = path.read_text()
    found = Page(text)
    assert path == tmp_path / "report.html"
    assert not {"script", "link", "iframe", "object", "svg"} & set(found.tags)
    assert "@import" not in text and "url(" not in text
    inside = [link for link in found.links if link.startswith("#")]
    inlined = [link for link in found.links if link.startswith("data:image/png;base64,")]
    assert len(inside) + len(inlined) == len(found.links)
    assert {link[1:] for link in inside} <= found.names
    numbers = ["2.4", "4.1", "4.2", "4.3", "4.10", "4.11", "4.12"]
    files = [
        tmp_path / "figures" / name for name in ("claim.png", *map("figure_{}.png".format, numbers))
    ]
    assert sorted((tmp_path / "figures").iterdir()) == sorted(files)
    pictures_inside = [base64.b64decode(link.partition(",")[2]) for link in inlined]
    assert pictures_inside == [file.read_bytes() for file in files]
    made = ["4.1", "4.2", *(n for n, (p, _) in TABLES.items() if p in ("awgn", "horizontal"))]
    assert {file.name for file in (tmp_path / "tables").iterdir()} == {
        f"table_{number}.{kind}" for number in made for kind in ("csv", "png")
    }
    for number in made:
        assert f"<caption>Table {number}: " in text


def test_the_claim_comes_first_and_everything_is_said() -> None:
    text = text_of(INFO, *figures())
    places = [text.index(f'<section id="{name}">') for name in ("claim", "run", "tables", "how")]
    assert places == sorted(places)
    for part in (
        *("digits (test)", "64 images &lt;of&gt; training", "width 16", "98.70 %", "2.13.0"),
        *("maccord study --data digits", "0.3973", "3 images at each of 4 levels"),
        *("123,456 bytes: logits and all tensors equal the golden model&#39;s at all of them",),
        *("clamped to three standard deviations", "z is 0 in all colors", "KL(FP32 || model)"),
        *("fourth power of frequency", "1,000 resamples"),
    ):
        assert part.replace("&#39;", "'") in text.replace("&#39;", "'"), part
    for label in ("decisions that differ", "first tensor that differs", "change over all levels"):
        assert f'<th scope="row">{label}</th><td>' in text
    assert text.count("<td>ResNet-18</td>") == 2 * 4 + 1  # and a line of table 4.2
    assert (
        "the same bytes." in text
        and "the same for all models" in text
        and "Shaded columns" not in text
        and "appendix B" not in text
    )


def test_the_page_is_readable() -> None:
    """On a phone and in the dark; figures stand in tables, not in paragraphs."""
    text = text_of(INFO, *figures())
    check_readable(text)
    sentences = re.sub(r"<p[^>]*>Left out.*?</p>", "", text, flags=re.DOTALL)  # numbers of tables
    assert max(numbers_of_paragraphs(sentences)) <= 8


def test_what_the_text_says_turns_with_what_was_run() -> None:
    rows, lines = figures()
    text = text_of(
        replace(INFO, paired=False, rtl=(RtlSummary("resnet18", 1, 4, 3, 9),), spec="aircraft:/x"),
        [replace(r, perturbation=r.perturbation.replace("awgn", "brownian-literal")) for r in rows],
        lines,
    )
    assert text.count("FP32 saw another draw of the noise") == 2 and "not paired" in text
    assert 'class="bad">1 image at each of 4 levels' in text
    assert "Shaded columns" in text and "appendix B" in text and 'class="printed"' in text
    assert "literal reading</b>" in text and "z is 0 in all colors" not in text
    assert "no sample was simulated" in text_of(replace(INFO, rtl=()), rows)
    assert "With 3 classes top-5 is always 1" in text_of(replace(INFO, classes=("a",) * 3), rows)


@pytest.mark.parametrize("models", [("fp32",), ("int8",), ("fp32", "int8"), ("live", "frozen")])
def test_a_part_of_the_models_is_enough(models: tuple[str, ...], tmp_path: Path) -> None:
    rows = measure_all(samples(*models)[1:2], resamples=10)
    text = write_outputs(tmp_path, replace(INFO, rtl=()), rows).read_text()
    Page(text)
    assert "Nothing can be said of the claim" in text and "Clean images were not run." in text
    tables = "4.3, 4.4, 4.5" if models in (("fp32",), ("int8",)) else ""
    assert all(f"Table {number}:" in text for number in tables.split(", ") if number)
    assert "Left out, for want of the models or levels they need: 4.1, 4.2" in text
    assert 'class="bad"' not in text  # nothing is wrong with what was not asked for
    absent = [n for n in ("2.2", "2.3", "2.4", *FIGURES) if f"Figure {n}:" not in text]
    assert f"they need: {', '.join(absent)}." in text


def test_two_classes_are_enough() -> None:
    few = [random_sample(1, classes=2, images=12)]
    Page(text_of(replace(INFO, classes=("no", "yes"), images=12), measure_all(few, resamples=5)))


def test_nothing_at_all_is_a_page_too() -> None:
    Page(text_of(INFO, []))


def test_the_recipe_gives_the_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, lines = figures()
    text = text_of(INFO, rows, lines)
    (recipe,) = re.findall("<pre>(.*?)</pre>", text, re.S)
    for sample in samples():
        path = write_sample(tmp_path / "logits", sample)
        assert read_sample(path).models == sample.models
    monkeypatch.chdir(tmp_path)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(recipe.replace("&#34;", '"').replace("&gt;", ">"), {})
    found = {
        row.metric: row.value
        for row in rows
        if (row.model, row.perturbation, row.level) == ("int8", "horizontal", 3.0)
    }
    wanted = [found[name] for name in ("top1", "f1_weighted", "flipped", "kl")]
    assert [float(number) for number in out.getvalue().split()] == pytest.approx(wanted)


def test_two_runs_write_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        some = samples()[:2]
        lines = [line for sample in some for line in random_differences(1, sample)]
        write_outputs(tmp_path / name, INFO, measure_all(some, lines, resamples=20), lines)
    files = sorted(p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*.*"))
    assert len(files) == 1 + 4 + 2 * 6
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes(), file


def test_what_an_earlier_study_left_goes_and_nothing_else(tmp_path: Path) -> None:
    for name, count in (("again", 3), ("again", 1), ("once", 1)):
        some = samples()[:count]
        write_outputs(tmp_path / name, INFO, measure_all(some, resamples=5))
        (tmp_path / "again" / "tables" / "mine.csv").touch()
    again, once = (
        {str(path.relative_to(tmp_path / name)) for path in (tmp_path / name).rglob("*.*")}
        for name in ("again", "once")
    )
    assert again == once | {"tables/mine.csv"}


def test_info_comes_back_as_it_went(tmp_path: Path) -> None:
    path = tmp_path / "info.json"
    write_info(path, INFO)
    assert read_info(path) == INFO
    validate("study", json.loads(path.read_text()))
    for change in (("classes", "classs"), ("{", "["), ("equal", "equals")):
        path.write_text(path.read_text().replace(*change))
        with pytest.raises(ValueError, match=r"info.json must describe a study: "):
            read_info(path)
        write_info(path, INFO)


def test_all_perturbations_have_their_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures_curves, "png", lambda figure: b"drawn")
    grid = [
        random_sample(1, perturbation=name, level=level, images=20)
        for name, levels in LEVELS.items()
        for level in levels[:1]
    ]
    found = pictures(Results(measure_all(grid, resamples=5)))
    assert [picture.number for picture in found] == list(FIGURES)
