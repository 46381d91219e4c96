"""The row unit's golden model: functions, tables and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from maccord.golden.quantization import Quantization
from maccord.golden.row.layer_norm import layer_norm
from maccord.golden.row.row_unit import RowUnit
from maccord.golden.row.softmax import exponentials, softmax
from maccord.spec.isa import FIELDS, Instruction, Opcode
from maccord.spec.isa_names import RowFunction

GIVEN, OUTPUT = Quantization(0.5, 3), Quantization(0.02, 200)
GAMMA, BETA = np.array([[1, -2, 0], [0.5, 0, -1]], np.float32)
NORM = np.stack([GAMMA, BETA], axis=1).astype("<f4").reshape(-1).view(np.uint8)
NUMBERS = {
    "function": int(RowFunction.LAYER_NORM),
    "zero_point": 3,
    "scale": int(np.float32(0.5).view(np.uint32)),
    "eps": int(np.float64(1e-5).view(np.uint64)),
    "multiplier": int((np.float32(1) / np.float32(0.02)).view(np.uint32)),
    "output_zero_point": 72,
}
X_Q = np.array([[7, 9, 200], [255, 0, 0]], np.uint8)


def setup(**fields: int) -> Instruction:
    return Instruction(Opcode.SETUP_ROW, dict.fromkeys(FIELDS[Opcode.SETUP_ROW], 0) | fields)


def terms(scale: float) -> np.ndarray:
    return exponentials(scale, 3).astype("<u4").view(np.uint8)


def test_functions_keep_their_tables() -> None:
    unit = RowUnit()
    unit.setup(setup(function=RowFunction.SOFTMAX))
    assert unit.entry_bytes == 4
    unit.load(terms(0.05))
    unit.setup(setup(**NUMBERS))
    assert unit.entry_bytes == 8
    unit.load(NORM)
    due = layer_norm(X_Q, GAMMA, BETA, 1e-5, GIVEN, OUTPUT)
    np.testing.assert_array_equal(unit.run(X_Q ^ 0x80) ^ 0x80, due)
    unit.setup(setup(function=RowFunction.SOFTMAX))
    due = softmax(X_Q, exponentials(0.05, 3))
    np.testing.assert_array_equal(unit.run(X_Q ^ 0x80) ^ 0x80, due)


def test_bits_beyond_a_term_are_ignored() -> None:
    unit = RowUnit()
    unit.setup(setup(function=RowFunction.SOFTMAX))
    noisy = terms(0.05).view("<u4") | np.uint32(0x1FF << 23)
    unit.load(noisy.view(np.uint8))
    due = softmax(X_Q, exponentials(0.05, 3))
    np.testing.assert_array_equal(unit.run(X_Q ^ 0x80) ^ 0x80, due)


def test_a_shorter_table_leaves_the_entries_behind_it() -> None:
    unit = RowUnit()
    unit.setup(setup(**NUMBERS))
    unit.load(NORM)
    unit.load((2 * NORM[:8].view("<f4")).view(np.uint8))
    gamma, beta = GAMMA.copy(), BETA.copy()
    gamma[0], beta[0] = 2 * gamma[0], 2 * beta[0]
    due = layer_norm(X_Q, gamma, beta, 1e-5, GIVEN, OUTPUT)
    np.testing.assert_array_equal(unit.run(X_Q ^ 0x80) ^ 0x80, due)


@pytest.mark.parametrize(
    ("name", "bits", "error"),
    [
        ("scale", 0, "scale must be a normal fp32 number above 0, got 0.0"),
        ("scale", 0xBF800000, "scale must be a normal fp32 number above 0, got -1.0"),
        ("scale", 1, "scale must be a normal fp32 number"),
        ("multiplier", 0x7F800000, "multiplier must be a normal fp32 number above 0, got inf"),
        ("eps", 0, "eps must be a normal fp64 number above 0, got 0.0"),
        ("eps", 1, "eps must be a normal fp64 number above 0"),
        ("eps", 0x7FF8 << 48, "eps must be a normal fp64 number above 0, got nan"),
    ],
)
def test_numbers_are_positive_and_normal(name: str, bits: int, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        RowUnit().setup(setup(**NUMBERS | {name: bits}))


def test_tables_and_rows_are_refused() -> None:
    unit = RowUnit()
    for use in (lambda: unit.entry_bytes, lambda: unit.load(NORM), lambda: unit.run(X_Q)):
        with pytest.raises(ValueError, match="no function of rows is set up"):
            use()
    unit.setup(setup(function=RowFunction.SOFTMAX))
    with pytest.raises(ValueError, match="softmax has no table"):
        unit.run(X_Q)
    with pytest.raises(ValueError, match="must have 256 entries, the last above 0, got 255"):
        unit.load(terms(0.05)[4:])
    with pytest.raises(ValueError, match="the last above 0, got 256 and 0"):
        unit.load(np.zeros(1024, np.uint8))
    unit.setup(setup(**NUMBERS))
    unit.load(NORM[:16])
    with pytest.raises(ValueError, match="must have a table of 3 elements, got 2"):
        unit.run(X_Q)
    for wrong in (np.nan, np.inf, 1e-40):
        with pytest.raises(ValueError, match="gamma and beta must be 0 or normal fp32 numbers"):
            unit.load(np.array([1, wrong], "<f4").view(np.uint8))
