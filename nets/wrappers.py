"""Networks inside of what hides them from ``torch.fx``: compiled, parallel, parametrized."""

from __future__ import annotations

from copy import copy, deepcopy
from typing import Any

import torch
from torch import nn
from torch.nn.utils import parametrize

__all__ = ["unwrapped"]


def unwrapped(model: nn.Module, network: str) -> nn.Module:
    """Return the network inside of ``torch.compile`` and ``DataParallel``, with computed weights.

    Parameters
    ----------
    model : Module
        Not modified.
    network : str
        Name for error messages.

    Returns
    -------
    Module
        A copy if weights are parametrized (weight norm, spectral norm), which conversion cannot
        read.

    Raises
    ------
    ValueError
        If it is a network of TorchScript.
    """
    inner: Any = model
    while isinstance(inner, nn.DataParallel) or hasattr(inner, "_orig_mod"):
        inner = getattr(inner, "_orig_mod", None) or inner.module
    if isinstance(inner, torch.jit.ScriptModule):
        raise ValueError(
            f"{network}: network must be a module in Python, got one of TorchScript: give the "
            "module that torch.jit was given"
        )
    if not any(map(parametrize.is_parametrized, inner.modules())):
        return inner
    copied = deepcopy(inner)
    for name, module in list(copied.named_modules()):
        if parametrize.is_parametrized(module):
            if not name:
                return _plain(module)
            copied.set_submodule(name, _plain(module))
    return copied


def _plain(module: nn.Module) -> nn.Module:
    """Return a module of the class before its weights were parametrized."""
    parametrized: Any = module.parametrizations
    values = {name: getattr(module, name).detach() for name in parametrized}
    kind: Any = type(module).__bases__[0]
    plain = kind.__new__(kind)
    vars(plain).update({k: copy(v) if isinstance(v, dict) else v for k, v in vars(module).items()})
    del plain._modules["parametrizations"]
    for name, value in values.items():
        plain._parameters[name] = nn.Parameter(value, requires_grad=False)
    return plain
