"""The steps of a transformer in floating point."""

from __future__ import annotations

import torch
from torch import nn

from . import steps

__all__ = ["channels_last", "compute", "heads_of"]


def channels_last(images: torch.Tensor) -> torch.Tensor:
    """Images (N, C, H, W) as the steps take them, (N, H, W, C)."""
    return images.permute(0, 2, 3, 1)


def heads_of(x: torch.Tensor, heads: int) -> torch.Tensor:
    """Rearrange (N, W, T, heads * D) as (N, W, heads, T, D)."""
    return x.unflatten(3, (heads, -1)).transpose(2, 3)


def compute(step: steps.Step, *inputs: torch.Tensor) -> torch.Tensor:
    """Return a step's result, of the inputs' dtype."""
    x = inputs[0]
    match step:
        case steps.Convolution():
            return step.module(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        case steps.Tokens():
            first = step.first[None].expand(len(x), -1, -1, -1)
            return torch.cat([first, x.flatten(1, 2)[:, None]], dim=2)
        case steps.AddConstant():
            return x + step.addend.repeat(1, x.shape[1] // step.constant.shape[1], 1, 1)
        case steps.Norm():
            return step.module(x)
        case steps.Linear():
            return nn.functional.linear(x, step.weight, step.bias)
        case steps.Scores():
            q, k = (heads_of(each, step.heads) for each in inputs)
            return (q @ k.transpose(3, 4)).flatten(1, 2) * step.factor
        case steps.Softmax():
            return x.softmax(dim=-1)
        case steps.Weighted():
            mixed = x.unflatten(1, (-1, step.heads)) @ heads_of(inputs[1], step.heads)
            return mixed.transpose(2, 3).flatten(3)
        case steps.Add():
            return x + inputs[1]
        case steps.Gelu():
            return nn.functional.gelu(x)
        case steps.Rearrange():
            return x.flatten(1, 2)[:, torch.from_numpy(step.places)].flatten(3)
        case steps.First():
            return x[:, 0, 0]
        case steps.Mean():
            return x.mean(dim=(1, 2))
    raise TypeError(f"step must be one of maccord.nets.transformer.steps, got {type(step)}")
