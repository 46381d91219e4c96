"""The only file that touches PyTorch's quantization: conversion, INT8 modules, their warnings.

``torch.ao.quantization`` is deprecated; what replaces it one day is to be adapted here.
"""

from __future__ import annotations

import operator as python_operator
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from torch import nn

from ..golden.graph import Conv2d, Layer, Linear, Quantization
from ..golden.requantize import bias_codes, multipliers

__all__ = ["ENGINE", "convert", "fake_quantize", "layer_of", "module_of", "one_thread"]
__all__ += ["fake_quantizers", "operator", "path_of", "prepare_live", "qnnpack"]

ENGINE = "qnnpack"

_WARNINGS = (
    (DeprecationWarning, r"torch\.ao\.quantization is deprecated"),
    (UserWarning, r"torch\.quantize_per_tensor, torch\.quantize_per_channel"),
    (UserWarning, r"All inputs of this cat operator must share"),
)
_SCOPE = "maccord_scope"  # key in a node's meta
_CLAMPS = (
    *(nn.functional.relu6, nn.functional.hardtanh, torch.clamp, "clamp", "clamp_"),
    torch.ops.quantized.relu6,
)
_ADD = (python_operator.add, python_operator.iadd, torch.add, "add", "add_")


@contextmanager
def qnnpack() -> Iterator[None]:
    """Select the engine, without gradients and without the deprecation warnings of quantization."""
    engine = torch.backends.quantized.engine
    with warnings.catch_warnings(), torch.no_grad():
        for category, message in _WARNINGS:
            warnings.filterwarnings("ignore", message=message, category=category)
        torch.backends.quantized.engine = ENGINE
        try:
            yield
        finally:
            torch.backends.quantized.engine = engine


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep torch to one thread.

    The INT8 kernels and the observers gain next to nothing from more, and lose up to a factor of
    ten where other processes keep the cores busy.
    """
    count = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(count)


def convert(model: nn.Module, images: Sequence[torch.Tensor]) -> torch.fx.GraphModule:
    """Quantize a float network after training.

    Weights are per-channel symmetric int8 by their minimum and maximum, activations per-tensor
    affine quint8 by a histogram over the images; batch norm is folded, ReLU fused.

    Parameters
    ----------
    model : Module
        In evaluation mode. Its ``nn.Flatten`` are replaced.
    images : sequence of Tensor of shape (N, 3, H, W)
        For the observers.

    Returns
    -------
    GraphModule
        With PyTorch's INT8 modules.

    Raises
    ------
    ValueError
        If ``torch.fx`` cannot trace the network, or it does not take the images.
    """
    from torch.ao import quantization
    from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx

    qconfig = quantization.QConfig(
        activation=quantization.HistogramObserver.with_args(reduce_range=False),
        weight=quantization.PerChannelMinMaxObserver.with_args(
            dtype=torch.qint8, qscheme=torch.per_channel_symmetric
        ),
    )
    mapping = quantization.get_default_qconfig_mapping(ENGINE).set_global(qconfig)
    _swap_flattens(model)
    with qnnpack(), one_thread():
        try:
            prepared = prepare_fx(model, mapping, (images[0],))
            for image in images:
                prepared(image)
        except Exception as error:  # whatever tracing and the model's own code raise
            reason = str(error).strip().partition("\n")[0] or type(error).__name__
            raise ValueError(
                f"{type(model).__name__} must be a network of one image that torch.fx can trace, "
                f"got: {reason}"
            ) from error
        scopes, adds = _scopes(prepared)
        converted = convert_fx(prepared)
    _write_scopes(converted, scopes, adds)
    _steer(converted)
    return converted


class _Flatten(nn.Module):
    """``nn.Flatten`` by a function: as a module, conversion would leave it to floating point."""

    def __init__(self, flatten: nn.Flatten) -> None:
        super().__init__()
        self.dims = (flatten.start_dim, flatten.end_dim)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.flatten(x, *self.dims)


def _swap_flattens(model: nn.Module) -> None:
    for parent in list(model.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.Flatten):
                setattr(parent, name, _Flatten(child))


def _steer(converted: torch.fx.GraphModule) -> None:
    """Spell operators so that qnnpack's kernels compute them, and rightly.

    Its clamp (``qclamp.cpp`` and ``qrelu.cpp`` of torch 2.13) makes its result contiguous but
    fills it in the input's order, so that a channels-last image, as convolutions make them, comes
    out shuffled: it gets a contiguous input. Its mean serves ``[2, 3]`` alone; other words for
    the same dimensions go to a kernel that rounds otherwise.
    """
    for node in list(converted.graph.nodes):
        if node.op == "call_module":
            clamps = isinstance(converted.get_submodule(node.target), nn.Hardtanh)
        else:
            clamps = node.target in _CLAMPS
        if clamps:
            with converted.graph.inserting_before(node):
                plain = converted.graph.call_method("contiguous", (node.args[0],))
            node.replace_input_with(node.args[0], plain)
        elif node.target in (torch.mean, "mean"):
            dims = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim")
            if isinstance(dims, list | tuple) and sorted(dim % 4 for dim in dims) == [2, 3]:
                options = {key: value for key, value in node.kwargs.items() if key != "dim"}
                node.args, node.kwargs = (node.args[0], [2, 3], *node.args[2:]), options
    converted.recompile()


def _scopes(prepared: torch.fx.GraphModule) -> tuple[dict[str, str], list[str]]:
    """What to put before the nodes' operators, by node; for the sums, in order.

    That is the path of the module that calls them, then a dot; a flattening module's is all.
    """
    attributes: Any = prepared.meta["_observed_graph_module_attrs"]
    scopes = {}
    for name, (path, kind) in attributes.node_name_to_scope.items():
        scopes[name] = path if kind is _Flatten else f"{path}.".lstrip(".")
    adds = [scopes.get(node.name, "") for node in prepared.graph.nodes if node.target in _ADD]
    return scopes, adds


def _write_scopes(
    converted: torch.fx.GraphModule, scopes: dict[str, str], adds: Sequence[str]
) -> None:
    """Note in each converted node's meta where it came from.

    Nodes keep their names, except for sums, which conversion replaces one by one.
    """
    sums = (torch.ops.quantized.add, torch.ops.quantized.add_relu)
    remaining = iter(adds)
    for node in converted.graph.nodes:
        if node.target in sums or node.target in _ADD:
            node.meta[_SCOPE] = next(remaining, "")
        else:
            node.meta[_SCOPE] = scopes.get(node.name, "")


def path_of(node: torch.fx.Node, word: str) -> str:
    """Path of the module whose code calls a converted node's operator, then a word for it."""
    scope = node.meta.get(_SCOPE, "")
    return scope if scope and not scope.endswith(".") else scope + word


def layer_of(module: nn.Module, name: str, source: Quantization) -> Layer | None:
    """Integer layer of one of PyTorch's INT8 modules.

    Parameters
    ----------
    module : Module
    name : str
        For the layer.
    source : Quantization
        Of the module's input.

    Returns
    -------
    Layer or None
        None if the module is no quantized convolution or linear layer.

    Raises
    ------
    ValueError
        If padding is not zeros, or a scale or a bias out of range; the message names the layer.
    """
    from torch.ao.nn import quantized
    from torch.ao.nn.intrinsic import quantized as fused

    if not isinstance(module, quantized.Conv2d | quantized.Linear):
        return None
    weight, bias = module._weight_bias()
    if bias is None:
        bias = torch.zeros(weight.shape[0])
    scales = weight.q_per_channel_scales().numpy().astype(np.float64)
    floats = bias.detach().numpy().astype(np.float32)
    try:
        target = Quantization(float(module.scale), int(module.zero_point))
        multiplier = multipliers(source.scale, scales, target.scale)
        bias_q = bias_codes(floats, source.scale, scales)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    common = {
        "name": name,
        "weight": weight.int_repr().numpy(),
        "bias": floats,
        "bias_q": bias_q,
        "weight_scale": scales,
        "multiplier": multiplier,
        "input": source,
        "output": target,
        "relu": isinstance(module, fused.ConvReLU2d | fused.LinearReLU),
    }
    if isinstance(module, quantized.Linear):
        return Linear(**common)
    if module.padding_mode != "zeros":
        raise ValueError(f"{name}: padding_mode must be zeros, got {module.padding_mode}")
    return Conv2d(
        **common,
        stride=tuple(module.stride),
        padding=tuple(module.padding),
        dilation=tuple(module.dilation),
        groups=module.groups,
    )


def module_of(layer: Layer) -> nn.Module:
    """PyTorch's INT8 module for an integer layer, its weights packed for qnnpack."""
    from torch.ao.nn import quantized
    from torch.ao.nn.intrinsic import quantized as fused

    with qnnpack():
        weight = torch._make_per_channel_quantized_tensor(  # pyright: ignore[reportPrivateImportUsage]
            torch.from_numpy(np.array(layer.weight)),
            torch.from_numpy(layer.weight_scale),
            torch.zeros(len(layer.weight), dtype=torch.int64),
            0,
        )
        if isinstance(layer, Linear):
            outputs, inputs = layer.weight.shape
            kind: Any = fused.LinearReLU if layer.relu else quantized.Linear
            module = kind(1, 1)  # the constructor would pack a weight of full size
            module.in_features, module.out_features = inputs, outputs
        else:
            outputs, depth, *kernel = layer.weight.shape
            kind = fused.ConvReLU2d if layer.relu else quantized.Conv2d
            module = kind(
                depth * layer.groups,
                outputs,
                tuple(kernel),
                layer.stride,
                layer.padding,
                layer.dilation,
                layer.groups,
            )
        module.set_weight_bias(weight, torch.from_numpy(np.array(layer.bias)))
        module.scale = layer.output.scale
        module.zero_point = layer.output.zero_point
    return module


def prepare_live(model: nn.Module, example: torch.Tensor, scope: str) -> torch.fx.GraphModule:
    """Put observers that never rest, each with its fake quantization, into a float network.

    Parameters
    ----------
    model : Module
        In evaluation mode; it is copied.
    example : Tensor of shape (1, 3, H, W)
        For tracing.
    scope : "out_channels" or "all"
        Quantize modules that have `out_channels`, or everything that `convert` quantizes.

    Returns
    -------
    GraphModule
        In evaluation mode; its ``FakeQuantize`` modules observe and quantize.
    """
    from torch.ao import quantization
    from torch.ao.quantization.quantize_fx import prepare_qat_fx

    fake = quantization.FakeQuantize  # observes and quantizes from the start
    weights = {"dtype": torch.qint8, "qscheme": torch.per_channel_symmetric}
    qconfig = quantization.QConfig(
        fake.with_args(observer=quantization.HistogramObserver, quant_min=0, quant_max=255),
        fake.with_args(
            observer=quantization.PerChannelMinMaxObserver,
            quant_min=-128,
            quant_max=127,
            **weights,
        ),
    )
    model = deepcopy(model).eval()
    with qnnpack(), one_thread():
        if scope == "all":
            mapping = quantization.get_default_qat_qconfig_mapping(ENGINE).set_global(qconfig)
        else:
            mapping = quantization.QConfigMapping()
            for name, module in model.named_modules():
                if hasattr(module, "out_channels"):
                    mapping.set_module_name(name, qconfig)
        return prepare_qat_fx(model, mapping, (example,)).eval()


def fake_quantizers(prepared: nn.Module) -> dict[str, nn.Module]:
    """A prepared network's ``FakeQuantize`` modules by path; some have several."""
    from torch.ao.quantization import FakeQuantize

    modules = prepared.named_modules(remove_duplicate=False)
    return {name: module for name, module in modules if isinstance(module, FakeQuantize)}


def fake_quantize(x: torch.Tensor, quantization: Quantization) -> torch.Tensor:
    """Quantize and dequantize float32 numbers, as PyTorch's ``FakeQuantize`` modules do.

    f(f(s) * (q - z)) with q = clip(rint(f(x * f(1 / s))) + z, 0, 255): unlike where quantization
    is real, the zero point is added behind the rounding.
    """
    # tensors, as the modules hold them: a scale in double would take another path
    scale = torch.tensor(quantization.scale, dtype=torch.float32)
    zero_point = torch.tensor(quantization.zero_point, dtype=torch.int32)
    return torch.fake_quantize_per_tensor_affine(x, scale, zero_point, 0, 255)


def operator(op: str, sources: Sequence[torch.Tensor], arguments: dict[str, Any]) -> torch.Tensor:
    """Result of one of PyTorch's operators; to be called within `qnnpack`.

    Parameters
    ----------
    op : str
        "quantize", "dequantize", "add", "add_relu", "cat", "flatten", "reshape", "max_pool2d",
        "avg_pool2d", "adaptive_avg_pool2d", "mean", "relu", "relu6", "hardtanh" or "clamp".
    sources : sequence of Tensor
    arguments : dict
        Keyword arguments of the operator.

    Raises
    ------
    ValueError
        If the operator is none of these.
    """
    x = sources[0] if sources else torch.empty(0)
    if op == "quantize":
        return torch.quantize_per_tensor(x, dtype=torch.quint8, **arguments)
    if op == "dequantize":
        return x.dequantize()
    if op in ("add", "add_relu"):
        return getattr(torch.ops.quantized, op)(*sources, **arguments)
    if op == "cat":
        return torch.cat(list(sources), **arguments)
    functions: dict[str, Callable[..., torch.Tensor]] = {
        "flatten": torch.flatten,
        "reshape": torch.reshape,
        "max_pool2d": nn.functional.max_pool2d,
        "avg_pool2d": nn.functional.avg_pool2d,
        "adaptive_avg_pool2d": nn.functional.adaptive_avg_pool2d,
        "mean": torch.mean,
        "relu": torch.relu,
        "relu6": torch.ops.quantized.relu6,
        "hardtanh": nn.functional.hardtanh,
        "clamp": torch.clamp,
    }
    if op in ("relu6", "hardtanh", "clamp"):
        x = x.contiguous()  # as in `_steer`
    if op in functions:
        return functions[op](x, **arguments)
    raise ValueError(f"op must be an operator of the integer graph, got {op}")
