"""Operations that only move values, on tensors: codes channels last, or reals channels first."""

from __future__ import annotations

from collections.abc import Callable

import torch

from ..golden.operations.shuffle import Shuffle
from ..golden.operations.slice import Slice
from ..golden.operations.upsample import Upsample

__all__ = ["moved", "shuffle", "take", "upsample"]

_Kernel = Callable[[torch.Tensor], torch.Tensor]


def upsample(operation: Upsample, device: torch.device) -> _Kernel:
    """Return the kernel on codes (N, H, W, C)."""
    down, across = operation.factors
    return lambda x: x.repeat_interleave(down, 1).repeat_interleave(across, 2)


def take(operation: Slice, device: torch.device) -> _Kernel:
    """Return the kernel on codes (N, H, W, C) or (N, K)."""
    index = _index(operation)
    return lambda x: x[(slice(None), *index)].contiguous()


def shuffle(operation: Shuffle, device: torch.device) -> _Kernel:
    """Return the kernel on codes (N, H, W, C)."""
    return lambda x: x[..., torch.from_numpy(operation.sources(x.shape[-1])).to(x.device)]


def moved(operation: Upsample | Slice | Shuffle) -> _Kernel:
    """Return the kernel on reals (N, C, H, W) or (N, K)."""
    if isinstance(operation, Upsample):
        down, across = operation.factors
        return lambda x: x.repeat_interleave(down, 2).repeat_interleave(across, 3)
    if isinstance(operation, Shuffle):
        return lambda x: torch.channel_shuffle(x, operation.groups)
    index = _index(operation)
    return lambda x: x[(slice(None), index[-1], *index[:-1])]


def _index(operation: Slice) -> list[slice]:
    spans = operation.spans
    return [slice(s[0], s[0] + (s[1] - 1) * s[2] + 1, s[2]) if s else slice(None) for s in spans]
