"""Likeliest classes, and the files that name them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from network_tasks import network_task

from maccord.sim.network.ranking import check_classes, ranking, read_classes
from maccord.sim.request import SimulationRequest
from maccord.sim.tasks import make_tasks


def test_the_first_of_equal_logits_is_the_class_that_argmax_gives() -> None:
    logits = np.random.default_rng(0).integers(0, 4, 50).astype(np.float32)
    found = ranking(logits)
    assert found[0].index == np.argmax(logits)
    assert [ranked.logit for ranked in found] == sorted(logits, reverse=True)[:5]
    assert len({ranked.index for ranked in found}) == 5
    assert [ranked.index for ranked in ranking(logits[:2])] == [*np.argsort(-logits[:2])]


def test_names_are_lines(tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    path.write_text("cat\n  tench, Tinca tinca\nÄsche\n", encoding="utf-8")
    assert read_classes(path) == ("cat", "tench, Tinca tinca", "Äsche")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "line 1 is empty"),
        (b"a\n\nb\n", "line 2 is empty"),
        (b"\xff\xfe", "not a text in UTF-8"),
    ],
)
def test_other_files_are_refused(content: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"one name a line, got {path}: {reason}"):
        read_classes(path)


def test_as_many_names_as_outputs(tmp_path: Path) -> None:
    check_classes((), "net", 1000)
    recording = network_task().recording
    path = tmp_path / "names.txt"
    path.write_text("name\n" * 7)
    (task,) = make_tasks(SimulationRequest((), classes=path), [recording], "")
    assert task.classes == ("name",) * 7
    path.write_text("name\n" * 6)
    with pytest.raises(ValueError, match="line for each of the 7 outputs of Joined, got 6"):
        make_tasks(SimulationRequest((), classes=path), [recording], "")
