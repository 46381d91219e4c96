"""Placement and input of observers in a float network.

Two things differ from PyTorch's defaults, neither of them in the INT8 kernels. First, an observer
before a clamp sees the clamped values, because no others are encoded: on a trained
EfficientNet-Lite0, the default wastes 246 of 256 codes on values outside ReLU6's bounds. Second,
zero padding keeps its input's scale and zero point, so that it pads codes.
"""

from __future__ import annotations

import copy
import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import fx, nn
from torch.ao import quantization
from torch.ao.quantization import backend_config
from torch.ao.quantization.backend_config import utils as _utils  # noqa: F401  (PyTorch's omits it)
from torch.nn import functional

from .lattice import lattice_scales
from .parts import PARTS

__all__ = [
    "PADS",
    "attempt",
    "backend",
    "clamped",
    "floats",
    "observe_behind_clamps",
    "qconfig",
    "scale_slopes",
    "scale_transposed",
    "separate_scaled",
    "set_weight_scales",
    "share_observers",
]

PADS: tuple[object, ...] = (
    *(functional.pad, nn.ZeroPad1d, nn.ConstantPad1d, nn.ZeroPad2d, nn.ConstantPad2d),
)

_BIAS_STEPS = 2.0**30  # half of int32 for the bias, half for the sum of products
_PAIRS = (operator.add, operator.mul)
_CLAMPS = (functional.relu6, functional.hardtanh, torch.clamp, "clamp")
_KEEPING = (
    *PARTS,
    *(torch.max_pool2d, functional.max_pool2d, functional.avg_pool2d),
    *(functional.adaptive_avg_pool2d, torch.mean, "mean", functional.interpolate, torch.narrow),
)
_KEEPING_MODULES = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.ChannelShuffle)
_BOUNDS = {  # positions, names and defaults of a clamp's bounds
    functional.hardtanh: (("min_val", -1.0), ("max_val", 1.0)),
    torch.clamp: (("min", None), ("max", None)),
    "clamp": (("min", None), ("max", None)),
}


class _GivenScales(quantization.PerChannelMinMaxObserver):
    """Weight observer whose scales are given; its own minimum, 2**-23, bounds them from below."""

    def __init__(self, scales: torch.Tensor, **options: Any) -> None:  # noqa: ANN401
        super().__init__(**options)
        self.scales = scales

    def calculate_qparams(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return scales and zero points, tensors of shape (channels,)."""
        _, zero_point = super().calculate_qparams()
        return self.scales.clamp(min=float(self.eps)), zero_point


def qconfig() -> quantization.QConfig:
    """Return histogram observers for activations, per-channel min/max for weights."""
    return quantization.QConfig(
        activation=quantization.HistogramObserver.with_args(reduce_range=False),
        weight=quantization.PerChannelMinMaxObserver.with_args(
            dtype=torch.qint8, qscheme=torch.per_channel_symmetric
        ),
    )


def scale_transposed(prepared: fx.GraphModule) -> None:
    """Give transposed convolutions without groups a weight scale for each output channel.

    ``prepare_fx`` allows one scale for all, but qnnpack's kernel has them. Output channels are the
    second dimension of these weights.
    """
    weight = quantization.PerChannelMinMaxObserver.with_args(
        dtype=torch.qint8, qscheme=torch.per_channel_symmetric, ch_axis=1
    )
    for module in prepared.modules():
        if isinstance(module, nn.ConvTranspose2d) and module.groups == 1:
            old: Any = module.qconfig
            module.qconfig = old._replace(weight=weight)  # pyright: ignore[reportArgumentType]


class _Slopes(quantization.MinMaxObserver):
    """Weight observer of PReLU, whose kernel takes 1 as a code of the slopes' scale, too."""

    def forward(self, x_orig: torch.Tensor) -> torch.Tensor:
        """Observe slopes, a tensor of any shape."""
        super().forward(torch.cat([x_orig.detach().reshape(-1), torch.ones(1)]))
        return x_orig


def scale_slopes(prepared: fx.GraphModule) -> None:
    """Give the slopes of PReLU a scale that holds them and 1, in uint8."""
    for module in prepared.modules():
        if isinstance(module, nn.PReLU):
            old: Any = getattr(module, "qconfig", None)
            if old is not None:
                module.qconfig = old._replace(weight=_Slopes)  # pyright: ignore[reportAttributeAccessIssue]


def backend() -> backend_config.BackendConfig:
    """Return the configuration of PyTorch's INT8 kernels; pads and parts keep their scale."""
    config = backend_config.get_native_backend_config()
    codes = backend_config.DTypeConfig(input_dtype=torch.quint8, output_dtype=torch.quint8)
    shares = backend_config.ObservationType.OUTPUT_SHARE_OBSERVER_WITH_INPUT
    for kept in (*PADS, *PARTS):
        pattern: Any = backend_config.BackendPatternConfig(kept)  # pyright: ignore
        config.set_backend_pattern_config(
            pattern.set_observation_type(shares).set_dtype_configs([codes])
        )
    return config


def clamped(prepared: fx.GraphModule) -> dict[fx.Node, tuple[float, float]]:
    """Return observers whose tensor only a clamp reads, with the clamp's bounds.

    The image's observer is excluded.
    """
    found = {}
    for node in prepared.graph.nodes:
        bounds = _bounds(prepared, node)
        if bounds is None:
            continue
        observed = node.args[0]
        observer = _module(prepared, observed)
        if not isinstance(observer, quantization.ObserverBase) or len(observed.users) > 1:
            continue
        if observed.args[0].op != "placeholder" and len(observed.args[0].users) == 1:
            found[observed] = bounds
    return found


def separate_scaled(prepared: fx.GraphModule) -> None:
    """Give sums and products with a number observers of their own.

    ``prepare_fx`` gives them the observer of their input, whose scale would suit the larger of the
    two; the INT8 kernels compute the result's scale from the input's.
    """
    for node in prepared.graph.nodes:
        if node.target not in _PAIRS or len(node.all_input_nodes) != 1:
            continue
        given = _module(prepared, node.all_input_nodes[0])
        readers = [node, *(user for user in node.users if user.target is functional.relu)]
        observed = {user for reader in readers for user in reader.users}
        for user in observed:
            observer = _module(prepared, user)
            if observer is given and isinstance(observer, quantization.ObserverBase):
                prepared.set_submodule(str(user.target), copy.deepcopy(observer))


def share_observers(prepared: fx.GraphModule) -> None:
    """Give outputs of operators that keep their input's scale its observer again.

    A concatenation gives all of its inputs one observer, and forgets that pools, upsamplings,
    shuffles and parts share theirs with the tensor that they read.
    """
    for node in prepared.graph.nodes:
        if not (node.target in _KEEPING or isinstance(_module(prepared, node), _KEEPING_MODULES)):
            continue
        kept = _module(prepared, node.args[0])
        for user in node.users:
            other = _module(prepared, user)
            observed = isinstance(other, quantization.ObserverBase) and other is not kept
            if kept is None or not observed:
                continue
            for name, module in list(prepared.named_modules(remove_duplicate=False)):
                if module is other:
                    prepared.set_submodule(name, kept)


def observe_behind_clamps(prepared: fx.GraphModule) -> None:
    """Make observers of tensors that only a clamp reads observe the clamped values.

    Parameters
    ----------
    prepared : GraphModule
        From ``prepare_fx``, before the calibration images.

    Notes
    -----
    FX does not fuse a convolution with ReLU6, hardtanh or clamp, so the convolution's observer
    is placed before the clamp. The image's observer is not changed.
    """
    for observed, bounds in clamped(prepared).items():
        prepared.get_submodule(str(observed.target)).register_forward_pre_hook(_clamping(*bounds))


def _clamping(low: float, high: float) -> Callable[[nn.Module, tuple], tuple]:
    return lambda _, args: (args[0].clamp(low, high), *args[1:])


def _module(prepared: fx.GraphModule, node: object) -> nn.Module | None:
    """Return the module that a node calls, if it is a node and calls one."""
    if isinstance(node, fx.Node) and node.op == "call_module":
        return prepared.get_submodule(str(node.target))
    return None


def _bounds(prepared: fx.GraphModule, node: fx.Node) -> tuple[float, float] | None:
    """Return both bounds of a clamp; None for other nodes and one-sided clamps."""
    module = _module(prepared, node)
    if isinstance(module, nn.Hardtanh):  # includes ReLU6
        return float(module.min_val), float(module.max_val)
    if node.op not in ("call_function", "call_method") or node.target not in _CLAMPS:
        return None
    if node.target is functional.relu6:
        return 0.0, 6.0
    found = []
    for position, (name, usual) in enumerate(_BOUNDS[node.target], start=1):
        given = node.args[position] if len(node.args) > position else node.kwargs.get(name, usual)
        if not isinstance(given, int | float):
            return None
        found.append(float(given))
    return found[0], found[1]


def separate_layers(prepared: fx.GraphModule) -> None:
    """Replace layers by copies that share their tensors with the user's layers.

    Layers without batch norm are the user's own modules, which must not be modified.
    """
    for name, module in list(prepared.named_modules()):
        if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Linear | nn.ConvTranspose2d):
            own = copy.copy(module)
            own._parameters = dict(module._parameters)
            prepared.set_submodule(name, own)


def floats(prepared: fx.GraphModule) -> fx.GraphModule:
    """Return a copy of the network with shared weights, which conversion does not modify."""
    result = fx.GraphModule(prepared, copy.deepcopy(prepared.graph))
    for name, module in list(result.named_modules()):
        if name and isinstance(module, nn.Sequential):  # fused: conversion replaces its parts
            result.set_submodule(name, nn.Sequential(*module))
    return result


def attempt(prepared: fx.GraphModule) -> fx.GraphModule:
    """Return a copy of the network with shared weights, for a conversion that may be repeated."""
    result = fx.GraphModule(prepared, copy.deepcopy(prepared.graph))
    result.meta.update(prepared.meta)
    for name, module in list(result.named_modules()):
        if name and isinstance(module, nn.Sequential):  # fused: conversion replaces its parts
            own = copy.copy(module)
            own._modules = dict(module._modules)
            result.set_submodule(name, own)
    return result


def set_weight_scales(prepared: fx.GraphModule) -> None:
    """Choose scales of weights where the observer's, from the largest weight, are unfit.

    Weights on a lattice keep their codes (`lattice`). A lower bound on each channel's scale keeps
    biases within int32.

    Parameters
    ----------
    prepared : GraphModule
        From ``prepare_fx``, after the calibration images.

    Notes
    -----
    Trained networks have dead channels, whose weights are near 0. Their scale is the observer's
    minimum, 2**-23, and the bias, in units of input scale times weight scale, exceeds int32. With
    the scale ``|bias| / (input scale * 2**30)`` the bias takes half of int32; the weights, in total
    some thousandths of the bias, round to about 0, and the channel is constant.
    """
    for node in prepared.graph.nodes:
        module = _module(prepared, node)
        old: Any = getattr(module, "qconfig", None)
        if module is None or old is None:
            continue
        layer = module[0] if isinstance(module, nn.Sequential) else module
        observer: Any = _module(prepared, node.args[0])
        if not isinstance(layer, nn.Conv1d | nn.Conv2d | nn.Linear):
            continue
        if not isinstance(observer, quantization.ObserverBase):
            continue
        found: Any = observer.calculate_qparams()
        input_scale = found[0].double()
        bias = torch.zeros(len(layer.weight)) if layer.bias is None else layer.bias.detach()
        floor = (bias.double().abs() / (input_scale * _BIAS_STEPS)).float()
        usual = old.weight()
        usual(layer.weight.detach())
        observed = usual.calculate_qparams()[0]
        scales = lattice_scales(layer.weight)
        scales = torch.maximum(observed if scales is None else scales, floor)
        if torch.equal(scales, observed):
            continue
        weight = _GivenScales.with_args(
            scales=scales, dtype=torch.qint8, qscheme=torch.per_channel_symmetric
        )
        for owner in {id(each): each for each in (module, layer)}.values():
            owner.qconfig = old._replace(weight=weight)  # pyright: ignore[reportArgumentType]
