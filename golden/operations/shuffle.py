"""Channel shuffle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from .preserving import Preserving

__all__ = ["Shuffle"]


@dataclass(frozen=True)
class Shuffle(Preserving):
    """Channels of several groups, interleaved: one of each group, then the next of each.

    Parameters
    ----------
    groups : int
        Divides the channels.
    """

    op: ClassVar[str] = "shuffle"
    groups: int

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of the output, equal to the input's."""
        return input_shape

    def sources(self, channels: int) -> npt.NDArray[np.int64]:
        """Input channel of each output channel.

        Examples
        --------
        >>> from ..quantization import Quantization
        >>> Shuffle("shuffle", Quantization(1.0, 0), 2).sources(6)
        array([0, 3, 1, 4, 2, 5])
        """
        return np.arange(channels).reshape(self.groups, -1).T.reshape(-1)
