"""Functional coverage: bins, crosses, holes, and what is called unreachable."""

from __future__ import annotations

from collections import Counter

import pytest

from maccord.verify.regress.coverpoints import POINTS
from maccord.verify.regress.functional import (
    Coverpoint,
    Cross,
    holes,
    sample,
    wrongly_excluded,
)

SIZE = Coverpoint("size", lambda facts: [facts["size"]], ("small", "large", "none"), {"none": "no"})
COLOUR = Coverpoint("colour", lambda facts: facts.get("colours", ()), ("red", "blue"))
CROSS = Cross(SIZE, COLOUR, lambda size, colour: "no" if (size, colour) == ("large", "red") else "")
ALL = (SIZE, COLOUR, CROSS)


def test_bins_and_crosses() -> None:
    hits = sample(ALL, {"size": "small", "colours": ["red", "blue", "red"]})
    assert hits == {
        ("size", "small"): 1,
        ("colour", "red"): 1,
        ("colour", "blue"): 1,
        ("size x colour", "small x red"): 1,
        ("size x colour", "small x blue"): 1,
    }
    assert holes(ALL, hits) == {"size": ["large"], "size x colour": ["large x blue"]}
    assert wrongly_excluded(ALL, hits) == []


def test_what_is_called_unreachable_must_not_be_hit() -> None:
    hits = sample(ALL, {"size": "none", "colours": []})
    hits += sample(ALL, {"size": "large", "colours": ["red"]})
    assert wrongly_excluded(ALL, hits) == ["size: none", "size x colour: large x red"]


def test_an_unknown_bin_is_an_error() -> None:
    with pytest.raises(AssertionError, match="size has no bin huge"):
        sample(ALL, {"size": "huge"})


def test_names_are_distinct() -> None:
    for point in POINTS:
        assert len({*point.bins}) == len(point.bins), point.name
    names = Counter(point.name for point in POINTS)
    assert max(names.values()) == 1
