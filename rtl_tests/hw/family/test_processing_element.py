"""The multiply-accumulate and its double-buffered weight, cycle by cycle."""

from __future__ import annotations

import gc
import warnings

import numpy as np
import pytest
from amaranth.hdl import UnusedElaboratable
from open_loop import run

from maccord.hw.family.processing_element import ProcessingElement

CODES = np.array([-128, -127, -1, 0, 1, 127])


def model(table: dict[str, np.ndarray], bits: int) -> np.ndarray:
    """What `p_out` must be in each cycle: registers are 0 at first."""
    shadow = active = operand = product = p_out = 0
    sums = []
    for a, w, p, swap, capture in zip(
        *(table[name].tolist() for name in ("a", "w", "p", "swap", "capture")), strict=True
    ):
        sums.append(p_out)
        total = p + product
        p_out = (total + 2 ** (bits - 1)) % 2**bits - 2 ** (bits - 1)
        product = operand * active
        operand = a
        active = shadow if swap else active
        shadow = w if capture else shadow
    return np.array(sums)


@pytest.mark.parametrize("bits", [16, 20, 32])
@pytest.mark.parametrize("seed", [1, 2])
def test_random(seed: int, bits: int) -> None:
    rng = np.random.default_rng(seed)
    cycles = 1500
    half = 2 ** (bits - 1)
    table = {
        "a": np.append(rng.choice(CODES, cycles // 2), rng.integers(-128, 128, cycles // 2)),
        "w": rng.choice(CODES, cycles),
        "p": rng.integers(-half, half, cycles),
        "swap": rng.integers(0, 2, cycles),
        "capture": rng.integers(0, 2, cycles),
    }
    outputs = run(ProcessingElement(partial_sum_bits=bits), table, ["p_out"])
    np.testing.assert_array_equal(outputs["p_out"], model(table, bits))


def test_latency() -> None:
    """The sum with an activation's product comes `LATENCY` cycles after it."""
    table = {name: np.zeros(12, np.int64) for name in ("a", "w", "p", "swap", "capture")}
    table["capture"][1], table["w"][1] = 1, -128
    table["swap"][3] = 1
    table["capture"][3], table["w"][3] = 1, 5
    table["a"][3] = -128
    table["p"][3 + ProcessingElement.LATENCY - 1] = 7
    outputs = run(ProcessingElement(partial_sum_bits=20), table, ["p_out"])
    expected = np.zeros(12, np.int64)
    expected[3 + ProcessingElement.LATENCY] = 128 * 128 + 7
    np.testing.assert_array_equal(outputs["p_out"], expected)


@pytest.mark.parametrize("bits", [15, 33])
def test_width_is_checked(bits: int) -> None:
    with warnings.catch_warnings():
        # Amaranth warns of components that are made and not used, when they are collected.
        warnings.simplefilter("ignore", UnusedElaboratable)
        with pytest.raises(
            ValueError, match=f"^partial_sum_bits must be between 16 and 32, got {bits}$"
        ):
            ProcessingElement(partial_sum_bits=bits)
        gc.collect()
