"""Functional coverage: bins, crosses, holes, and what is called unreachable."""

from __future__ import annotations

from collections import Counter

import pytest

from maccord.verify.regress.configurations import CONFIGURATIONS
from maccord.verify.regress.coverpoints import OPERATION, POINTS
from maccord.verify.regress.functional import (
    Coverpoint,
    Cross,
    excluded,
    holes,
    sample,
    wrongly_excluded,
)
from maccord.verify.regress.recipe import draw
from maccord.verify.regress.starts import build

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
    assert wrongly_excluded(ALL, hits) == ["size x colour: large x red", "size: none"]


def test_bins_that_need_another_accelerator() -> None:
    """They are out of reach if every accelerator lacks something, and an error once hit."""
    size = Coverpoint(
        "size", SIZE.of, SIZE.bins, SIZE.unreachable,
        lambda name, on: f"{on} is small" if (name, on) == ("large", "A") else "",
    )  # fmt: skip
    points = (size, Cross(size, COLOUR, CROSS.unreachable))
    assert excluded(points, ["A"])["size x colour", "large x blue"] == "A is small"
    assert holes(points, Counter(), ["A"]) == {
        "size": ["small"], "size x colour": ["small x red", "small x blue"],
    }  # fmt: skip
    assert "large x blue" in holes(points, Counter(), ["A", "B"])["size x colour"]
    hits = sample(points, {"size": "large", "colours": ["blue"]})
    assert wrongly_excluded(points, hits, ["A"]) == ["size x colour: large x blue", "size: large"]
    assert wrongly_excluded(points, hits, ["B"]) == []


def needy() -> list[tuple[str, str]]:
    """Operations and the accelerators that are said to lack what they need."""
    names = [(op, name) for op in OPERATION.bins for name in CONFIGURATIONS]
    return [(op, name) for op, name in names if OPERATION.reason(op, [name])]


@pytest.mark.slow
@pytest.mark.parametrize(("op", "name"), needy())
def test_what_an_accelerator_lacks_is_refused(op: str, name: str) -> None:
    """The operation of a bin that is out of reach; an accelerator that has it takes it."""
    kinds = {"mul": "product", "mul, one value a channel": "channel_product", "lookup": "lookup"}
    start = draw(0, kinds=["layer"])["starts"][0]
    start |= {"op": kinds.get(op, "sum"), "knobs": {"rounding": "half_up"}, "disturb": "none"}
    run = draw(0) | {"configuration": name, "starts": [start]}
    with pytest.raises(ValueError, match=r"must be True|needs hardware with"):
        build(run)
    (found,) = build(run | {"configuration": "9x3"})
    assert op in OPERATION.of(
        {
            "operations": [found.network.nodes[0].operation],
            "alone": True,
            "shapes": [t.shape for t in found.network.tensors.values()],
        }
    )


def test_an_unknown_bin_is_an_error() -> None:
    with pytest.raises(AssertionError, match="size has no bin huge"):
        sample(ALL, {"size": "huge"})


def test_names_are_distinct() -> None:
    for point in POINTS:
        assert len({*point.bins}) == len(point.bins), point.name
    names = Counter(point.name for point in POINTS)
    assert max(names.values()) == 1
