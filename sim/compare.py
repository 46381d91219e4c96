"""Three-way comparison of a layer's output, and where it first goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Comparison", "Mismatch", "compare"]

_Codes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Mismatch:
    """One wrong output.

    Parameters
    ----------
    tensor : str
        What it is part of.
    reference : str
        Source of the expected value: ``golden`` or ``torch``.
    index : tuple of int
        (n, y, x, c), or (n, c) for a linear layer.
    expected, got : int
        Output codes, 0 to 255.
    accumulator : int, optional
        The golden model's int32 sum for this output; None for operators without one.
    """

    tensor: str
    reference: str
    index: tuple[int, ...]
    expected: int
    got: int
    accumulator: int | None

    def __str__(self) -> str:
        names = "n, y, x, c" if len(self.index) == 4 else "n, c"
        place = f"{self.tensor}[{', '.join(map(str, self.index))}] ({names})"
        said = f"expected {self.expected} ({self.reference}), got {self.got} (RTL)"
        sums = "" if self.accumulator is None else f", accumulator {self.accumulator}"
        return f"{place}, channel {self.index[-1]}: {said}{sums}"


@dataclass(frozen=True)
class Comparison:
    """The outcome for one layer.

    Parameters
    ----------
    compared : int
        Outputs compared.
    golden : int
        RTL outputs that differ from the golden model's.
    torch : int or None
        RTL outputs that differ from PyTorch's; None if it was not asked.
    equal : int
        Outputs equal to all that there are.
    first : tuple of Mismatch
        The first mismatches in memory order, against the golden model if it differs.
    extent : str
        Extent of the differences; empty if there are none.
    """

    compared: int
    golden: int
    torch: int | None
    equal: int
    first: tuple[Mismatch, ...]
    extent: str


def compare(
    y_rtl: _Codes,
    y_golden: _Codes,
    y_torch: _Codes | None,
    accumulators: Callable[[], npt.NDArray[np.int32] | None],
    *,
    tensor: str = "output",
    limit: int = 4,
) -> Comparison:
    """Compare the RTL's output with the golden model's and with PyTorch's, byte for byte.

    Parameters
    ----------
    y_rtl, y_golden, y_torch : ndarray of equal shape (N, H, W, C) or (N, C), uint8
        `y_torch` is None if PyTorch, or the runtime of a model file, was not asked.
    accumulators : callable
        Returns the golden model's int32 sums in the same shape, or None where there are none;
        called only on a mismatch.
    tensor : str
        Name of the outputs.
    limit : int
        Mismatches to explain.

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError
        If the shapes or dtypes differ.
    """
    expected = {"golden": y_golden} | ({} if y_torch is None else {"torch": y_torch})
    for name, y in expected.items():
        if y.shape != y_rtl.shape or y.dtype != y_rtl.dtype:
            raise ValueError(
                f"y_{name} must be {y_rtl.dtype} of shape {y_rtl.shape} as the RTL's output is, "
                f"got {y.dtype} of shape {y.shape}"
            )
    wrong = {name: y_rtl != y for name, y in expected.items()}
    counts = {name: int(np.count_nonzero(mask)) for name, mask in wrong.items()}
    if not any(counts.values()):
        return Comparison(y_rtl.size, 0, counts.get("torch"), y_rtl.size, (), "")
    reference = "golden" if counts["golden"] else "torch"
    sums = accumulators()
    positions = np.argwhere(wrong[reference])
    first = []
    for row in positions[:limit]:
        index = tuple(int(i) for i in row)
        acc = None if sums is None else int(sums[index])
        first.append(
            Mismatch(
                tensor, reference, index, int(expected[reference][index]), int(y_rtl[index]), acc
            )
        )
    return Comparison(
        compared=y_rtl.size,
        golden=counts["golden"],
        torch=counts.get("torch"),
        equal=y_rtl.size - int(np.count_nonzero(np.any(list(wrong.values()), axis=0))),
        first=tuple(first),
        extent=_extent(positions, y_rtl.shape),
    )


def _extent(positions: npt.NDArray[np.intp], shape: tuple[int, ...]) -> str:
    """Describe the rows, columns and channels covered by the positions."""
    names = ("images", "rows", "columns", "channels") if len(shape) == 4 else ("images", "channels")
    parts = []
    for axis in range(1, len(shape)):
        hit = np.unique(positions[:, axis])
        span = f"{hit[0]}" if len(hit) == 1 else f"{hit[0]} to {hit[-1]}"
        parts.append(f"{len(hit)} of {shape[axis]} {names[axis]} ({span})")
    return ", ".join(parts)
