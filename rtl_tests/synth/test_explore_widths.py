"""Widths of weights in a sweep: points, cycles, and gains at equal array and at equal area."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from schedule_layers import random_linear

from maccord.compiler.network import alone
from maccord.runtime.cache import Cache
from maccord.spec.parameters import Parameters
from maccord.synth.explore_cycles import modelled, of_width
from maccord.synth.explore_grid import grid, labels
from maccord.synth.explore_plot import pareto_plot
from maccord.synth.explore_point import FAILED, Row
from maccord.synth.explore_request import SweepRequest, swept
from maccord.synth.explore_widths import Gain, gains
from maccord.synth.targets import target_named


def point(label: str, rows: int, bits: int, gates: float, frames: float, status: str = "ok") -> Row:
    chosen = {"rows": rows, "cols": 4, "narrow": bits < 8, "weight_bits": bits}
    return Row(label, chosen, status=status, resources={"gates": gates}, frames_per_second=frames)


ROWS = [
    point("small", 4, 8, 100, 10),
    point("small W4", 4, 4, 60, 12),
    point("large W4", 8, 4, 100, 20),
    point("larger W4", 16, 4, 101, 40),
    point("broken W2", 4, 2, 10, 99, FAILED),
    point("large", 8, 8, 200, 20),
]


def test_gains_at_equal_array_and_at_equal_area() -> None:
    """No more area than that for 8 bits, the fastest; points without a result do not count."""
    assert gains(ROWS, "gates") == [
        Gain("array", "small W4", "small", 4, 0.6, 1.2, 2.0),
        Gain("area", "large W4", "small", 4, 1.0, 2.0, 2.0),
        Gain("array", "large W4", "large", 4, 0.5, 1.0, 2.0),
        Gain("area", "larger W4", "large", 4, 0.505, 2.0, 2.0 / 0.505),
    ]
    assert not gains(ROWS[:1], "gates")


def test_narrow_arrays_are_narrow() -> None:
    points = grid({"rows": 4, "cols": 4}, {"weight_bits": (8, 4, 2)})
    made = [p.parameters for p in points if p.parameters]
    assert [(p.narrow, p.weight_bits) for p in made] == [(False, 8), (True, 4), (True, 2)]
    assert labels(points) == ["4x4 W8", "4x4 W4", "4x4 W2"]
    refused = grid({"rows": 4}, {"narrow": (False, True), "weight_bits": (8, 4)})
    assert [p.reason[:19] for p in refused] == ["", "narrow must be True", "", ""]


def test_cycles_are_of_the_network_at_that_width(tmp_path: Path) -> None:
    layer = random_linear(np.random.default_rng(0), 400, 8)
    whole = alone(layer, "net", (1, 400))
    half = of_width(whole, 4)
    (before,), (after,) = ([node.operation for node in net.nodes] for net in (whole, half))
    assert (before.weight_bits, after.weight_bits) == (8, 4)
    assert after.weight.min() >= -8 and after.weight.max() <= 7
    np.testing.assert_array_equal(after.weight, before.weight // 16)
    made = [Parameters(narrow=bits < 8, weight_bits=bits) for bits in (8, 4, 2)]
    found = [modelled(whole, "n", p, 1, Cache(tmp_path)) for p in made]
    assert len({each.macs for each in found}) == 1
    assert found[0].cycles > found[1].cycles > found[2].cycles


def test_the_rtl_takes_no_network_at_another_width() -> None:
    request = SweepRequest("resnet18", "asic", {"weight_bits": "8,2"}, cycles="rtl")
    with pytest.raises(ValueError, match=r"array-weight-bits must be 8 with cycles rtl, .* got 2"):
        swept(request, target_named("asic"))


def test_the_plot_tells_widths_apart() -> None:
    assert "weights of 4 bits" in pareto_plot(ROWS, "gates", "title")
    assert "weights of" not in pareto_plot(ROWS[:1], "gates", "title")
