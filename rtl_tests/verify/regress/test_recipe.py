"""Runs follow from their seeds, are legal or refused in one sentence, and shrink."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

from maccord.golden.machine.machine import Machine
from maccord.verify.regress.configurations import CONFIGURATIONS
from maccord.verify.regress.recipe import draw
from maccord.verify.regress.shrink import shrunk
from maccord.verify.regress.starts import build


def test_a_seed_gives_one_run() -> None:
    for seed in range(30):
        run = draw(seed)
        assert run == draw(seed)
        assert json.loads(json.dumps(run)) == run
    assert draw(1) != draw(2)


def test_a_disturbed_start_is_followed_by_a_legal_one() -> None:
    wrong = 0
    for seed in range(200):
        starts = draw(seed)["starts"]
        assert starts[-1]["disturb"] == "none"
        assert starts[-1]["kind"] != "program"
        wrong += any(start["kind"] == "program" for start in starts)
        for start, following in itertools.pairwise(starts):
            if start["kind"] == "program":
                assert following["kind"] == "known"
    assert 40 < wrong < 120


@pytest.mark.slow
def test_starts_are_what_the_machine_computes() -> None:
    """Built twice they are the same; what the program must not write is as before."""
    kinds = set()
    for seed in range(6):
        run = draw(seed, ["4x2"])
        try:
            first, second = build(run), build(run)
        except ValueError:
            continue
        for start, again in zip(first, second, strict=True):
            np.testing.assert_array_equal(start.step.image, again.step.image)
            np.testing.assert_array_equal(start.expected, again.expected)
            changed = start.expected != start.step.image
            assert not (changed & ~start.allowed).any()
            kinds.add(start.recipe["kind"])
            if start.legal and not start.step.shift:
                memory = start.step.image.copy()
                Machine(CONFIGURATIONS["4x2"], memory).run(start.step.program)
                np.testing.assert_array_equal(memory, start.expected)
    assert kinds >= {"layer", "program", "known"}


def test_shrinking_keeps_what_fails() -> None:
    """Of a run that fails because of one start and its stride of rows, only that is left."""
    run = draw(3, kinds=["layer"])
    layer = run["starts"][0] | {"disturb": "abort", "records": "memory"}
    run |= {"starts": [*run["starts"], layer, *run["starts"]]}
    asked: list[int] = []

    def failing(smaller: dict) -> bool:
        asked.append(len(smaller["starts"]))
        return any(start["disturb"] == "abort" for start in smaller["starts"])

    found = shrunk(run, failing)
    assert [start["disturb"] for start in found["starts"]] == ["abort"]
    assert found["memory"] | {"seed": 0} == {
        "latency": 2, "jitter": 0, "stall": 0, "seed": 0, "base": 0, "order": "in order",
    }  # fmt: skip
    (start,) = found["starts"]
    assert start["records"] == "none"
    assert start["limits"] == dict.fromkeys(start["limits"], 1)
    assert len(asked) < 300


def test_shrinking_a_program_finds_its_instruction() -> None:
    start = draw(0, kinds=["program"])["starts"][0]
    run = draw(0, kinds=["program"]) | {"starts": [start]}

    def failing(smaller: dict) -> bool:
        kept = smaller["starts"][0]["keep"] or range(40)
        return 17 in kept

    assert shrunk(run, failing)["starts"][0]["keep"] == [17]
