"""Scale and zero point of a tensor's codes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Quantization"]


@dataclass(frozen=True)
class Quantization:
    """Per-tensor affine quint8 parameters: real value = scale * (code - zero_point).

    Parameters
    ----------
    scale : float
        Step between two codes, a normal fp32 number above 0.
    zero_point : int
        Code of the real value 0, in 0..255.
    """

    scale: float
    zero_point: int

    def __post_init__(self) -> None:
        if not 2.0**-126 <= self.scale <= float(np.finfo(np.float32).max):
            raise ValueError(f"scale must be a normal fp32 number above 0, got {self.scale:g}")
        if not 0 <= self.zero_point <= 255:
            raise ValueError(f"zero_point must be between 0 and 255, got {self.zero_point}")
