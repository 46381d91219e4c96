"""Mutants of Python: a hole in a test suite is seen, by file and line; none elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from result_schemas import validate

from maccord.verify.mutate.python import changes
from maccord.verify.mutate.python import run as campaign
from maccord.verify.mutate.python.changes import draw, mutated
from maccord.verify.mutate.python.rooms import QUICK, ROOMS, Room

SOURCE = """from __future__ import annotations


def clip(value: int | None, low: int, high: int) -> int:
    if value < low:
        return low
    if value > high:
        return high
    return value
"""
TESTS = """from toy.arithmetic.clip import clip


def test_clip() -> None:
    assert [clip(value, -3, 5) for value in {values}] == {values}
"""


def room(folder: Path, values: list[int]) -> Room:
    """Make a room whose tests clip some values to -3 to 5."""
    package, tests = folder / "arithmetic", folder / "tests"
    package.mkdir(parents=True)
    tests.mkdir()
    (package / "__init__.py").touch()
    (package / "clip.py").write_text(SOURCE)
    (tests / "test_clip.py").write_text(TESTS.format(values=values))
    markers = "markers = ['nightly', 'weekly', 'slow']"
    (folder / "pyproject.toml").write_text(f"[tool.pytest.ini_options]\n{markers}\n")
    return Room("toy", ("arithmetic/*.py",), ("tests",), folder, "toy")


def test_annotations_are_no_mutants(tmp_path: Path) -> None:
    """Every other place is drawn; the same ones with the same seed."""
    found = draw(tmp_path, room(tmp_path, []).files(), 100, 1)
    assert {change.line for change in found} >= {5, 7}
    assert not {change.line for change in found} & {4}
    assert draw(tmp_path, [Path("arithmetic/clip.py")], 100, 1) == found
    assert all(mutated(SOURCE, each.operator, each.occurrence) != SOURCE for each in found)


def test_texts_that_are_no_python_are_no_mutants(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As cosmic-ray's, which negates an operand: `value >= not low`."""
    monkeypatch.setattr(changes, "mutated", lambda *_: SOURCE.replace("< low", "< not low"))
    assert draw(tmp_path, room(tmp_path, []).files(), 100, 1) == []


@pytest.mark.slow
def test_a_hole_in_the_tests_is_seen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The tests reach the lower bound's branch, but no value next to a bound."""
    toy = room(tmp_path / "toy", [0, 4])
    out = tmp_path / "out"
    request = campaign.Request((toy,), 4, 1, 0.99, out, "processes", 1)
    assert campaign.run(request) == 1
    content = json.loads((out / "mutate-python.json").read_text())
    validate("mutate-python", content)
    (counts,) = content["rooms"]
    assert counts["mutants"] == 4
    assert 0 < counts["killed"] < 4
    survivors = [each["name"] for each in content["survivors"]]
    assert len(survivors) == 4 - counts["killed"]
    assert all(name.startswith("arithmetic/clip.py:") for name in survivors)
    assert all(name in capsys.readouterr().out for name in survivors[:1])
    cases = ElementTree.parse(out / "mutate-python.xml").getroot()
    assert cases.get("failures") == str(len(survivors))
    assert (toy.root / "arithmetic" / "clip.py").read_text() == SOURCE


@pytest.mark.slow
def test_tests_that_fail_judge_nothing(tmp_path: Path) -> None:
    toy = room(tmp_path / "toy", [9])
    request = campaign.Request((toy,), 1, 1, 0.0, tmp_path / "out", "processes", 1)
    with pytest.raises(Exception, match="The tests of toy fail without a mutant"):
        campaign.run(request)


def test_rooms_have_their_sources_and_tests() -> None:
    for each in ROOMS.values():
        assert len(each.files()) > 10
        assert all((each.root / place).exists() for place in each.tests)
    golden = ROOMS["golden"]
    request = campaign.Request((golden,), 1, 1, 0.0, Path("out"), "processes", -1)
    with pytest.raises(ValueError, match="jobs must be at least 0, got -1"):
        campaign.check(request)
    first = next(iter(golden.ordered_tests(Path("golden/array/requantize.py"))))
    assert first == "rtl_tests/golden/array/test_requantize.py"
    assert "slow" in QUICK
    with pytest.raises(ValueError, match="python must be of golden, compiler, importer, got 'hw'"):
        campaign.rooms_of("golden, hw")
