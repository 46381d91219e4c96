"""Table lookup of codes: exact by construction, as the table holds PyTorch's own results."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..operations.lookup import CODES, Lookup

__all__ = ["check_lookup", "lookup"]


def check_lookup(operation: Lookup) -> None:
    """Raise ValueError unless the table has one uint8 for each code."""
    table = operation.table
    if table.dtype != np.uint8 or table.shape != CODES.shape:
        raise ValueError(
            f"{operation.name}: table must be uint8 of shape {CODES.shape}, got {table.dtype} of "
            f"{table.shape}"
        )


def lookup(x_q: npt.NDArray[np.uint8], operation: Lookup) -> npt.NDArray[np.uint8]:
    """Output codes of a table.

    Parameters
    ----------
    x_q : ndarray, uint8
        Any shape.
    operation : Lookup

    Returns
    -------
    ndarray of x_q's shape, uint8

    Raises
    ------
    ValueError
        If x_q is not uint8, or the table is not legal.

    Examples
    --------
    >>> from ..quantization import Quantization
    >>> codes = Quantization(1.0, 0)
    >>> lookup(np.array([0, 3], np.uint8), Lookup("neg", codes, codes, CODES[::-1].copy()))
    array([255, 252], dtype=uint8)
    """
    check_lookup(operation)
    if x_q.dtype != np.uint8:
        raise ValueError(f"x_q must be uint8, got {x_q.dtype}")
    return operation.table[x_q]
