"""Activations of 8 bits with learned steps: training, checkpoints, scales of the INT8 network.

Esser et al. 2020, "Learned step size quantization" (ICLR), equations 1 to 3, for the inputs of
layers: one step a tensor, codes 0 to 255 behind a ReLU, -128 to 127 elsewhere. In INT8 these are
quint8 codes with the step as scale and zero point 0 or 128. The gradient of a step is scaled by
1 / sqrt(N * Qp), N the number of values of one image's tensor; its first value is
2 * mean(|x|) / sqrt(Qp) of a batch.

Steps belong to the network (``learned_steps`` in its state dict) and act on the results of its
modules through hooks, which ``torch.fx`` does not trace: quantization takes the plain network, then
the steps.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import fx, nn

__all__ = ["IMAGE", "SMALLEST_STEP", "LearnedActivation", "LearnedQuantize", "add_steps"]
__all__ += ["drop_steps", "forget_steps", "learned_steps", "plain", "steps_in"]

SMALLEST_STEP = 2.0**-20
IMAGE = "image"  # path of the network's input
_NAME = "learned_steps"  # attribute of the network
_DOT = "/"  # for the dots of a path, which names of modules may not have


class LearnedQuantize(torch.autograd.Function):
    """Equations 1 to 3, for weights and activations."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        values: torch.Tensor,
        step: torch.Tensor,
        below: int,
        above: int,
        count: int,
    ) -> torch.Tensor:
        """Return multiples of `step`, -below to above of it; `count` is N."""
        ctx.save_for_backward(values, step)
        ctx.span = below, above, count
        return torch.round(torch.clamp(values / step, -below, above)) * step

    @staticmethod
    def backward(
        ctx: Any,  # noqa: ANN401
        *gradients: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor, None, None, None]:
        """Gradients of values and step."""
        values, step = ctx.saved_tensors
        below, above, count = ctx.span
        (gradient,) = gradients
        ratio = values / step
        inside = (ratio > -below) & (ratio < above)
        by_step = torch.where(inside, torch.round(ratio) - ratio, ratio.clamp(-below, above))
        scale = 1 / math.sqrt(count * above)
        by_step = (gradient * by_step).sum().reshape(step.shape) * scale
        return gradient * inside, by_step, None, None, None


class LearnedActivation(nn.Module):
    """Quantizes a tensor to 8 bits with a learned step; passes it on if not `enabled`.

    Parameters
    ----------
    signed : bool
        Whether codes are -128 to 127 instead of 0 to 255.

    Attributes
    ----------
    measuring : bool
        Whether to set the step from the next tensor instead of quantizing it.
    """

    signed: torch.Tensor

    def __init__(self, signed: bool) -> None:
        super().__init__()
        self.step = nn.Parameter(torch.ones(()))
        self.register_buffer("signed", torch.tensor(signed))
        self.enabled, self.measuring = True, False

    @property
    def zero_point(self) -> int:
        """Of the quint8 codes."""
        return 128 if bool(self.signed) else 0

    @property
    def scale(self) -> torch.Tensor:
        """Of the quint8 codes: the positive step, a tensor of shape ()."""
        return self.step.abs().clamp(min=SMALLEST_STEP)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Quantize a batch (N, ...)."""
        if isinstance(x, fx.Proxy) or not self.enabled:
            return x
        below, above = self.zero_point, 255 - self.zero_point
        if self.measuring:
            first = 2 * x.detach().abs().mean() / math.sqrt(above)
            self.step.data.copy_(first.clamp(min=SMALLEST_STEP))
            return x
        found = LearnedQuantize.apply(x, self.scale, below, above, x[0].numel())
        assert isinstance(found, torch.Tensor)
        return found


class _Output:
    """Hook that quantizes a module's result; an object, so that copies of networks have copies."""

    def __init__(self, learned: LearnedActivation) -> None:
        self.learned = learned

    def __call__(self, module: nn.Module, args: tuple, output: torch.Tensor) -> torch.Tensor:
        return self.learned(output)


class _Input:
    """Hook that quantizes the network's input."""

    def __init__(self, learned: LearnedActivation) -> None:
        self.learned = learned

    def __call__(self, module: nn.Module, args: tuple) -> tuple:
        return (self.learned(args[0]), *args[1:])


def add_steps(model: nn.Module, signs: Mapping[str, bool]) -> None:
    """Quantize results of modules with learned steps from now on.

    Parameters
    ----------
    model : Module
        Modified in place.
    signs : mapping of str to bool
        By path of the module, or `IMAGE`: whether its results may be negative.

    Raises
    ------
    ValueError
        If the network is a ``Sequential``, which would call the steps as layers of its own.
    """
    if isinstance(model, nn.Sequential):
        raise ValueError(
            "network with learned steps must have a forward of its own, got Sequential"
        )
    steps = nn.ModuleDict()
    for path, signed in signs.items():
        learned = LearnedActivation(signed)
        steps[path.replace(".", _DOT)] = learned
        if path == IMAGE:
            model.register_forward_pre_hook(_Input(learned))
        else:
            model.get_submodule(path).register_forward_hook(_Output(learned))
    model.add_module(_NAME, steps)


def drop_steps(model: nn.Module) -> None:
    """Leave activations of a network, which is modified in place, in floating point for good."""
    for module in model.modules():
        forget_steps(module)
    if learned_steps(model):
        delattr(model, _NAME)


def forget_steps(module: nn.Module) -> bool:
    """Remove a module's own hooks of learned steps; return whether there were any."""
    found = False
    for hooks in (module._forward_hooks, module._forward_pre_hooks):
        for key, hook in list(hooks.items()):
            if isinstance(hook, _Input | _Output):
                del hooks[key]
                found = True
    return found


def learned_steps(model: nn.Module) -> dict[str, LearnedActivation]:
    """Return a network's learned steps by path; none for other networks."""
    found = getattr(model, _NAME, None)
    if not isinstance(found, nn.ModuleDict):
        return {}
    pairs = ((name.replace(_DOT, "."), module) for name, module in found.items())
    return {path: module for path, module in pairs if isinstance(module, LearnedActivation)}


def steps_in(state: Mapping[str, torch.Tensor]) -> dict[str, bool]:
    """Return the signs of the steps in a state dict, as `add_steps` takes them."""
    start, end = f"{_NAME}.", ".signed"
    return {
        name[len(start) : -len(end)].replace(_DOT, "."): bool(value)
        for name, value in state.items()
        if name.startswith(start) and name.endswith(end) and value.numel() == 1
    }


@contextmanager
def plain(model: nn.Module) -> Iterator[None]:
    """Leave activations in floating point."""
    steps: Iterable[LearnedActivation] = learned_steps(model).values()
    for step in steps:
        step.enabled = False
    try:
        yield
    finally:
        for step in steps:
            step.enabled = True
