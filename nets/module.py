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

import torch
from torch import nn

from .examples import Images, arrays_of, from_arrays
from .framework import one_thread, qnnpack
from .input_shapes import Shape, declared_shapes, said
from .int8 import check_image
from .library import QuantizedNetwork, quantized
from .preprocess import Preprocessing
from .prequantized import is_prequantized, taken
from .source_line import remembering_modules
from .user_code import hidden, is_file, split_spec, users_code
from .weight_types import check_weights
from .wrappers import unwrapped

__all__ = ["OwnNetwork", "load_module", "own_network"]


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
    input_shapes : tuple of tuple of int
        Shape of each input that the file declares: attribute INPUT_SHAPE of factory, network or
        file, without the first number; empty if it declares none.
    """

    spec: str
    name: str
    model: nn.Module
    weights: str
    input_shapes: tuple[Shape, ...]

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names that the network's ``forward`` gives its inputs, in order; none for ``*args``."""
        return tuple(parameter.name for parameter in self._positional())

    def _positional(self) -> list[inspect.Parameter]:
        kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        parameters = inspect.signature(self.model.forward).parameters.values()
        return [parameter for parameter in parameters if parameter.kind in kinds]

    def check_count(self, count: int) -> None:
        """Raise ValueError unless the network takes that number of inputs.

        Parameters
        ----------
        count : int
            Shapes given; 0 if none, for the usual one.
        """
        parameters = inspect.signature(self.model.forward).parameters.values()
        plain = self._positional()
        needed = [each.name for each in plain if each.default is each.empty]
        names = needed or [each.name for each in plain]
        any_number = any(each.kind is each.VAR_POSITIONAL for each in parameters)
        if not plain and not any_number:
            raise ValueError(f"{self.spec} must make a network of one input or more, got none")
        if len(needed) <= (count or 1) and (any_number or (count or 1) <= len(plain)):
            return
        inputs = f"{len(names)} inputs" if len(names) > 1 else "one input"
        raise ValueError(
            f"{self.spec} takes {inputs}, {', '.join(names)}: --input-shape or INPUT_SHAPE must "
            f"give the shape of each, got {count or 'none'}"
        )

    def quantized(self, calibration: Sequence[Images], *, strict: bool = False) -> QuantizedNetwork:
        """Quantize the network; it is not cached, as changes of its code cannot be detected.

        Parameters
        ----------
        calibration : sequence of ndarray of shape (1, ...), float32, or of tuples of them
            Normalized inputs, of a network of several inputs one array for each.
        strict : bool
            Whether to refuse operators that the host would have to compute.

        Raises
        ------
        ValueError
            If the network does not take such inputs, cannot be traced or quantized, or an operator
            is not supported; the message names node and operator.
        """
        example = arrays_of(calibration[0])
        for image in example:
            check_image(image)
        self.check_count(len(example))
        size = " and ".join(said(image.shape[1:]) for image in example)
        what = "an image" if example[0].ndim == 4 else "an input"
        what = what if len(example) == 1 else "inputs"
        doing = users_code(f"{self.spec} must take {what} of {size}")
        model = taken(self.model, self.name) or self.model  # observers must not see the input
        with doing, qnnpack(), one_thread():
            model(*from_arrays(example))
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
    ready = is_prequantized(model)
    if not ready:
        check_weights(model, spec)
    file = sys.modules.get(getattr(factory, "__module__", ""))
    places = (getattr(place, "INPUT_SHAPE", None) for place in (factory, model, file))
    declared = next((place for place in places if place is not None), None)
    shapes = () if declared is None else declared_shapes(declared, spec)
    weights = f"as {spec} {'has quantized' if ready else 'makes'} them, seed {seed}"
    return OwnNetwork(spec, name, model, weights, shapes)


def load_module(
    spec: str,
    seed: int = 0,
    calibration: Sequence[Images] | None = None,
    *,
    strict: bool = False,
) -> QuantizedNetwork:
    """Quantize a network made by a user's function or class.

    Parameters
    ----------
    spec, seed
        As for `own_network`.
    calibration : sequence of ndarray of shape (1, ...), float32, or of tuples of them, optional
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
