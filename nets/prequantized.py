"""Networks that their owner has prepared (with observers), trained (QAT) or converted with FX.

Such a network is taken as it is: a converted one is the reference, a prepared one is converted with
PyTorch's defaults. A copy is taken, in evaluation mode. Weights that were packed for another engine
(x86, fbgemm, onednn), which rounds differently, are packed for qnnpack when they are copied.

Weights with one scale for the whole tensor and activations that use seven bits (reduce_range) need
nothing: they are other numbers for the same kernels. Refused are weights with a zero point, and
activations that are not quint8.
"""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import fx, nn

from .framework import one_thread, qnnpack

__all__ = ["is_prequantized", "taken"]


def is_prequantized(model: nn.Module) -> bool:
    """Whether a network has observers, or is quantized already."""
    return bool(_observers(model)) or _is_quantized(model)


def taken(model: nn.Module, network: str) -> fx.GraphModule | None:
    """Return the converted network of a prepared or converted one; None for a float network.

    Parameters
    ----------
    model : Module
        Not modified.
    network : str
        Name for error messages.

    Returns
    -------
    GraphModule
        With weights packed for qnnpack.

    Raises
    ------
    ValueError
        If it was not made by FX, an observer has seen no data, or the weights or activations are
        not what qnnpack computes with.
    """
    if not is_prequantized(model):
        return None
    if not isinstance(model, fx.GraphModule):
        raise ValueError(
            f"{network}: quantized network must be one of prepare_fx, prepare_qat_fx or convert_fx "
            f"itself, got {type(model).__name__}"
        )
    with qnnpack(), one_thread():
        copied = deepcopy(model).eval()
        if _observers(copied):
            _check_observers(copied, network)
            copied = _converted(copied, network)
        for name, module in copied.named_modules():
            _check_weights(module, f"{network}.{name}")
            if getattr(module, "inplace", False):  # their kernels print that they ignore it
                setattr(module, "inplace", False)  # noqa: B010
        _check_activations(copied, network)
        return copied


def _observers(model: nn.Module) -> dict[str, nn.Module]:
    from torch.ao.quantization import FakeQuantizeBase, ObserverBase

    kinds = ObserverBase | FakeQuantizeBase
    return {name: each for name, each in model.named_modules() if isinstance(each, kinds)}


def _is_quantized(model: nn.Module) -> bool:
    from torch.ao.nn import quantized

    kinds = quantized.Conv1d | quantized.Conv2d | quantized.Linear | quantized.Quantize
    if any(isinstance(module, kinds) for module in model.modules()):
        return True
    nodes = model.graph.nodes if isinstance(model, fx.GraphModule) else ()
    return any(node.target is torch.quantize_per_tensor for node in nodes)


def _check_observers(prepared: fx.GraphModule, network: str) -> None:
    """Reject observers without data, whose scales would be arbitrary."""
    for name, observer in _observers(prepared).items():
        low = getattr(observer, "min_val", None)
        if isinstance(low, torch.Tensor) and low.numel() and not torch.isfinite(low).all():
            if _weights_of(prepared, name):
                continue  # seen when it is converted
            raise ValueError(
                f"{network}: observers must have seen calibration inputs, got none in {name}"
            )


def _weights_of(prepared: fx.GraphModule, name: str) -> bool:
    return name not in {str(n.target).partition(".")[0] for n in prepared.graph.nodes} and (
        "weight" in name
    )


def _converted(prepared: fx.GraphModule, network: str) -> fx.GraphModule:
    from torch.ao.quantization.quantize_fx import convert_fx

    try:
        return convert_fx(prepared)
    except Exception as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise ValueError(f"{network}: convert_fx must accept the network, got: {reason}") from None


def _check_weights(module: nn.Module, name: str) -> None:
    """Check a layer's weights."""
    from torch.ao.nn import quantized

    if not isinstance(module, quantized.Conv1d | quantized.Conv2d | quantized.Linear):
        return
    weight, _ = module._weight_bias()
    tensorwise = weight.qscheme() in (torch.per_tensor_affine, torch.per_tensor_symmetric)
    zeros = (
        torch.tensor([weight.q_zero_point()]) if tensorwise else weight.q_per_channel_zero_points()
    )
    if weight.dtype != torch.qint8 or zeros.any():
        raise ValueError(
            f"{name}: weights must be qint8 with zero point 0, got {weight.dtype} with "
            f"{int(zeros.abs().max())}"
        )
    if not tensorwise and weight.q_per_channel_axis() != 0:
        raise ValueError(
            f"{name}: weights must have a scale for each output channel, got one along dimension "
            f"{weight.q_per_channel_axis()}"
        )


def _check_activations(converted: fx.GraphModule, network: str) -> None:
    for node in converted.graph.nodes:
        if node.target is torch.quantize_per_tensor:
            dtype = node.args[3] if len(node.args) > 3 else node.kwargs.get("dtype")
            if dtype != torch.quint8:
                raise ValueError(f"{network}.{node.name}: activations must be quint8, got {dtype}")
