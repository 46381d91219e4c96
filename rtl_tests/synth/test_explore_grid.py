"""The points of a sweep, and which of them nothing beats."""

from __future__ import annotations

import doctest

import numpy as np
import pytest

from maccord.spec.parameters import Parameters
from maccord.synth import explore_grid, explore_pareto
from maccord.synth.explore_grid import MOST, grid, labels, values
from maccord.synth.explore_pareto import front


def test_every_combination_is_a_point() -> None:
    points = grid({"line_cells": 128}, {"rows": (4, 8), "axi_bytes": (8, 16)})
    due = [Parameters(rows=r, axi_bytes=b, line_cells=128) for r in (4, 8) for b in (8, 16)]
    assert [point.parameters for point in points] == due


def test_the_same_configuration_is_one_point() -> None:
    points = grid({"rows": 4}, {"cols": (4, 8), "lanes": (0, 4)})
    assert [p.parameters.lanes for p in points if p.parameters] == [4, 8, 4]


def test_a_combination_that_cannot_be_is_a_point_with_its_reason() -> None:
    points = grid({"rows": 4}, {"cols": (4, 6), "lanes": (2, 4)})
    assert [point.reason for point in points] == [
        "", "", "", "lanes must divide cols (6), got 4",
    ]  # fmt: skip
    assert points[3].parameters is None
    assert (points[3].value("lanes"), points[3].value("line_cells")) == (4, 256)


@pytest.mark.parametrize(
    ("axes", "sentence"),
    [
        ({"rows": (3, 8)}, "rows must be between 4 and 64, got 3"),
        ({"cols": (4, 8), "lanes": (3,)}, r"lanes must divide cols \(4\), got 3"),
        ({"family": ("generic", "ice40")}, "family must be one of generic, .*, got 'ice40'"),
        (
            {"rows": tuple(range(4, 24)), "cols": tuple(range(2, 13))},
            f"a sweep must have at most {MOST} points, got 220 \\(20 rows x 11 cols\\)",
        ),
    ],
)
def test_values_without_a_point_are_refused(axes: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        grid({}, axes)


def test_the_same_parameters_everywhere_must_be_possible() -> None:
    with pytest.raises(ValueError, match="rows must be between 4 and 64, got 2"):
        grid({"rows": 2}, {})


def test_values_are_numbers_or_names() -> None:
    assert values("rows", "8, 4") == (8, 4)
    assert values("family", "generic,ecp5") == ("generic", "ecp5")
    assert values("packed", "yes, no") == (True, False)


@pytest.mark.parametrize(
    ("axis", "text", "sentence"),
    [
        ("rows", "4,x", "rows must be whole numbers, separated by commas, got '4,x'"),
        ("rows", "", "rows must be whole numbers"),
        ("cols", "-4", "cols must be whole numbers"),
        ("family", "generic,", "family must be names, separated by commas, got 'generic,'"),
        ("packed", "1", "packed must be no or yes, or both, separated by commas, got '1'"),
        ("lanes", "2,2", "lanes must be different values, got '2,2'"),
    ],
)
def test_other_values_are_refused(axis: str, text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        values(axis, text)


def test_labels_tell_what_differs() -> None:
    axes = {"rows": (4,), "cols": (4, 8), "lanes": (0, 2), "weight_bytes": (8192, 16384)}
    found = labels(grid({"axi_bytes": 8}, axes))
    assert found[:4] == ["4x4 wgt 8K", "4x4 wgt 16K", "4x4 lanes 2 wgt 8K", "4x4 lanes 2 wgt 16K"]
    assert len({*found}) == 8


def test_packed_columns_are_points_of_one_family() -> None:
    points = grid({"rows": 4, "cols": 4}, {"family": ("xcup", "generic"), "packed": (False, True)})
    assert labels(points) == ["4x4 xcup", "4x4 xcup packed", "4x4 generic", "4x4 generic packed"]
    assert [point.parameters and point.parameters.packed for point in points[:3]] == [0, 1, 0]
    assert points[3].reason.startswith("family must be xcup with packed, or ecp5")


@pytest.mark.parametrize(
    ("costs", "gains", "due"),
    [
        ([], [], []),
        ([3], [1], [True]),
        ([1, 1], [2, 2], [True, True]),  # equal in both
        ([1, 1], [2, 3], [False, True]),  # as cheap, and better
        ([1, 2], [3, 3], [True, False]),  # as good, and cheaper
        ([2, 2, 1], [5, 5, 5], [False, False, True]),  # equal, and both beaten
        ([1, 2, 3], [1, 2, 3], [True, True, True]),
    ],
)
def test_front(costs: list[float], gains: list[float], due: list[bool]) -> None:
    assert front(costs, gains) == due


def test_front_is_what_no_point_dominates() -> None:
    seed = 7
    rng = np.random.default_rng(seed)
    for _ in range(200):
        count = int(rng.integers(1, 12))
        costs, gains = rng.integers(0, 6, (2, count)).tolist()
        due = [
            not any(
                costs[j] <= costs[i] and gains[j] >= gains[i]
                and (costs[j], gains[j]) != (costs[i], gains[i])
                for j in range(count)
            )
            for i in range(count)
        ]  # fmt: skip
        assert front(costs, gains) == due, f"seed {seed}: {costs}, {gains}"


def test_front_wants_as_many_gains_as_costs() -> None:
    with pytest.raises(ValueError, match=r"gains must be as many as costs \(2\), got 1"):
        front([1, 2], [1])


@pytest.mark.parametrize("module", [explore_grid, explore_pareto])
def test_examples(module) -> None:
    found = doctest.testmod(module)
    assert found.attempted
    assert found.failed == 0
