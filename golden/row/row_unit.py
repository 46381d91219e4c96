"""Golden model of the row unit: SETUP_ROW, ROW_TABLE and ROWS on bytes of the scratchpad."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...spec.isa import Instruction
from ...spec.isa_names import RowFunction
from ...spec.isa_row import NORM_ENTRY, SOFTMAX_ENTRY, TERM_BITS, TERMS
from ..quantization import Quantization
from .layer_norm import normalized
from .softmax import softmax

__all__ = ["RowUnit"]

Bytes = npt.NDArray[np.uint8]
_NORMAL = 2.0**-126
_LARGEST = float(np.finfo(np.float32).max)


class RowUnit:
    """The function that is set up, and the table of each function.

    Examples
    --------
    >>> from ...spec.isa import Opcode
    >>> unit = RowUnit()
    >>> unit.setup(Instruction(Opcode.SETUP_ROW, {"function": 1}))
    >>> unit.entry_bytes
    4
    >>> unit.load(np.full(256, 1 << 20, "<u4").view(np.uint8))
    >>> unit.run(np.array([[5, 5]], np.uint8)) ^ 0x80
    array([[128, 128]], dtype=uint8)
    """

    def __init__(self) -> None:
        self._setup: Instruction | None = None
        self._terms = np.zeros(0, np.uint32)
        self._norm = np.zeros((0, 2), np.float32)  # gamma and beta of each element

    def setup(self, instruction: Instruction) -> None:
        """Execute SETUP_ROW.

        Raises
        ------
        ValueError
            If a number is not positive and normal.
        """
        if instruction["function"] == RowFunction.LAYER_NORM:
            scale = float(np.uint32(instruction["scale"]).view(np.float32))
            eps = float(np.uint64(instruction["eps"]).view(np.float64))
            multiplier = float(np.uint32(instruction["multiplier"]).view(np.float32))
            for name, value in (("scale", scale), ("multiplier", multiplier)):
                if not _NORMAL <= value <= _LARGEST:
                    raise ValueError(f"{name} must be a normal fp32 number above 0, got {value}")
            if not float(np.finfo(np.float64).tiny) <= eps < np.inf:
                raise ValueError(f"eps must be a normal fp64 number above 0, got {eps}")
        self._setup = instruction

    @property
    def entry_bytes(self) -> int:
        """Bytes of an entry of the function's table in the scratchpad.

        Raises
        ------
        ValueError
            If no function is set up.
        """
        return NORM_ENTRY if self._function == RowFunction.LAYER_NORM else SOFTMAX_ENTRY

    @property
    def _function(self) -> RowFunction:
        if self._setup is None:
            raise ValueError("no function of rows is set up")
        return RowFunction(self._setup["function"])

    def load(self, data: Bytes) -> None:
        """Execute ROW_TABLE.

        Parameters
        ----------
        data : ndarray of shape (entries * `entry_bytes`,), uint8

        Raises
        ------
        ValueError
            If it is no table of the function: softmax has 256 entries, the last one above 0; gamma
            and beta are finite, and 0 or normal.
        """
        if self._function == RowFunction.SOFTMAX:
            terms = np.frombuffer(data.tobytes(), "<u4") & np.uint32((1 << TERM_BITS) - 1)
            if terms.size != TERMS or not terms[-1]:
                raise ValueError(
                    f"a table of exponentials must have {TERMS} entries, the last above 0, got "
                    f"{terms.size} and {terms[-1]}"
                )
            self._terms = terms.astype(np.uint32)
            return
        norm = np.frombuffer(data.tobytes(), "<f4").reshape(-1, 2)
        size = np.abs(norm.astype(np.float64))
        if not ((size == 0) | ((size >= _NORMAL) & (size <= _LARGEST))).all():
            raise ValueError("gamma and beta must be 0 or normal fp32 numbers")
        # A shorter table leaves the entries behind it as they were
        self._norm = np.concatenate([norm, self._norm[len(norm) :]])

    def run(self, rows: Bytes) -> Bytes:
        """Execute ROWS.

        Parameters
        ----------
        rows : ndarray of shape (rows, elements), uint8
            Bytes of the scratchpad: codes minus 128.

        Returns
        -------
        ndarray of that shape, uint8

        Raises
        ------
        ValueError
            If the function has no table, or one of fewer elements; or if the arithmetic does not
            accept the row.
        """
        codes, elements = rows ^ np.uint8(0x80), rows.shape[1]
        if self._function == RowFunction.SOFTMAX:
            if not self._terms.size:
                raise ValueError("softmax has no table")
            return softmax(codes, self._terms) ^ np.uint8(0x80)
        if len(self._norm) < elements:
            raise ValueError(
                f"layer norm must have a table of {elements} elements, got {len(self._norm)}"
            )
        assert self._setup is not None
        step = self._setup
        gamma, beta = self._norm[:elements].T.copy()
        return np.uint8(0x80) ^ normalized(
            codes,
            gamma,
            beta,
            float(np.uint64(step["eps"]).view(np.float64)),
            Quantization(float(np.uint32(step["scale"]).view(np.float32)), step["zero_point"]),
            np.uint32(step["multiplier"]).view(np.float32),
            step["output_zero_point"] + 128,
        )
