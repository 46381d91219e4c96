"""Layers of one shape share the search for their tiling, and the programs are the same."""

import numpy as np
import pytest
from network_tasks import layer_task
from schedule_layers import random_conv2d, random_linear

from maccord.compiler import search
from maccord.golden.graph import Layer
from maccord.sim.network.task import NetworkTask
from maccord.sim.searches import share_searches
from maccord.spec.parameters import Parameters

PARAMETERS = Parameters(rows=4, cols=2)


def task(layer: Layer, shape: tuple[int, ...], seed: int) -> NetworkTask:
    x_q = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    return layer_task(layer, x_q, PARAMETERS)


def tasks(seed: int = 4) -> list[NetworkTask]:
    """Two convolutions of one shape with other weights, one of another stride, a linear layer."""
    rng = np.random.default_rng(seed)
    same = [random_conv2d(rng, (6, 5, 3, 3), padding=(1, 1)) for _ in range(2)]
    other = random_conv2d(rng, (6, 5, 3, 3), padding=(1, 1), stride=(2, 2))
    found = [task(layer, (1, 6, 5, 5), seed + i) for i, layer in enumerate([*same, other])]
    return [*found, task(random_linear(rng, 20, 7), (2, 20), seed)]


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has searched for nothing yet."""
    monkeypatch.setattr(search, "_chosen", {})


@pytest.mark.usefixtures("forgetful")
def test_only_shapes_that_are_there_twice_are_searched_for() -> None:
    found = share_searches(tasks(), processes=2)
    choices = [each.choices for each in found]
    assert [len(each) for each in choices] == [1, 1, 0, 0]
    assert choices[0] == choices[1]


@pytest.mark.usefixtures("forgetful")
def test_programs_are_those_of_an_own_search(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = tasks()[1].compiled.program
    shared = share_searches(tasks(), processes=1)[1]
    monkeypatch.setattr(search, "_chosen", {})
    monkeypatch.setattr(search, "_plays", lambda *_: pytest.fail("searched again"))
    assert shared.compiled.program == expected


def test_nothing_to_share() -> None:
    assert share_searches([], processes=1) == []
