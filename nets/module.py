"""Networks of the user's own: any module that ``torch.fx`` can quantize."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from .library import QuantizedNetwork, quantized

__all__ = ["load_module"]


def _factory(spec: str) -> tuple[str, Callable[[], Any]]:
    """Name and object that ``package.module:factory`` means."""
    path, colon, name = spec.partition(":")
    if not (path and colon and name.isidentifier()):
        raise ValueError(f"module must be package.module:factory, got {spec!r}")
    try:
        found = getattr(importlib.import_module(path), name)
    except ImportError as error:
        raise ValueError(f"module must be importable, got {spec}: {error}") from None
    except AttributeError:
        raise ValueError(f"module must hold {name}, got {spec}, which does not") from None
    if not callable(found):
        raise ValueError(f"{name} must be callable, got {type(found).__name__} in {spec}")
    return name, found


def load_module(
    spec: str, seed: int = 0, calibration: Sequence[npt.NDArray[np.float32]] | None = None
) -> QuantizedNetwork:
    """Quantize the network that a function or class of the user's makes.

    Parameters
    ----------
    spec : str
        ``package.module:factory``; the factory takes no arguments and returns a Module with its
        weights. The network has the factory's name.
    seed : int
        Of torch's generator while the factory runs, at least 0.
    calibration : sequence of ndarray of shape (1, 3, H, W), float32, optional
        Normalized images; the shipped photographs' crops by default.

    Returns
    -------
    QuantizedNetwork
        Not cached, because nothing tells when the factory's code changes.

    Raises
    ------
    ValueError
        If there is no such factory, it makes no Module, ``torch.fx`` cannot trace or quantize it,
        or the accelerator lacks an operator; the message names node and operator.
    """
    name, factory = _factory(spec)
    if seed < 0:
        raise ValueError(f"seed must be at least 0, got {seed}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = factory()
    if not isinstance(model, nn.Module):
        raise ValueError(f"{spec} must make a torch.nn.Module, got {type(model).__name__}")
    return quantized(model.eval(), name, f"as {spec} makes them, seed {seed}", calibration)
