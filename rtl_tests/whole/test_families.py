"""Whole layers on the cells of every family, by models of them: byte-equal.

In the same cycles, too, where the element has no register more than the generic one.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from accelerator_bench import CONFIGURATIONS, netlist, run_layer
from schedule_layers import random_layer

from maccord.golden.network import compute
from maccord.spec.parameters import FAMILIES, Parameters
from maccord.spec.registers import Status

pytestmark = pytest.mark.usefixtures("quick_builds")
SEEDS = range(3)
SMALL = CONFIGURATIONS["4x4 bus 8"]
# By day the family with a register more; the elements of all are in `test_family_elements`
FAMILY_NAMES = [
    family if family == "ecp5" else pytest.param(family, marks=pytest.mark.nightly)
    for family in ("ecp5", "xc7", "xcup")
]
# Sums of three runs of blocks
PACKED = replace(SMALL, rows=16, family="xcup", packed=True)


@cache
def outcome(parameters: Parameters, seed: int) -> tuple[bytes, bytes, int]:
    """Output of the RTL, that of the golden model, and cycles of a random layer."""
    layer, shape = random_layer(np.random.default_rng([seed, 41]))
    x_q = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    y_q, result, _ = run_layer(layer, x_q, parameters)
    assert result.status == Status.DONE
    assert (result.protocol_error, result.stray_bytes, result.unwritten) == ("", 0, [0])
    return y_q.tobytes(), compute(layer, [x_q]).tobytes(), result.cycles


@pytest.mark.parametrize("family", FAMILY_NAMES)
def test_layers_equal_golden(family: str) -> None:
    for seed in SEEDS:
        found, due, cycles = outcome(replace(SMALL, family=family), seed)
        assert found == due
        more = cycles - outcome(SMALL, seed)[2]
        assert more > 0 if family == "ecp5" else more == 0


@pytest.mark.parametrize("seed", range(6))
def test_layers_equal_golden_with_two_columns_to_a_block(seed: int) -> None:
    assert PACKED.packed and not PACKED.depthwise
    found, due, _ = outcome(PACKED, seed)
    assert found == due


@pytest.mark.parametrize(
    ("packed", "columns"), [pytest.param(False, 1, marks=pytest.mark.nightly), (True, 2)]
)
def test_blocks_of_the_array(packed: bool, columns: int) -> None:
    blocks = netlist(replace(PACKED, packed=packed)).count("  DSP48E2 #(")
    assert blocks == PACKED.rows * PACKED.cols // columns


def test_every_family_is_tried() -> None:
    assert {*FAMILIES} == {"generic", "ecp5", "xc7", "xcup"}
