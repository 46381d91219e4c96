"""What a whole network leaves: its JSON, its plot, its page, its lines on the terminal."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from jsonschema import ValidationError
from network_tasks import Flipped, StandIn, network_task
from readable_pages import check_readable
from result_schemas import validate
from test_results import FIELDS

from maccord.runtime.console import console
from maccord.runtime.provenance import provenance
from maccord.sim.batch import batch_crops
from maccord.sim.console_tables import print_outcomes
from maccord.sim.network import plot
from maccord.sim.network.page import page
from maccord.sim.network.plot import cycles_by_stage, roofline
from maccord.sim.network.reports import write_reports
from maccord.sim.network.results import BOUNDS, NetworkResult, bounds
from maccord.sim.network.run import run_network
from maccord.sim.network.stages import split
from maccord.sim.results import Outcome, save
from maccord.spec.registers import COUNTERS

STAGE = [
    *("name", "layer", "op", "input_shapes", "output_shape", "macs", "cycles", "utilization"),
    *("cycles_by_cause", "bound_by", "read_bytes", "written_bytes", "array_cycles"),
    *("roofline_cycles", "roofline_ratio", "compared", "mismatches_golden", "mismatches_torch"),
    *("ran_on", "calls"),
]
NETWORK = [
    *("configuration", "axi_bytes", "batch", "mhz", "frames_per_second", "array_cycles"),
    *("roofline_cycles", "roofline_ratio", "macs_counted", "interrupts", "tensors"),
    *("predicted", "predicted_torch", "logits", "logits_torch", "stages", "top5"),
    *("predicted_float", "logits_float", "class_names", "snr_db", "weak_layer"),
    *("weak_layer_snr_db", "programs", "host_read_bytes", "host_written_bytes", "around"),
    *("results", "inputs", "not_asked"),
]


@cache
def outcome(name: str = "Joined", batch: int = 1, fault: str = "") -> Outcome:
    task = network_task(name, batch)
    faults = {"alter_golden": Flipped(fault)} if fault else {}
    return run_network(task, backend=StandIn(task), **faults)


def result(**options: object) -> NetworkResult:
    found = outcome(**options).result
    assert found is not None
    return found


def test_json_has_exactly_the_fields(tmp_path: Path) -> None:
    path = save(tmp_path, result(batch=2))
    assert path == tmp_path / "Joined.json"
    found = json.loads(path.read_text())
    assert list(found) == ["schema", *FIELDS, *NETWORK, "provenance"]
    assert all(list(stage) == STAGE for stage in found["stages"])
    assert [len(found[key]) for key in ("predicted", "predicted_torch", "logits")] == [2, 2, 2]
    assert (found["layer"], found["op"], len(found["logits"][0])) == ("Joined", "network", 7)
    for index, row in enumerate(found["logits"]):
        assert row[found["predicted"][index]] == max(row)


def test_every_cause_is_part_of_one_bound() -> None:
    assert sorted(cause for causes in BOUNDS.values() for cause in causes) == sorted(COUNTERS)
    counts = {cause: 1 << index for index, cause in enumerate(COUNTERS)}
    assert sum(bounds(counts).values()) == sum(counts.values())


def test_stages_are_differences_and_the_last_has_the_rest() -> None:
    records = [dict.fromkeys(COUNTERS, index * k) for k, index in ((3, 1), (5, 2), (8, 3))]
    whole = dict.fromkeys(COUNTERS, 30)
    assert [stage["compute"] for stage in split(records, whole)] == [3, 7, 20]


class Links(HTMLParser):
    """Whatever a page would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        named = [value or "" for name, value in attrs if name in ("src", "href", "data")]
        self.found += [value for value in named if not value.startswith("#")]


def test_the_page_needs_nothing_else(tmp_path: Path) -> None:
    (path,) = write_reports([result()], tmp_path)
    assert path == tmp_path / "Joined.html"
    text = path.read_text()
    links = Links()
    links.feed(text)
    assert not links.found and "@import" not in text and "url(http" not in text
    assert not {"script", "link", "img", "iframe", "object"} & set(links.tags)
    assert links.tags.count("svg") == 2
    assert links.tags.count("tr") == 1 + len(result().stages) + 1
    assert f"{result().cycles:,}" in text and f'class="good">All {result().compared:,}' in text
    for stage in result().stages:
        assert f"<td>{stage.name}</td>" in text
    assert "Where this comes from" not in text


def test_the_page_is_readable_on_a_phone_and_in_the_dark(tmp_path: Path) -> None:
    (path,) = write_reports([result()], tmp_path)
    text = path.read_text()
    check_readable(text)
    for removed in ('<div class="wide" tabindex="0">', "color-scheme: dark", '<p class="hint">'):
        with pytest.raises(AssertionError):
            check_readable(text.replace(removed, "<div>"))


def test_plots_have_names_and_follow_the_page(tmp_path: Path) -> None:
    """Titles for screen readers and pointers; no black that would vanish in the dark."""
    for text in (cycles_by_stage(result()), roofline(result())):
        root = ElementTree.fromstring(text)
        name = root.attrib["aria-label"]
        assert (root[0].tag.rpartition("}")[2], root[0].text) == ("title", name)
        assert "Joined" in name and "#000000" not in text and "currentColor" in text
        assert "prefers-color-scheme: dark" in text
    titles = re.findall("<title>(.*?): .*MACs per cycle", roofline(result()))
    named = [s for s in result().stages if s.macs]
    assert titles == [stage.name.removeprefix("Joined.") for stage in named]


@pytest.mark.parametrize("scale", [1, 1000])
def test_the_roofline_has_ticks_and_names_that_do_not_overlap(
    scale: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the stages' figures lie close together or decades apart."""
    seen = []
    monkeypatch.setattr(plot, "svg", lambda figure, *_: seen.append(figure) or "")
    first, *others = result().stages
    slow = [
        replace(
            first, name=f"Joined.stage {i}", cycles=first.cycles * (i + scale), roofline_ratio=9
        )
        for i in range(12)
    ]
    roofline(replace(result(), stages=(*slow, *others)))
    (axes,) = seen[0].axes
    for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
        assert sum(low <= tick <= high for tick in axis.get_majorticklocs()) >= 3
    boxes = [text.get_window_extent() for text in axes.texts]
    assert len(boxes) >= 3
    assert not any(box.count_overlaps(boxes[:i]) for i, box in enumerate(boxes))


def test_the_page_says_where_it_comes_from(tmp_path: Path) -> None:
    found = provenance({"weights": "0123456789abcdef"}, verilator="5.040")
    whole = replace(result(), provenance=found)
    text = page([whole])
    for part in (found.date, "verilator 5.040", "SHA-256 <code>0123456789abcdef</code>"):
        assert part in text
    written = json.loads(save(tmp_path, whole).read_text())
    validate("sim", written)
    del written["stages"]
    with pytest.raises(ValidationError, match="'stages' is a required property"):
        validate("sim", written)


def test_a_stage_begun_before_its_count_is_at_its_roofline(tmp_path: Path) -> None:
    stages = tuple(replace(stage, roofline_ratio=0.95) for stage in result().stages)
    text = page([replace(result(), stages=stages)])
    counted = [stage for stage in stages if stage.macs]
    assert text.count("1.00 x*") == len(stages) + len(counted) and "0.95 x" not in text


def test_the_page_says_what_is_wrong(tmp_path: Path) -> None:
    (path,) = write_reports([result(fault="Joined.head")], tmp_path)
    text = path.read_text()
    assert "1 differ from the golden model and 0 from PyTorch" in text
    assert text.count('<td class="bad">1</td>') == 1


def test_the_plot_is_a_file_of_its_own_and_the_same_each_time(tmp_path: Path) -> None:
    write_reports([result()], tmp_path)
    first = (tmp_path / "Joined.svg").read_bytes()
    root = ElementTree.fromstring(first)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    words = {text.strip() for text in root.itertext() if text.strip()}
    assert {"body.0.conv", "fc", "roofline", *BOUNDS} <= words
    write_reports([result()], tmp_path)
    assert (tmp_path / "Joined.svg").read_bytes() == first


def test_runs_of_a_network_share_a_page(tmp_path: Path) -> None:
    noisy = replace(result(), perturbation="awgn:0.3")
    other = result(name="Copied")
    assert write_reports([result(), noisy, other], tmp_path) == [
        tmp_path / "Joined.html",
        tmp_path / "Copied.html",
    ]
    text = (tmp_path / "Joined.html").read_text()
    assert re.findall("<h1>(.*?)</h1>", text) == [
        "Joined <small>clean</small>",
        "Joined <small>awgn:0.3</small>",
    ]
    assert (tmp_path / "Joined@awgn-0.3.svg").exists()
    page = tmp_path / "deep" / "all.html"
    assert write_reports([result(), other], tmp_path, page) == [page]
    assert page.read_text().count("<h1>") == 2


def test_a_layer_is_on_a_page_that_was_asked_for(tmp_path: Path) -> None:
    stage = result().stages[0]
    layer = replace(
        result(), layer=stage.layer, op=stage.op, stages=(stage,), predicted=(), logits=()
    )
    assert write_reports([layer], tmp_path) == [] and not list(tmp_path.iterdir())
    page = tmp_path / "page.html"
    assert write_reports([layer], tmp_path, page) == [page]
    text = page.read_text()
    assert re.findall("<h1>(.*?)</h1>", text) == [f"{stage.layer} <small>clean</small>"]
    assert "<dt>class</dt>" not in text and text.count("<svg") == 2
    found = json.loads(save(tmp_path, layer).read_text())
    assert list(found) == ["schema", *FIELDS, "not_asked", "provenance"]


def test_names_do_not_become_markup(tmp_path: Path) -> None:
    (path,) = write_reports([replace(result(), image="<b>.png")], tmp_path)
    assert "&lt;b&gt;.png" in path.read_text()


def said(capsys: pytest.CaptureFixture[str], *outcomes: Outcome) -> list[str]:
    labels = ["Joined"] * len(outcomes)
    print_outcomes(console(), labels, outcomes, Path("build"), [Path("build/Joined.html")])
    return capsys.readouterr().out.splitlines()


def test_the_table_has_a_row_for_each_stage(capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(capsys, outcome())
    stages = result().stages
    assert [line.split()[0] for line in lines[1 : 1 + len(stages)]] == [s.name for s in stages]
    row = lines[1].split()
    assert row[:5] == ["Joined.stem", "conv2d_relu", "16x16x3", ">", "16x16x8"]
    assert row[5:7] == [f"{stages[0].macs:,}", f"{stages[0].cycles:,}"]
    assert row[-3:] == ["compute", "0", "0"]
    add = next(line for line in lines if line.startswith("Joined.body.0.add "))
    assert " 4x4x8 + 4x4x8 > 4x4x8 " in add
    total = lines[1 + len(stages)].split()
    assert total[:3] == ["Joined", f"{result().macs:,}", f"{result().cycles:,}"]


def test_classes_and_verdict_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(capsys, outcome())
    top = result().predicted[0]
    logit = f"{result().logits[0][top]:g}"
    assert f"class {top}, logit {logit}; PyTorch: class {top}, logit {logit}" in lines
    assert "report: build/Joined.html" in lines
    assert any("frames/s at 200 MHz" in line for line in lines)
    compared = result().compared
    assert lines[-1] == (
        f"{compared:,} of {compared:,} outputs equal: RTL = NumPy = PyTorch (qnnpack)"
    )
    lines = said(capsys, outcome(batch=2))
    assert sum(line.startswith(("image 0: class", "image 1: class")) for line in lines) == 2
    lines = said(capsys, outcome(fault="Joined.head"))
    assert lines[-1].endswith("outputs equal; 1 of 1 runs with mismatches")


def test_the_five_likeliest_classes_are_said_and_in_the_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = said(capsys, outcome())
    at = [line.split() for line in lines].index(["top", "5", "class", "logit"])
    found = [line.split() for line in lines[at + 1 : at + 6]]
    logits = result().logits[0]
    assert [row[0] for row in found] == list("12345")
    assert [row[2] for row in found] == [f"{value:g}" for value in sorted(logits, reverse=True)[:5]]
    assert all(f"{logits[int(index)]:g}" == logit for _, index, logit in found)
    task = replace(network_task(), classes=tuple(f"kind [{index}]" for index in range(7)))
    named = run_network(task, backend=StandIn(task))
    assert named.result is not None
    first = named.result.predicted[0]
    lines = said(capsys, named)
    assert any(line.startswith(f"class {first} (kind [{first}]), logit ") for line in lines)
    assert any(line.split()[:2] == ["1", f"{first}"] and "kind [" in line for line in lines)
    (best,) = json.loads(save(tmp_path, named.result).read_text())["top5"]
    assert best[0] == {"index": first, "logit": max(logits), "name": f"kind [{first}]"}
    assert len(best) == 5


def test_a_batch_has_different_images_and_starts_with_the_one_given() -> None:
    from maccord.nets.images import load_crop

    first = load_crop()
    crops = batch_crops(first, 30, 7)
    assert crops[0] is first and len(crops) == 30
    assert len({crop.tobytes() for crop in crops}) == 30
    again = batch_crops(first, 30, 7)
    assert all((a == b).all() for a, b in zip(crops, again, strict=True))
    assert (batch_crops(first, 14, 8)[13] != crops[13]).any()
    assert len(batch_crops(first, 1, 7)) == 1
