"""Users' own networks: any module that ``torch.fx`` can trace and PyTorch can quantize."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from .framework import one_thread, qnnpack
from .input_shapes import declared_shape, said
from .int8 import check_image
from .library import QuantizedNetwork, quantized
from .preprocess import Preprocessing
from .prequantized import is_prequantized, taken
from .source_line import remembering_modules
from .user_code import hidden, is_file, split_spec, users_code
from .weight_types import check_weights
from .wrappers import unwrapped

__all__ = ["OwnNetwork", "load_module", "own_network"]

Inputs = npt.NDArray[np.float32]


def _factory(spec: str) -> tuple[str, Callable[[], Any]]:
    """Resolve ``package.module:factory`` to a name and an object."""
    path, name = split_spec(spec)
    in_the_way = "" if is_file(path) else hidden(path, Path.cwd())
    if in_the_way:
        raise ValueError(in_the_way)
    module = _loaded(Path(path), spec) if is_file(path) else _imported(path, spec)
    if not hasattr(module, name):
        raise ValueError(f"module must hold {name}, got {spec}, which does not")
    found = getattr(module, name)
    if not callable(found):
        raise ValueError(f"{name} must be callable, got {type(found).__name__} in {spec}")
    return name, found


def _loaded(path: Path, spec: str) -> ModuleType:
    """Run the user's file; modules beside it can be imported from there."""
    if not path.is_file():
        raise ValueError(f"module must be a readable file, got {spec}: no such file")
    name = f"maccord_own_{path.stem}"
    found = importlib.util.spec_from_file_location(name, path.resolve())
    assert found
    assert found.loader
    module = sys.modules[name] = importlib.util.module_from_spec(found)
    sys.path.insert(0, str(path.resolve().parent))
    try:
        with users_code(f"{spec} must be importable"):
            found.loader.exec_module(module)
    finally:
        sys.path.pop(0)
    return module


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


@dataclass(frozen=True, eq=False)
class OwnNetwork:
    """A network made by a user's function or class, not yet quantized.

    Parameters
    ----------
    spec : str
        ``package.module:factory``.
    name : str
        The factory's.
    model : Module
        In evaluation mode.
    weights : str
        Description of the weights.
    input_shape : tuple of int or None
        Shape of one input that the file declares: attribute INPUT_SHAPE of factory, network or
        file, without the first number.
    """

    spec: str
    name: str
    model: nn.Module
    weights: str
    input_shape: tuple[int, ...] | None

    def quantized(self, calibration: Sequence[Inputs], *, strict: bool = False) -> QuantizedNetwork:
        """Quantize the network; it is not cached, as changes of its code cannot be detected.

        Parameters
        ----------
        calibration : sequence of ndarray of shape (1, ...), float32
            Normalized inputs.
        strict : bool
            Whether to refuse operators that the host would have to compute.

        Raises
        ------
        ValueError
            If the network does not take such inputs, cannot be traced or quantized, or an operator
            is not supported; the message names node and operator.
        """
        check_image(calibration[0])
        size = said(calibration[0].shape[1:])
        what = "an image" if calibration[0].ndim == 4 else "an input"
        doing = users_code(f"{self.spec} must take {what} of {size}")
        model = taken(self.model, self.name) or self.model  # observers must not see the input
        with doing, qnnpack(), one_thread():
            model(torch.from_numpy(np.array(calibration[0], order="C")))
        return quantized(model, self.name, self.weights, calibration, strict=strict)


def own_network(spec: str, seed: int = 0) -> OwnNetwork:
    """Make a network by a user's function or class.

    Parameters
    ----------
    spec : str
        ``package.module:factory`` or ``FILE.py:factory``; the factory takes no arguments and
        returns a Module with its weights. The network has the factory's name.
    seed : int
        Seed of torch's generator while the factory runs, at least 0.

    Raises
    ------
    ValueError
        If the factory does not exist or returns no Module, a weight is not finite, or the declared
        shape is none.
    """
    name, factory = _factory(spec)
    if seed < 0:
        raise ValueError(f"seed must be at least 0, got {seed}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        with users_code(f"{spec} must make a network"), remembering_modules():
            model = factory()
    if not isinstance(model, nn.Module):
        raise ValueError(f"{spec} must make a torch.nn.Module, got {type(model).__name__}")
    model = unwrapped(model, spec).eval()
    _check_inputs(model, spec)
    ready = is_prequantized(model)
    if not ready:
        check_weights(model, spec)
    file = sys.modules.get(getattr(factory, "__module__", ""))
    places = (getattr(place, "INPUT_SHAPE", None) for place in (factory, model, file))
    declared = next((place for place in places if place is not None), None)
    shape = None if declared is None else declared_shape(declared, spec)
    weights = f"as {spec} {'has quantized' if ready else 'makes'} them, seed {seed}"
    return OwnNetwork(spec, name, model, weights, shape)


def _check_inputs(model: nn.Module, spec: str) -> None:
    """Refuse a network of several inputs, or of none."""
    parameters = inspect.signature(model.forward).parameters.values()
    plain = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    needed = [p.name for p in plain if p.default is p.empty]
    if len(needed) > 1 or not (plain or any(p.kind is p.VAR_POSITIONAL for p in parameters)):
        raise ValueError(
            f"{spec} must make a network of one input, got {', '.join(needed) or 'none'}"
        )


def load_module(
    spec: str,
    seed: int = 0,
    calibration: Sequence[Inputs] | None = None,
    *,
    strict: bool = False,
) -> QuantizedNetwork:
    """Quantize a network made by a user's function or class.

    Parameters
    ----------
    spec, seed
        As for `own_network`.
    calibration : sequence of ndarray of shape (1, ...), float32, optional
        Normalized inputs; the shipped photographs' crops by default.
    strict : bool
        Whether to refuse operators that the host would have to compute.

    Raises
    ------
    ValueError
        As for `own_network` and `OwnNetwork.quantized`.
    """
    network = own_network(spec, seed)
    if calibration is None:
        usual = Preprocessing()
        calibration = [usual.tensor(crop) for crop in usual.calibration()]
    return network.quantized(calibration, strict=strict)
