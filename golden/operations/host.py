"""An operation that the host computes, because the accelerator lacks it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ..quantization import Quantization

__all__ = ["Codes", "Host", "HostFunction"]

Codes = npt.NDArray[np.uint8]
HostFunction = Callable[[Sequence[Codes]], Codes]


@dataclass(frozen=True, eq=False)
class Host:
    """A region of operators without hardware, computed by the framework's own kernels.

    Parameters
    ----------
    name : str
        The module path of its first operator, e.g. ``net.norm``.
    inputs : tuple of Quantization
    output : Quantization
    shape : tuple of int
        Output shape of one image: (H, W, C) or (K,).
    function : callable
        Output codes from the list of input codes, all channels last; picklable.
    calls : tuple of str
        The operators that it consists of, for reports.
    """

    op: ClassVar[str] = "host"
    name: str
    inputs: tuple[Quantization, ...]
    output: Quantization
    shape: tuple[int, ...]
    function: HostFunction
    calls: tuple[str, ...] = ()

    def output_shape(self, *input_shapes: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of the output, with the images of the first input."""
        return input_shapes[0][0], *self.shape
