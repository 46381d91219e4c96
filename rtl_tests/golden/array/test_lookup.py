"""The golden table behind the array, and the kernel on codes: one function, told twice."""

from __future__ import annotations

import numpy as np
import pytest

from maccord.golden.array.lookup import look_up, table_bytes
from maccord.golden.graph import Lookup, Quantization
from maccord.golden.kernels.lookup import lookup

CODES = np.arange(256, dtype=np.uint8)
ONE = Quantization(1.0, 0)


def test_tables_of_codes_and_of_bytes_are_one_function() -> None:
    table = np.random.default_rng(0).integers(0, 256, 256, dtype=np.uint8)
    by_bytes = look_up((CODES ^ 0x80).view(np.int8), table_bytes(table)).view(np.uint8) ^ 0x80
    np.testing.assert_array_equal(by_bytes, table)
    np.testing.assert_array_equal(lookup(CODES, Lookup("t", ONE, ONE, table)), table)


def test_where_each_result_looks() -> None:
    table = np.zeros(256, np.uint8)
    table[[0, 127, 128, 255]] = 1, 2, 3, 4
    assert look_up(np.array([0, 127, -128, -1], np.int8), table).tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize("table", [np.zeros(255, np.uint8), np.zeros(256, np.int8)], ids=str)
def test_other_tables_are_refused(table: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"table must be uint8 of shape \(256,\), got"):
        look_up(np.zeros(1, np.int8), table)
    with pytest.raises(ValueError, match=r"t: table must be uint8 of shape \(256,\), got"):
        lookup(CODES, Lookup("t", ONE, ONE, table))


def test_other_codes_are_refused() -> None:
    with pytest.raises(ValueError, match="y must be int8, got uint8"):
        look_up(CODES, CODES)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="x_q must be uint8, got int8"):
        lookup(CODES.view(np.int8), Lookup("t", ONE, ONE, CODES))  # pyright: ignore[reportArgumentType]
