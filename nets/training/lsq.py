"""Learned step size quantization (LSQ) of weights.

Esser et al. 2020, "Learned step size quantization" (ICLR), equations 1 to 3, with one step a layer:

- v = round(clip(w / s, -Qn, Qp)) * s, with Qn = 2**(bits - 1) and Qp = Qn - 1;
- dv/ds = round(w / s) - w / s where -Qn < w / s < Qp, else -Qn or Qp;
- dv/dw = 1 where -Qn < w / s < Qp, else 0;
- the step's gradient is scaled by 1 / sqrt(N * Qp), N the layer's number of weights;
- the first step is 2 * mean(|w|) / sqrt(Qp).

``torch._fake_quantize_learnable_per_tensor_affine`` differs: it takes the bounds after rounding.

Two constraints keep the codes within `bits` once batch norm is folded. The step is positive: its
absolute value, at least `SMALLEST_STEP`, is used. Batch norm's scales are projected to 0 or above
after each step of the optimizer: a negative one turns code -Qn into Qn, which `bits` do not hold.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import fx, nn
from torch.nn.utils import parametrize

from ..learned_steps import SMALLEST_STEP, LearnedQuantize
from ..spelling import trace
from .settings import WIDTHS

__all__ = ["SMALLEST_STEP", "LearnedStep", "attach", "detach", "quantize", "quantized_state"]
__all__ += ["span", "widths"]

_LAYERS = (nn.Conv2d, nn.Linear)


def span(bits: int) -> tuple[int, int]:
    """Qn and Qp: codes are -Qn to Qp.

    Raises
    ------
    ValueError
        If `bits` is none of `WIDTHS`.
    """
    if bits not in WIDTHS:
        raise ValueError(f"weight bits must be one of {', '.join(map(str, WIDTHS))}, got {bits}")
    return 1 << bits - 1, (1 << bits - 1) - 1


def quantize(weight: torch.Tensor, step: torch.Tensor, bits: int) -> torch.Tensor:
    """Quantize weights, differentiable in weights and step.

    Parameters
    ----------
    weight : Tensor, float32 or float64
        Of one layer.
    step : Tensor of shape (), same dtype
        Positive.
    bits : int
        One of `WIDTHS`.

    Returns
    -------
    Tensor
        Of the weights' shape: multiples of the step, -2**(bits - 1) to 2**(bits - 1) - 1 of it.

    Examples
    --------
    >>> quantize(torch.tensor([-3.0, 0.2, 0.6, 5.0]), torch.tensor(0.5), 2)
    tensor([-1.0000,  0.0000,  0.5000,  0.5000])
    """
    below, above = span(bits)
    quantized = LearnedQuantize.apply(weight, step, below, above, weight.numel())
    assert isinstance(quantized, torch.Tensor)
    return quantized


class LearnedStep(nn.Module):
    """Parametrization of a layer's weights: quantized with a learned step.

    Parameters
    ----------
    weight : Tensor
        Initial weights, from which the first step is computed.
    bits : int
        One of `WIDTHS`.
    """

    def __init__(self, weight: torch.Tensor, bits: int) -> None:
        super().__init__()
        self.bits = bits
        first = 2 * weight.detach().abs().mean() / math.sqrt(span(bits)[1])
        self.step = nn.Parameter(first.clamp(min=SMALLEST_STEP))

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        """Quantize latent weights."""
        return quantize(weight, self.step.abs().clamp(min=SMALLEST_STEP), self.bits)


def widths(model: nn.Module, bits: int, *, ends: int = 8) -> dict[str, int]:
    """Width of each layer's weights: `bits`, with `ends` for the first and the last layer.

    Parameters
    ----------
    model : Module
        With its layers in order of execution, as the built-in networks have them.
    bits, ends : int
        Each one of `WIDTHS`.

    Returns
    -------
    dict of str to int
        Bits of each convolution and linear layer by path.
    """
    for width in (bits, ends):
        span(width)
    names = [name for name, module in model.named_modules() if isinstance(module, _LAYERS)]
    found = dict.fromkeys(names, bits)
    if names:
        found[names[0]] = found[names[-1]] = ends
    return found


def attach(model: nn.Module, bits: Mapping[str, int]) -> Callable[[], None]:
    """Quantize the weights of layers from now on.

    Channels with a negative batch norm scale are negated with their weights and running mean,
    which changes no output.

    Parameters
    ----------
    model : Module
        Modified in place; torch.fx must be able to trace it.
    bits : mapping of str to int
        Width of the weights by path of the layer.

    Returns
    -------
    callable
        To be called after each step of the optimizer: projects batch norm's scales to 0 or above.
    """
    pairs = _pairs(model)
    for layer, norm in pairs:
        _turn(layer, norm)
    for name, width in bits.items():
        layer = model.get_submodule(name)
        assert isinstance(layer, _LAYERS)
        parametrize.register_parametrization(layer, "weight", LearnedStep(layer.weight, width))

    def project() -> None:
        with torch.no_grad():
            for _, norm in pairs:
                norm.weight.clamp_(min=0)

    return project


def detach(model: nn.Module) -> None:
    """Replace latent weights by the quantized ones, as plain parameters with their old names."""
    for module in model.modules():
        if isinstance(module, _LAYERS) and parametrize.is_parametrized(module, "weight"):
            parametrize.remove_parametrizations(module, "weight")


def quantized_state(model: nn.Module) -> dict[str, torch.Tensor]:
    """Return the state dict that the network would have after `detach`."""
    state = model.state_dict()
    found = {name: value for name, value in state.items() if ".parametrizations." not in name}
    for name, module in model.named_modules():
        if isinstance(module, _LAYERS) and parametrize.is_parametrized(module, "weight"):
            found[f"{name}.weight"] = module.weight.detach()
    return found


def _pairs(model: nn.Module) -> list[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    """Convolutions that only a batch norm reads, which quantization folds."""
    if not any(isinstance(module, nn.BatchNorm2d) for module in model.modules()):
        return []  # as of transformers, which FX does not trace
    found = []
    for node in trace(model).graph.nodes:
        norm = _called(model, node)
        if not isinstance(norm, nn.BatchNorm2d):
            continue
        source = node.args[0]
        layer = _called(model, source)
        if isinstance(layer, nn.Conv2d) and len(source.users) == 1:
            found.append((layer, norm))
    return found


def _called(model: nn.Module, node: fx.Node) -> nn.Module | None:
    return model.get_submodule(str(node.target)) if node.op == "call_module" else None


@torch.no_grad()
def _turn(layer: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
    """Negate the channels whose batch norm scale is negative."""
    sign = torch.where(norm.weight < 0, -1.0, 1.0)
    layer.weight.mul_(sign.view(-1, 1, 1, 1))
    if layer.bias is not None:
        layer.bias.mul_(sign)
    norm.weight.mul_(sign)
    assert norm.running_mean is not None
    norm.running_mean.mul_(sign)
