"""The counters as bytes of memory, and back."""

from __future__ import annotations

import numpy as np
import pytest

from maccord.golden.control.recorder import read_record, recorder
from maccord.spec.isa import RECORD_BYTES
from maccord.spec.registers import RECORDED


def random_counters(seed: int) -> dict[str, int]:
    rng = np.random.default_rng(seed)
    return {name: int(rng.integers(1 << 64, dtype=np.uint64)) for name in RECORDED}


@pytest.mark.parametrize("seed", range(4))
def test_record_and_back(seed: int) -> None:
    counters = random_counters(seed)
    row = recorder(counters)
    assert (row.shape, row.dtype) == ((RECORD_BYTES,), np.uint8)
    assert read_record(row) == counters
    assert not row[8 * len(RECORDED) :].any()
    assert int.from_bytes(row[8:16].tobytes(), "little") == counters[RECORDED[1]]
