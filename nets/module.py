"""Users' own networks: any module that ``torch.fx`` can trace and PyTorch can quantize."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from .framework import one_thread
from .images import center_crop, normalize, photograph
from .int8 import check_image
from .library import QuantizedNetwork, quantized
from .user_code import hidden, users_code

__all__ = ["load_module"]


def _factory(spec: str) -> tuple[str, Callable[[], Any]]:
    """Resolve ``package.module:factory`` to a name and an object."""
    path, colon, name = spec.partition(":")
    if not (path and colon and name.isidentifier()):
        raise ValueError(f"module must be package.module:factory, got {spec!r}")
    in_the_way = hidden(path, Path.cwd())
    if in_the_way:
        raise ValueError(in_the_way)
    module = _imported(path, spec)
    if not hasattr(module, name):
        raise ValueError(f"module must hold {name}, got {spec}, which does not")
    found = getattr(module, name)
    if not callable(found):
        raise ValueError(f"{name} must be callable, got {type(found).__name__} in {spec}")
    return name, found


def _imported(path: str, spec: str) -> ModuleType:
    """Import the user's module; the working directory comes first in the search path."""
    folder, before = str(Path.cwd()), list(sys.path)
    sys.path.insert(0, folder)
    try:
        top = path.partition(".")[0]
        if top not in sys.modules and importlib.util.find_spec(top) is None:
            raise ValueError(f"module must be importable, got {spec}: No module named {top!r}")
        with users_code(f"{spec} must be importable"):
            return importlib.import_module(path)
    finally:
        sys.path[:] = before if folder in before else [*before, folder]  # for later imports


def _check(model: nn.Module, spec: str, images: Sequence[npt.NDArray[np.float32]]) -> None:
    """Reject non-finite weights, and a network that does not accept the images."""
    for name, values in model.state_dict().items():
        if values.is_floating_point() and not torch.isfinite(values).all():
            raise ValueError(f"weights must be finite numbers, got others in {name} of {spec}")
    size = " x ".join(map(str, images[0].shape[1:]))
    with users_code(f"{spec} must take an image of {size}"), torch.no_grad(), one_thread():
        model(torch.from_numpy(np.ascontiguousarray(images[0])))


def load_module(
    spec: str,
    seed: int = 0,
    calibration: Sequence[npt.NDArray[np.float32]] | None = None,
    *,
    strict: bool = False,
) -> QuantizedNetwork:
    """Quantize a network created by a user's function or class.

    Parameters
    ----------
    spec : str
        ``package.module:factory``; the factory takes no arguments and returns a Module with its
        weights. The network has the factory's name.
    seed : int
        Seed of torch's generator while the factory runs, at least 0.
    calibration : sequence of ndarray of shape (1, 3, H, W), float32, optional
        Normalized images; the shipped photographs' crops by default.
    strict : bool
        Whether to refuse operators that the host would have to compute.

    Returns
    -------
    QuantizedNetwork
        Not cached, because changes of the factory's code cannot be detected.

    Raises
    ------
    ValueError
        If the factory does not exist or returns no Module, the network cannot be traced or
        quantized, or an operator is not supported; the message names node and operator.
    """
    name, factory = _factory(spec)
    if seed < 0:
        raise ValueError(f"seed must be at least 0, got {seed}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        with users_code(f"{spec} must make a network"):
            model = factory()
    if not isinstance(model, nn.Module):
        raise ValueError(f"{spec} must make a torch.nn.Module, got {type(model).__name__}")
    model.eval()
    if calibration is not None:
        check_image(calibration[0])
    _check(model, spec, calibration or [normalize(center_crop(photograph()))])
    return quantized(model, name, f"as {spec} makes them, seed {seed}", calibration, strict=strict)
