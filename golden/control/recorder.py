"""Encoding of the counters that RECORD writes to memory."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from ...spec.isa import RECORD_BYTES
from ...spec.registers import RECORDED

__all__ = ["read_record", "recorder"]

Bytes = npt.NDArray[np.uint8]


def recorder(counters: Mapping[str, int]) -> Bytes:
    """Encode a record.

    Parameters
    ----------
    counters : mapping of str to int
        Values of `RECORDED` by name, 0 to 2**64 - 1.

    Returns
    -------
    ndarray of shape (RECORD_BYTES,), uint8
        Little-endian words in the order of `RECORDED`; the rest is 0.

    Examples
    --------
    >>> row = recorder(dict.fromkeys(RECORDED, 0) | {"cycles": 258})
    >>> row[:3].tolist(), row.size
    ([2, 1, 0], 128)
    """
    words = np.zeros(RECORD_BYTES // 8, np.dtype("<u8"))
    words[: len(RECORDED)] = [counters[name] for name in RECORDED]
    return words.view(np.uint8)


def read_record(row: Bytes) -> dict[str, int]:
    """Decode a record.

    Parameters
    ----------
    row : ndarray of shape (RECORD_BYTES,), uint8

    Returns
    -------
    dict of str to int
        Values by the names of `RECORDED`.
    """
    words = np.frombuffer(row.tobytes(), "<u8")
    return {name: int(word) for name, word in zip(RECORDED, words, strict=False)}
