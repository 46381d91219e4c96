"""Batch norm that no convolution absorbs, as a 1 x 1 depthwise convolution.

PyTorch computes rint(alpha * (q - z) + beta) in floating point, where the accelerator has
rint(m * (w * (q - z) + b)) with an 8-bit w, a 32-bit b and an fp32 m. In a channel, both are
functions of one code, so equality is decided on all 256 codes: for each w and b, every code bounds
m, and an m between all bounds is tried.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import fx, nn

from ..golden.array.requantize import requantize
from ..golden.graph import Conv2d, Quantization
from .examples import Example, fresh
from .unsupported import Unsupported

__all__ = ["batch_norm_layer", "fit_scales", "fitted"]

Codes = npt.NDArray[np.uint8]
Fit = tuple[int, int, np.float32]  # weight, bias and multiplier

_CODES = np.arange(256)
_SIDE = 16  # an image of 16 x 16 has all codes
_NEAR = (0, *(sign * step for step in range(1, 9) for sign in (1, -1)))  # biases that are tried
_LARGEST = 2.0**30  # bias
_NUDGES = tuple(step / 256 for step in range(9))  # of scales
_BLOCK = 2  # weights that are tried at once
_TINY = float(np.finfo(np.float32).tiny)


def batch_norm_layer(module: nn.Module, name: str, source: Quantization) -> Conv2d | None:
    """Convert PyTorch's INT8 module to an integer layer; None if it is another module.

    Parameters
    ----------
    module : Module
    name : str
    source : Quantization
        Of the module's input.

    Raises
    ------
    Unsupported
        If a channel differs from PyTorch's in one of the codes, whatever the weight.
    """
    from torch.ao.nn import quantized
    from torch.ao.nn.intrinsic import quantized as fused

    if not isinstance(module, quantized.BatchNorm2d):
        return None
    plain: Any = module
    target = Quantization(float(plain.scale), int(plain.zero_point))
    relu = isinstance(module, fused.BNReLU2d)
    wanted = _table(module, source)
    alpha, beta = _line(module, source, target)
    channels = len(wanted)
    low = target.zero_point if relu else 0
    fits: list[Fit] = []
    for channel in range(channels):
        line = float(alpha[channel]), float(beta[channel])
        codes = wanted[channel].tobytes()
        fit = _fitted(codes, line, source.zero_point, target.zero_point, low)
        if fit is None:
            raise Unsupported(
                f"{name}: scale and shift of batch_norm2d must be those of an 8-bit weight and a "
                f"32-bit bias for all codes, got others in channel {channel}"
            )
        fits.append(fit)
    weight, bias_q, multiplier = (np.array(part) for part in zip(*fits, strict=True))
    scale = multiplier.astype(np.float64) * target.scale
    return Conv2d(
        name=name,
        weight=weight.astype(np.int8).reshape(channels, 1, 1, 1),
        bias=(bias_q * scale).astype(np.float32),
        bias_q=bias_q.astype(np.int32),
        weight_scale=scale / source.scale,
        multiplier=multiplier.astype(np.float32),
        input=source,
        output=target,
        groups=channels,
        relu=relu,
    )


def fit_scales(converted: fx.GraphModule, example: Example) -> None:
    """Nudge output scales of batch norms until every channel has a weight, a bias and a multiplier.

    Where an offset is nearly a whole number of input codes, no 8-bit weight comes near enough. This
    happens in one of 5,000 channels, and not with another scale.

    Parameters
    ----------
    converted : GraphModule
        Changed in place.
    example : tuple of Tensor of shape (N, ...)
        Any.
    """
    from torch.ao.nn import quantized

    from .reference import Interpreter

    found = [module for module in converted.modules() if isinstance(module, quantized.BatchNorm2d)]
    changed = bool(found)
    while changed:  # what keeps a changed scale may hand it on to another batch norm
        changed = False
        for node, sources, _ in Interpreter(converted).execute(*fresh(example)):
            module: Any = None
            if node.op == "call_module":
                module = converted.get_submodule(str(node.target))
            if any(module is each for each in found):
                source = Quantization(sources[0].q_scale(), sources[0].q_zero_point())
                changed |= _nudge(module, node.name, source)


def _nudge(module: Any, name: str, source: Quantization) -> bool:  # noqa: ANN401
    """Change a module's scale if it has to be; return whether it was."""
    usual = module.scale.clone()
    for step in _NUDGES:
        module.scale = usual * (1 + step)
        try:
            batch_norm_layer(module, name, source)
        except Unsupported:
            continue
        return step > 0
    module.scale = usual
    return False


def _table(module: Any, source: Quantization) -> Codes:  # noqa: ANN401
    """Output of PyTorch's own module for all codes, shape (channels, 256)."""
    from .framework import qnnpack

    channels = int(module.num_features)
    codes = torch.arange(256, dtype=torch.uint8).reshape(1, 1, _SIDE, _SIDE)
    from_codes: Any = torch.ops.aten._make_per_tensor_quantized_tensor
    with qnnpack():
        x = from_codes(
            codes.repeat(1, channels, 1, 1).contiguous(), source.scale, source.zero_point
        )
        return module(x).int_repr().contiguous().reshape(channels, 256).numpy()


def _line(module: Any, source: Quantization, target: Quantization) -> tuple[Any, Any]:  # noqa: ANN401
    """Slopes and offsets in output codes, about."""
    gain = module.weight.detach().double() / (module.running_var.double() + module.eps).sqrt()
    shift = module.bias.detach().double() - module.running_mean.double() * gain
    return gain * (source.scale / target.scale), shift / target.scale


@lru_cache(1 << 15)
def _fitted(
    wanted: bytes, line: tuple[float, float], zero_point: int, target: int, low: int
) -> Fit | None:
    return fitted(np.frombuffer(wanted, np.uint8), line, zero_point, target, low)


def fitted(
    wanted: Codes, line: tuple[float, float], zero_point: int, target: int, low: int
) -> Fit | None:
    """Find weight, bias and multiplier of one channel.

    Parameters
    ----------
    wanted : ndarray of shape (256,), uint8
        Output for each input code.
    line : (float, float)
        Slope and offset of the output in codes, about.
    zero_point, target : int
        Zero points of input and output.
    low : int
        Smallest output.

    Returns
    -------
    Fit or None
        None if no weight gives all codes.

    Examples
    --------
    >>> codes = np.clip(np.rint(0.5 * (np.arange(256.0) - 8) + 3.3), 0, 255).astype(np.uint8)
    >>> weight, bias, multiplier = fitted(codes, (0.5, 3.3), 8, 0, 0)
    >>> steps = weight * (np.arange(256) - 8) + bias
    >>> np.array_equal(np.clip(np.rint(np.float32(steps) * multiplier), 0, 255), codes)
    True
    """
    slope, offset = line
    if (wanted == wanted[0]).all():
        return 0, int(wanted[0]) - target, np.float32(1)
    sign = 1 if slope > 0 else -1
    for first in range(127 + (sign < 0), 0, -_BLOCK):  # few blocks are needed
        magnitudes = np.arange(first, max(first - _BLOCK, 0), -1)
        fit = _fit(wanted, (sign * magnitudes, slope, offset), zero_point, target, low)
        if fit is not None:
            return fit
    return None


def _fit(
    wanted: Codes,
    line: tuple[npt.NDArray[np.int64], float, float],
    zero_point: int,
    target: int,
    low: int,
) -> Fit | None:
    """Try some weights, as `fitted`; `line`: weights, slope and offset."""
    candidates, slope, offset = line
    steps = np.abs(slope / candidates)
    biases = np.rint(offset / steps)[:, None] + np.array(_NEAR)
    weights = np.broadcast_to(candidates[:, None], biases.shape)
    legal = (np.abs(biases) < _LARGEST) & (steps[:, None] > _TINY)
    weights, biases = weights[legal].astype(np.int64), biases[legal].astype(np.int64)
    sums = weights[:, None] * (_CODES - zero_point) + biases[:, None]
    multipliers, possible = _between(wanted.astype(np.int64) - target, sums, low - target, target)
    for index in np.flatnonzero(possible).tolist():
        acc, multiplier = sums[index].astype(np.int32), multipliers[index : index + 1]
        found = requantize(acc[:, None], multiplier, target, low, 255)[:, 0]
        if np.array_equal(wanted, found):
            return int(weights[index]), int(biases[index]), multiplier[0]
    return None


def _between(
    outputs: npt.NDArray[np.int64], sums: npt.NDArray[np.int64], low: int, target: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Find multipliers that round sums to outputs, and where there are any.

    Parameters
    ----------
    outputs : ndarray of shape (256,)
        Without the zero point `target`; `low` is the smallest.
    sums : ndarray of shape (candidates, 256)
    """
    least = np.where(outputs <= low, -np.inf, outputs - 0.5)
    most = np.where(outputs >= 255 - target, np.inf, outputs + 0.5)
    with np.errstate(divide="ignore", invalid="ignore"):
        first, second = least / sums, most / sums
    zero = sums == 0
    bounds = np.where(sums > 0, first, second), np.where(sums > 0, second, first)
    lower = np.where(zero, 0.0, bounds[0]).max(axis=1)
    upper = np.where(zero, np.inf, bounds[1]).min(axis=1)
    possible = (lower < upper) & ~(zero & ((least > 0) | (most < 0))).any(axis=1)
    upper = np.minimum(upper, 2 * lower + 1)
    return ((np.maximum(lower, 0) + upper) / 2).astype(np.float32), possible & (upper > _TINY)
