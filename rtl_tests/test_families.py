"""Whole layers on the cells of every family, by models of them: byte-equal, in the same cycles."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from accelerator_bench import CONFIGURATIONS, run_layer
from schedule_layers import random_layer

from maccord.golden.network import compute
from maccord.golden.parameters import FAMILIES
from maccord.golden.registers import Status

SEEDS = range(3)


@cache
def outcome(family: str, seed: int) -> tuple[bytes, bytes, int]:
    """Output of the RTL, that of the golden model, and cycles of a random layer."""
    layer, shape = random_layer(np.random.default_rng([seed, 41]))
    x_q = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    y_q, result, _ = run_layer(layer, x_q, replace(CONFIGURATIONS["4x4 bus 8"], family=family))
    assert result.status == Status.DONE
    assert (result.protocol_error, result.stray_bytes, result.unwritten) == ("", 0, [0])
    return y_q.tobytes(), compute(layer, [x_q]).tobytes(), result.cycles


@pytest.mark.parametrize("family", [family for family in FAMILIES if family != "generic"])
def test_layers_equal_golden_in_the_generic_cycles(family: str) -> None:
    for seed in SEEDS:
        found, due, cycles = outcome(family, seed)
        assert found == due
        assert cycles == outcome("generic", seed)[2]
