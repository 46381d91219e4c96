"""The only file that uses PyTorch's quantization: conversion, INT8 modules, their warnings.

``torch.ao.quantization`` is deprecated; its replacement will be adapted here.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from functools import partial

import torch
from torch import nn
from torch.fx import config

from ..golden.graph import Quantization
from .examples import Example, WrongCount, check_count, example_of, fresh
from .fixed_results import check_batches, check_floats, check_results
from .learned_steps import drop_steps, plain
from .origins import REPLACED, origins, scopes_of
from .outputs import tensors_of
from .source_line import LINE, raised_at
from .spelling import SCOPE, spell, trace
from .trials import fit_pairs, leave_call, located
from .unquantized import REASON, restore
from .unsupported import NoKernel
from .values import usual
from .weight_types import check_weights

__all__ = ["ENGINE", "FIDELITY", "convert", "fake_quantize", "fake_quantizers", "one_thread"]
__all__ += ["path_of", "prepare_live", "qnnpack", "rebuild"]

ENGINE = "qnnpack"
FIDELITY = "maccord_fidelity"  # key in a converted network's meta
ORIGIN = "maccord_origin"  # key in a converted node's meta: its name in the prepared network

_WARNINGS = (
    (UserWarning, r"TypedStorage is deprecated"),  # PyTorch's own storage of quantized tensors
    (DeprecationWarning, r"torch\.ao\.quantization is deprecated"),
    (UserWarning, r"torch\.quantize_per_tensor, torch\.quantize_per_channel"),
    (UserWarning, r"(?s).*Triggered internally at .*(qrelu|Resize)\.cpp"),  # of its own kernels
    (UserWarning, r"All inputs of this cat operator must share"),
    (UserWarning, r"Using padding='same' with even kernel"),  # rejected later with a proper message
)


@contextmanager
def qnnpack() -> Iterator[None]:
    """Select the qnnpack engine; disable gradients and quantization's deprecation warnings."""
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
    """Limit torch to one thread.

    INT8 kernels and observers gain almost nothing from more threads, and slow down up to tenfold
    when other processes keep the cores busy.
    """
    count = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(count)


def convert(
    model: nn.Module,
    images: Sequence[torch.Tensor | Example],
    network: str = "",
    *,
    corrected: bool = True,
) -> torch.fx.GraphModule:
    """Quantize a float network after training.

    Weights are per-channel symmetric int8 (min/max observer), activations per-tensor affine quint8
    (histogram observer, or the network's `learned_steps`); batch norm is folded and ReLU fused.
    Before that, `spelling` rewrites calls that quantization would misinterpret; the rewritten
    network must compute bit-identical floats on the first image.

    Parameters
    ----------
    model : Module
        In evaluation mode.
    images : sequence of Tensor of shape (N, ...), or of tuples of them
        Calibration inputs; of a network of several inputs a tensor for each.
    network : str, optional
        Name for error messages; the class's by default.
    corrected : bool
        Whether to apply `bias_correction`.

    Returns
    -------
    GraphModule
        PyTorch's own INT8 network, as returned by ``convert_fx``. Its `meta` holds, under
        `FIDELITY`, a function that measures its `fidelity.Fidelity`.

    Raises
    ------
    ValueError
        If ``torch.fx`` cannot trace the network, it does not accept the images, or a call would
        change its meaning in INT8; the message names the call.
    """
    from . import preparation
    from .batch_norm import fit_scales
    from .bias_correction import correct_biases
    from .fidelity import measure
    from .learned_scales import mark_learned, set_learned_scales

    network = network or type(model).__name__
    examples = [example_of(image) for image in images]
    first = examples[0]
    with qnnpack(), one_thread(), plain(model):
        check_weights(model, network)
        with _traceable(model, first):
            spelled = trace(model)
            check_count(spelled, first, network)
            expected = model(*fresh(first))
        check_results(spelled, network, first, tensors_of(expected, network))
        spell(spelled, network, first)
        mark_learned(spelled, model)
        with _traceable(model, first):
            found = spelled(*fresh(first))
        for before, after in zip(
            tensors_of(expected, network), tensors_of(found, network), strict=True
        ):
            check_floats(spelled, network, first, before, after, partial(model, *first))
        check_batches(spelled, network, examples)
        with _traceable(model, first):
            prepared = _prepare(spelled, first)
        preparation.separate_layers(prepared)
        preparation.scale_transposed(prepared)
        preparation.scale_slopes(prepared)
        preparation.separate_scaled(prepared)
        preparation.share_observers(prepared)
        preparation.observe_behind_clamps(prepared)
        with _calibrating(prepared, spelled, network, examples):
            for example in examples:
                prepared(*fresh(example))
        set_learned_scales(prepared, spelled, model, network)
        fit_pairs(prepared)
        floats = preparation.floats(prepared)
        if corrected:
            correct_biases(prepared, examples)
        preparation.set_weight_scales(prepared)
        converted = _with_kernels(prepared, spelled, network, first)
        fit_scales(converted, first)
        measured = partial(measure, model, floats, converted, examples)
        converted.meta[FIDELITY] = measured  # only for networks that can be imported
        return converted


def rebuild(model: nn.Module, image: torch.Tensor) -> torch.fx.GraphModule:
    """Return the structure of the network that `convert` returns, without its values.

    Parameters
    ----------
    model : Module
        As for `convert`; its weights are ignored.
    image : Tensor of shape (1, 3, H, W)
        Any image of the correct size.

    Returns
    -------
    GraphModule
        Weights, biases, scales and zero points are arbitrary.
    """
    with qnnpack(), one_thread():
        spelled = trace(model)
        spell(spelled, type(model).__name__, (image,))
        prepared = _prepare(spelled, (image,))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="must run observer before")
            return _finish(prepared, spelled)


@contextmanager
def _traceable(model: nn.Module, example: Example) -> Iterator[None]:
    """Convert exceptions from tracing and the model's own code to one sentence."""
    taken = "one image" if len(example) == 1 else f"{len(example)} inputs"
    try:
        yield
    except WrongCount:
        raise
    except Exception as error:
        reason = str(error).strip().partition("\n")[0].partition(". ")[0] or type(error).__name__
        raise ValueError(
            f"{type(model).__name__} must be a network of {taken} that torch.fx can trace, "
            f"got: {reason}{raised_at(error)}"
        ) from error


@contextmanager
def _calibrating(
    prepared: torch.fx.GraphModule,
    spelled: torch.fx.GraphModule,
    network: str,
    examples: Sequence[Example],
) -> Iterator[None]:
    """Name the call whose result cannot be observed."""
    try:
        yield
    except Exception as error:
        found = (located(prepared, example) for example in examples)
        node = next((each for each in found if each is not None), None)
        name = node.name if node is not None else ""
        scopes, lines = (scopes_of(prepared, spelled, key) for key in (SCOPE, LINE))
        path, line = scopes.get(name, ""), lines.get(name, "")
        path = f"{network}.{path}{name}" if path.endswith(".") or not path else f"{network}.{path}"
        if node is not None and node.op == "call_module":
            path = f"{network}.{node.target}"
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        place = f" ({line})" if line else ""
        raise ValueError(
            f"{path}: results must be numbers that PyTorch's observers take, got: {reason}{place}"
        ) from error


def _with_kernels(
    prepared: torch.fx.GraphModule,
    spelled: torch.fx.GraphModule,
    network: str,
    example: Example,
) -> torch.fx.GraphModule:
    """Convert; leave in floating point each call for which PyTorch has no INT8 kernel."""
    from .preparation import attempt
    from .reference import Interpreter

    while True:
        # usual calls have kernels
        trial = prepared if usual(spelled) else attempt(prepared)
        try:
            converted = _finish(trial, spelled)
        except Exception as error:
            reason = str(error).strip().partition("\n")[0]
            raise ValueError(
                f"{network}: network must be one that PyTorch can convert to INT8, got: {reason}"
            ) from error
        if trial is prepared:
            return converted
        try:
            for _ in Interpreter(converted).execute(*fresh(example)):
                pass
        except NoKernel as error:
            names = {node.name: node.meta[ORIGIN] for node in converted.graph.nodes}
            if not leave_call(prepared, names[error.node], error.reason):
                raise
        else:
            return converted


def _prepare(spelled: torch.fx.GraphModule, example: Example) -> torch.fx.GraphModule:
    """Insert observers."""
    from torch.ao.quantization import get_default_qconfig_mapping
    from torch.ao.quantization.quantize_fx import prepare_fx

    from . import preparation

    mapping = get_default_qconfig_mapping(ENGINE).set_global(preparation.qconfig())
    mapping.set_object_type(nn.ConvTranspose3d, None)  # its INT8 kernel returns other codes
    emit, config.do_not_emit_stack_traces = config.do_not_emit_stack_traces, True
    try:  # nodes' stack traces import torch's compiler, which takes a second
        return prepare_fx(spelled, mapping, example, backend_config=preparation.backend())
    finally:
        config.do_not_emit_stack_traces = emit


def _finish(prepared: torch.fx.GraphModule, spelled: torch.fx.GraphModule) -> torch.fx.GraphModule:
    """Convert, and keep each node's origin in its meta."""
    from torch.ao.quantization.quantize_fx import convert_fx

    from .preparation import backend

    scopes, lines, reasons = (scopes_of(prepared, spelled, key) for key in (SCOPE, LINE, REASON))
    reasons |= {n.name: n.meta[REASON] for n in prepared.graph.nodes if n.meta.get(REASON)}
    replaced = [
        [node.name for node in prepared.graph.nodes if node.target in targets]
        for targets, _ in REPLACED
    ]
    converted = convert_fx(prepared, backend_config=backend())
    for node, name in origins(converted, replaced):
        node.meta[SCOPE], node.meta[LINE] = scopes.get(name, ""), lines.get(name, "")
        node.meta[REASON], node.meta[ORIGIN] = reasons.get(name, ""), name
    restore(converted)
    return converted


def path_of(node: torch.fx.Node, word: str) -> str:
    """Path of the module that calls a converted node's operator, followed by `word`."""
    scope = node.meta.get(SCOPE, "")
    return scope if scope and not scope.endswith(".") else scope + word


def prepare_live(model: nn.Module, example: torch.Tensor, scope: str) -> torch.fx.GraphModule:
    """Insert always-enabled observers, each with fake quantization, into a float network.

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
    drop_steps(model)
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
    """Return a prepared network's ``FakeQuantize`` modules by path; some have several paths."""
    from torch.ao.quantization import FakeQuantize

    modules = prepared.named_modules(remove_duplicate=False)
    return {name: module for name, module in modules if isinstance(module, FakeQuantize)}


def fake_quantize(x: torch.Tensor, quantization: Quantization) -> torch.Tensor:
    """Quantize and dequantize float32 values like PyTorch's ``FakeQuantize`` modules.

    f(f(s) * (q - z)) with q = clip(rint(f(x * f(1 / s))) + z, 0, 255): unlike in real
    quantization, the zero point is added after rounding.
    """
    # tensors as in the modules: a double scale would select another kernel
    scale = torch.tensor(quantization.scale, dtype=torch.float32)
    zero_point = torch.tensor(quantization.zero_point, dtype=torch.int32)
    return torch.fake_quantize_per_tensor_affine(x, scale, zero_point, 0, 255)
