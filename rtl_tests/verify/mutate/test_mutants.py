"""Lists of mutants, scores, and campaigns that go on where they were interrupted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from result_schemas import validate

from maccord.runtime.provenance import provenance
from maccord.verify.mutate import campaign
from maccord.verify.mutate.argued import argument_of, arguments, stale
from maccord.verify.mutate.campaign import Campaign, Task
from maccord.verify.mutate.hardware import SMALL
from maccord.verify.mutate.mutants import Mutant, block_of, parse
from maccord.verify.mutate.player import Kill, Outcome
from maccord.verify.mutate.report import report, write_report
from maccord.verify.mutate.score import Tag, by_block, judged, score

LISTED = r"""
mutate -mode inv -module maccord.core.compute.datapath.array -cell element_6_0 -port p -portbit 11 -wire p_out$100 -wirebit 11 -src /here/hw/family/processing_element.py:87 -src /here/hw/array/systolic_array.py:186
mutate -mode cnot0 -module maccord.core.compute.results -cell $178 -port A -portbit 0 -ctrlbit 2
"""  # noqa: E501


def test_a_list_is_read() -> None:
    first, second = parse(LISTED)
    assert (first.number, first.kind, first.block) == (1, "inv", "array")
    assert first.name == "maccord.core.compute.datapath.array/element_6_0.p[11]:inv"
    assert first.wire == "p_out$100[11]"
    assert first.sources == ("hw/family/processing_element.py:87", "hw/array/systolic_array.py:186")
    assert second.name == "maccord.core.compute.results/$178.A[0]?2:cnot0"
    assert second.command("-ctrl s 2 2") == (
        "mutate -mode cnot0 -ctrl s 2 2 -module maccord.core.compute.results -cell $178 -port A "
        "-portbit 0 -ctrlbit 2"
    )


@pytest.mark.parametrize("line", ["mutate -mode swap -module m", "select m"])
def test_another_line_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="lines must be mutations as Yosys lists them"):
        parse(line)


@pytest.mark.parametrize(
    ("module", "block"),
    [
        ("maccord", "top"),
        ("maccord.control.counter_array", "control"),
        ("maccord.core", "core"),
        ("maccord.core.store.cutter.bursts", "store"),
        ("maccord.core.load_beats", "beats"),
        ("maccord.core.compute", "compute"),
        ("maccord.core.compute.datapath", "datapath"),
        ("maccord.core.compute.datapath.accumulator_0.memory", "accumulator"),
        ("maccord.core.compute.activations.bank3", "activations"),
        ("maccord.write_address_slice", "slices"),
    ],
)
def test_blocks(module: str, block: str) -> None:
    assert block_of(module) == block


def mutant(number: int, module: str = "maccord.control") -> Mutant:
    return Mutant(number, "inv", module, "$1", "A", 0)


def outcome(number: int, *, killed: bool) -> Outcome:
    return Outcome(number, Kill("network 0", 3, "bytes") if killed else None, 100)


def test_tags_and_scores() -> None:
    """What is proved equal is in neither number of the score, whatever became of it."""
    mutants = [mutant(n, "maccord.control" if n < 4 else "maccord.core.tokens") for n in range(6)]
    outcomes = {n: outcome(n, killed=n in (0, 1, 4)) for n in range(6)}
    found = judged(mutants, outcomes, equal={1: "maccord", 3: "maccord"})
    expected = [Tag.COVERED, Tag.EQGAP, Tag.UNCOVERED, Tag.NOCHANGE, Tag.COVERED, Tag.UNCOVERED]
    assert [each.tag for each in found] == expected
    control, tokens, unmet = by_block(found, {"control": 9, "tokens": 7, "top": 1})
    assert (control.covered, control.uncovered, control.nochange, control.eqgap) == (1, 1, 1, 1)
    assert (control.score, tokens.score, unmet.score) == (0.5, 0.5, 1.0)
    assert score(49, 1) == 0.98


def test_the_result_fits_its_schema(tmp_path: Path) -> None:
    mutants = [replace(mutant(n), sources=("hw/control/control.py:1",)) for n in range(3)]
    found = judged(mutants, {n: outcome(n, killed=n > 0) for n in range(3)}, {})
    blocks = by_block(found, {"control": 9})
    summary = report(found, blocks, SMALL.name, "ci", 1, 2.0, provenance())
    assert summary.score == 2 / 3
    assert [(each.number, each.sources) for each in summary.survivors] == [
        (0, ("hw/control/control.py:1",))
    ]
    write_report(tmp_path, summary, found)
    validate("mutate", json.loads((tmp_path / "mutate.json").read_text()))
    lines = (tmp_path / "mutants.csv").read_text().splitlines()
    assert len(lines) == 4
    assert "UNCOVERED" in lines[1]


class _AtOnce(Executor):
    def submit(self, fn, /, *args, **kwargs):
        future: Future = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


@contextmanager
def _judging(monkeypatch: pytest.MonkeyPatch, until: int) -> Iterator[list[int]]:
    """Judge without a simulator, and fail after some mutants."""
    seen: list[int] = []

    def judge(task: Task) -> list[Outcome]:
        if len(seen) >= until:
            raise KeyboardInterrupt
        seen.extend(task.numbers)
        return [outcome(number, killed=number % 3 > 0) for number in task.numbers]

    class Built:
        path = Path("model")

    monkeypatch.setattr(campaign, "judge", judge)
    monkeypatch.setattr(campaign, "build_player", lambda *_, **__: Built)
    yield seen


def test_an_interrupted_campaign_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Judged once each; a line cut off in the middle counts as none."""
    mutants = [mutant(n) for n in range(1, 201)]
    whole = Campaign(SMALL, "ci", "", mutants, {}, tmp_path)
    pool, silent = _AtOnce(), lambda *_: None
    with _judging(monkeypatch, until=100) as seen, pytest.raises(KeyboardInterrupt):
        whole.run(pool, 1, silent, silent)
    first = whole.results()
    assert 0 < len(first) < 200
    text = whole.log.read_text()
    whole.log.write_text(text[:-20])
    with _judging(monkeypatch, until=1000) as seen:
        whole.run(pool, 1, silent, silent)
    assert len(seen) == 200 - len(first) + 1
    assert whole.results() == {n: outcome(n, killed=n % 3 > 0) for n in range(1, 201)}


def test_arguments() -> None:
    """One fits its mutants alone; one about a killed mutant, or that none needs, is wrong."""
    length = Mutant(1, "const0", "maccord", "$1", "o__payload", 47, -1, "m_axi_awlen[7]")
    found = judged([length], {1: outcome(1, killed=False)}, {})
    assert "512 bytes" in argument_of(length, arguments())
    assert not argument_of(replace(length, kind="inv"), arguments())
    assert not argument_of(replace(length, wire="m_axi_awlen[6]"), arguments())
    assert not argument_of(replace(length, wire="m_axi_arlen[7]"), arguments())
    own = [each for each in arguments() if each.fits(length)]
    assert stale(found, own, all_used=True) == []
    (unused,) = stale([], own, all_used=True)
    assert unused.endswith("m_axi_awlen: no survivor needs it")
    assert stale([], own, all_used=False) == []
    (wrong,) = stale(judged([length], {1: outcome(1, killed=True)}, {}), own, all_used=False)
    assert wrong.endswith("maccord/$1.o__payload[47]:const0 is killed by network 0")
    summary = report(
        [replace(found[0], argument="x"), *judged([mutant(2)], {2: outcome(2, killed=True)}, {})],
        [],
        SMALL.name,
        "ci",
        1,
        2.0,
        provenance(),
    )
    assert (summary.score, summary.score_argued, summary.argued) == (0.5, 1.0, 1)
