"""The only file that touches PyTorch's quantization: conversion, INT8 modules, their warnings.

``torch.ao.quantization`` is deprecated; what replaces it one day is to be adapted here.
"""

from __future__ import annotations

import operator as python_operator
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from functools import partial
from typing import Any, cast

import torch
from torch import nn
from torch.fx import config

from ..golden.graph import Quantization
from .spelling import SCOPE, spell, trace

__all__ = ["ENGINE", "FIDELITY", "convert", "fake_quantize", "fake_quantizers", "one_thread"]
__all__ += ["path_of", "prepare_live", "qnnpack", "rebuild"]

ENGINE = "qnnpack"
FIDELITY = "maccord_fidelity"  # key in a converted network's meta

_WARNINGS = (
    (DeprecationWarning, r"torch\.ao\.quantization is deprecated"),
    (UserWarning, r"torch\.quantize_per_tensor, torch\.quantize_per_channel"),
    (UserWarning, r"All inputs of this cat operator must share"),
    (UserWarning, r"Using padding='same' with even kernel"),  # refused later, in a sentence
)
_ADD = (python_operator.add, torch.add)


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


def convert(
    model: nn.Module,
    images: Sequence[torch.Tensor],
    network: str = "",
    *,
    corrected: bool = True,
) -> torch.fx.GraphModule:
    """Quantize a float network after training.

    Weights are per-channel symmetric int8 by their minimum and maximum, activations per-tensor
    affine quint8 by a histogram over the images; batch norm is folded, ReLU fused. Before that,
    `spelling` rewrites calls that quantization would misread; what it leaves computes the same
    floats, bit by bit, on the first image.

    Parameters
    ----------
    model : Module
        In evaluation mode.
    images : sequence of Tensor of shape (N, 3, H, W)
        For the observers.
    network : str, optional
        Name for errors; by default the class's.
    corrected : bool
        Whether biases make up for what rounding the weights shifts (`bias_correction`).

    Returns
    -------
    GraphModule
        PyTorch's own INT8 network, as ``convert_fx`` returns it. Its `meta` has, under
        `FIDELITY`, a function that measures its `fidelity.Fidelity`.

    Raises
    ------
    ValueError
        If ``torch.fx`` cannot trace the network, it does not take the images, or a call in it
        would not be what it means in INT8; the message names the call.
    """
    from . import preparation
    from .bias_correction import correct_biases
    from .fidelity import measure

    network = network or type(model).__name__
    with qnnpack(), one_thread():
        with _traceable(model):
            spelled = trace(model)
            expected = model(images[0].clone())
        spell(spelled, network)
        with _traceable(model):
            found = spelled(images[0].clone())
        _check_floats(network, expected, found)
        with _traceable(model):
            prepared = _prepare(spelled, images[0])
            preparation.separate_layers(prepared)
            preparation.observe_behind_clamps(prepared)
            for image in images:
                prepared(image.clone())
        floats = preparation.floats(prepared)
        if corrected:
            correct_biases(prepared, images)
        preparation.floor_weight_scales(prepared)
        converted = _finish(prepared, spelled)
        measured = partial(measure, model, floats, converted, images)
        converted.meta[FIDELITY] = measured  # of a network that can be imported
        return converted


def rebuild(model: nn.Module, image: torch.Tensor) -> torch.fx.GraphModule:
    """Return the network that `convert` makes, without its numbers.

    Parameters
    ----------
    model : Module
        As for `convert`; its weights are not looked at.
    image : Tensor of shape (1, 3, H, W)
        Any image of the size.

    Returns
    -------
    GraphModule
        Of the same structure; weights, biases, scales and zero points are arbitrary.
    """
    with qnnpack(), one_thread():
        spelled = trace(model)
        spell(spelled, type(model).__name__)
        prepared = _prepare(spelled, image)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="must run observer before")
            return _finish(prepared, spelled)


@contextmanager
def _traceable(model: nn.Module) -> Iterator[None]:
    """Turn whatever tracing and the model's own code raise into one sentence."""
    try:
        yield
    except Exception as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise ValueError(
            f"{type(model).__name__} must be a network of one image that torch.fx can trace, "
            f"got: {reason}"
        ) from error


def _check_floats(network: str, expected: object, found: object) -> None:
    """Refuse a network that tracing or spelling has changed, or that is random."""
    if isinstance(expected, torch.Tensor) and not torch.equal(expected, cast(torch.Tensor, found)):
        raise ValueError(
            f"{network}: network must compute the same floats when torch.fx has traced it, got "
            "others: it is random, or has a statement that tracing does not see, as x += y where "
            "x has another name, too"
        )


def _prepare(spelled: torch.fx.GraphModule, image: torch.Tensor) -> torch.fx.GraphModule:
    """Put in observers."""
    from torch.ao.quantization import get_default_qconfig_mapping
    from torch.ao.quantization.quantize_fx import prepare_fx

    from . import preparation

    mapping = get_default_qconfig_mapping(ENGINE).set_global(preparation.qconfig())
    emit, config.do_not_emit_stack_traces = config.do_not_emit_stack_traces, True
    try:  # stack traces of nodes cost a second: they import all of torch's compiler
        return prepare_fx(spelled, mapping, (image,), backend_config=preparation.backend())
    finally:
        config.do_not_emit_stack_traces = emit


def _finish(prepared: torch.fx.GraphModule, spelled: torch.fx.GraphModule) -> torch.fx.GraphModule:
    """Convert, and note in each node's meta where it came from."""
    from torch.ao.quantization.quantize_fx import convert_fx

    from .preparation import backend

    scopes = _scopes(prepared, spelled)
    adds = [scopes.get(node.name, "") for node in prepared.graph.nodes if node.target in _ADD]
    converted = convert_fx(prepared, backend_config=backend())
    _write_scopes(converted, scopes, adds)
    return converted


def _scopes(prepared: torch.fx.GraphModule, spelled: torch.fx.GraphModule) -> dict[str, str]:
    """Return what to put before the nodes' operators, by node.

    That is the path of the module that calls them, then a dot; a flattening module's is all.
    Preparation has traced the spelled graph again, node by node, and named the nodes itself.
    """
    attributes: Any = prepared.meta["_observed_graph_module_attrs"]
    names = list(attributes.node_name_to_scope)
    scopes = [node.meta.get(SCOPE, "") for node in spelled.graph.nodes]
    if len(names) != len(scopes):  # parameters that are read by themselves: nothing we import
        return {}
    return dict(zip(names, scopes, strict=True))


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
            node.meta[SCOPE] = next(remaining, "")
        else:
            node.meta[SCOPE] = scopes.get(node.name, "")


def path_of(node: torch.fx.Node, word: str) -> str:
    """Path of the module whose code calls a converted node's operator, then a word for it."""
    scope = node.meta.get(SCOPE, "")
    return scope if scope and not scope.endswith(".") else scope + word


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
    """Return a prepared network's ``FakeQuantize`` modules by path; some have several."""
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
