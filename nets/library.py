"""Loads quantized networks by name, from the cache if possible."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from math import nan
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from ..runtime.cache import digest
from ..runtime.files import locked
from ..runtime.folders import cache_folder
from . import store
from .checkpoint import load_checkpoint, read_state
from .converted_state import load_arrays, state_arrays
from .examples import Example, Images, arrays_of, check_count
from .fidelity import Fidelity
from .framework import FIDELITY, convert, one_thread, qnnpack, rebuild
from .images import IMAGENET, Normalization, calibration_crops, normalize
from .importing import Imported, check_strict, import_with_host
from .initialise import initialise
from .int8 import LayerRecording, check_image
from .networks import CLASSES, NETWORKS, Architecture, architecture, nearest
from .prequantized import taken
from .pretrained import imagenet_names
from .quantized import Classification, QuantizedNetwork, recorded_layers
from .reference import Reference
from .sizes import SIZES, fitted
from .wrappers import unwrapped

__all__ = [
    "NETWORKS",
    "Classification",
    "LayerRecording",
    "QuantizedNetwork",
    "load",
    "nearest",
    "quantized",
]


Image = npt.NDArray[np.float32]


def _default_images(by: Normalization) -> Image:
    return np.concatenate([normalize(crop, by) for crop in calibration_crops()])


def _build(
    network: Architecture,
    weights: Path | None,
    seed: int,
    images: torch.Tensor,
    corrected: bool,
) -> store.State:
    """Initialize, quantize and import a network; return the part to cache."""
    if weights is None:
        model = network.outline(CLASSES).to_empty(device="cpu")
        initialise(model, images, seed)
    else:
        model = load_checkpoint(network, weights)
    classes = len(model.get_parameter(network.head))
    converted = _convert(model, network.name, (images,), corrected)
    imported = import_with_host(converted, network.name, (images[:1],))
    state = _state(converted, network.name, (images,), imported, classes)
    return replace(state, arrays=state_arrays(converted))


def _convert(
    model: nn.Module, name: str, images: Example, corrected: bool = True
) -> torch.fx.GraphModule:
    """Return a float network after quantization."""
    examples = [tuple(part[None] for part in parts) for parts in zip(*images, strict=True)]
    return convert(model, examples, name, corrected=corrected)


def _state(
    converted: torch.fx.GraphModule,
    name: str,
    images: Example,
    imported: Imported,
    classes: int = 0,
) -> store.State:
    """Return the cached state of a network."""
    steps, layers = imported
    first = [np.zeros((1, *part.shape[1:]), np.float32) for part in images]
    nodes = {step.node: step.name for step in steps if step.op == "layer"}
    recordings = recorded_layers(Reference(converted), first, nodes, steps)
    about = {
        "shapes": {name: (r.x_q.shape, r.y_torch.shape) for name, r in recordings.items()},
        "input_shapes": [part.shape for part in first],
        "classes": classes,
        "code": converted.code,
        "fidelity": _measured(converted),
    }
    return store.State(steps, layers, about, {})


def _measured(converted: torch.fx.GraphModule) -> dict:
    """Measure the fidelity once, and release the float network; not a number without one."""
    if FIDELITY not in converted.meta:
        return asdict(Fidelity(nan))
    with qnnpack():
        return asdict(converted.meta.pop(FIDELITY)())


def _rebuilt(network: Architecture, state: store.State) -> torch.fx.GraphModule:
    """Rebuild the converted module of a cached network: convert again and load its values."""
    converted = rebuild(
        network.blank(state.about["classes"]), torch.zeros(state.about["input_shapes"][0])
    )
    if converted.code != state.about["code"]:
        raise RuntimeError(f"{network.name} must be quantized to the same graph each time")
    load_arrays(converted, state.arrays)
    return converted


def quantized(
    model: nn.Module,
    name: str,
    weights: str,
    calibration: Sequence[Images] | None = None,
    normalization: Normalization = IMAGENET,
    *,
    strict: bool = False,
) -> QuantizedNetwork:
    """Quantize a float network of any architecture, or take one that is quantized already.

    Parameters
    ----------
    model : Module
        In evaluation mode and traceable by ``torch.fx``. A network of ``prepare_fx``,
        ``prepare_qat_fx`` or ``convert_fx`` keeps its scales (see `prequantized`); then the
        calibration inputs serve only as examples.
    name : str
        Name of the network.
    weights : str
        Description of the weights.
    calibration : sequence of ndarray of shape (1, ...), float32, or of tuples of them, optional
        Normalized inputs, (1, C, H, W), (1, C, L), (1, L, C) or (1, K), of a network of several
        inputs one array for each; the shipped photographs' crops by default.
    normalization : Normalization
        Input normalization.
    strict : bool
        Whether to refuse operators that the host would have to compute.

    Returns
    -------
    QuantizedNetwork

    Raises
    ------
    ValueError
        If an operator can run nowhere or, if `strict`, only on the host; the message names the
        call, its line and the reason.
    """
    if calibration is None:
        calibration = [_default_images(normalization)]
    images = tuple(map(torch.from_numpy, _checked(calibration)))
    model = unwrapped(model, name)
    with one_thread():
        own = taken(model, name)
        if own:
            check_count(own, images, name)
        converted = own or _convert(model, name, images)
        example = tuple(part[:1] for part in images)
        imported = import_with_host(converted, name, example, strict=strict)
        state = _state(converted, name, images, imported)
    floats = None if own else lambda: model
    return _network(name, weights, state, lambda: converted, normalization, (), floats)


def _checked(calibration: Sequence[Images]) -> list[Image]:
    """Return the images as one array for each input of the network."""
    examples = [arrays_of(each) for each in calibration]
    for image in (image for example in examples for image in example):
        check_image(image)
    return [np.concatenate(parts) for parts in zip(*examples, strict=True)]


def _network(
    name: str,
    weights: str,
    state: store.State,
    converted: Callable[[], torch.fx.GraphModule],
    normalization: Normalization,
    classes: tuple[str, ...] = (),
    model: Callable[[], nn.Module] | None = None,
) -> QuantizedNetwork:
    about = state.about
    shapes = {layer: (tuple(x), tuple(y)) for layer, (x, y) in about["shapes"].items()}
    sizes = tuple(map(tuple, about["input_shapes"]))
    return QuantizedNetwork(
        *(name, weights, state.steps, state.layers, shapes, sizes),
        converted,
        normalization,
        classes,
        fidelity=Fidelity(**about["fidelity"]),
        model=model,
    )


def load(
    name: str,
    weights: Path | None = None,
    seed: int = 0,
    calibration: Sequence[Image] | None = None,
    cache: Path | None = None,
    *,
    variant: Architecture | None = None,
    corrected: bool = True,
    strict: bool = False,
) -> QuantizedNetwork:
    """Load a network and quantize it, or take it from the cache.

    Parameters
    ----------
    name : str
        Of `NETWORKS`.
    weights : Path, optional
        Checkpoint with torchvision's names; if not given, weights from an installed package, or
        else seeded weights.
    seed : int
        Seed of the initialisation, at least 0.
    calibration : sequence of ndarray of shape (1, 3, H, W), float32, optional
        Normalized images; the shipped photographs' crops by default.
    cache : Path, optional
        Folder of quantized networks; in the user's cache if not given.
    variant : Architecture, optional
        How to build the network, if different from `NETWORKS`, e.g. another width or image size.
    corrected : bool
        As in `framework.convert`.
    strict : bool
        Whether to refuse operators that the host would have to compute.

    Returns
    -------
    QuantizedNetwork

    Raises
    ------
    ValueError
        If the name is unknown, the seed is negative, the checkpoint does not fit, or the package
        with the network's weights is not installed.
    """
    network = variant or architecture(name)
    if seed < 0:
        raise ValueError(f"seed must be at least 0, got {seed}")
    if weights is not None and network.name in SIZES and Path(weights).is_file():
        network = fitted(network, read_state(Path(weights)))
    images = "shipped" if calibration is None else _checked(calibration)[0]
    if isinstance(images, np.ndarray) and (images.ndim != 4 or images.shape[1] != 3):
        raise ValueError(f"image must be of shape (N, 3, H, W) for {name}, got {images.shape}")
    if weights is not None and not Path(weights).is_file():
        what = "it is a folder" if Path(weights).is_dir() else "no such file"
        raise ValueError(f"weights must be a readable checkpoint, got {weights}: {what}")
    text = f"seeded initialisation, seed {seed}" if weights is None else str(weights)
    classes: tuple[str, ...] = ()
    if weights is None and network.pretrained is not None:
        weights, text = network.pretrained.path(), str(network.pretrained)
        classes = imagenet_names()
    origin = f"seed {seed}" if weights is None else Path(weights)
    shape = str(variant.outline()) if variant else "as published"
    key = digest(store.source_digest(), name, shape, origin, images, str(corrected))
    path = (cache or cache_folder("nets")) / f"{name}-{key[:16]}.npz"
    state = store.read(path)
    if state is None:
        with locked(path):
            state = store.read(path)  # may have been built by another process
            if state is None:
                tensor = torch.from_numpy(
                    _default_images(network.normalization) if calibration is None else images
                )
                with one_thread():
                    state = _build(network, weights, seed, tensor, corrected)
                store.write(path, state)
    if strict:
        check_strict(state.steps)
    rebuilt = partial(_rebuilt, network, state)
    model = partial(load_checkpoint, network, weights) if weights else None
    return _network(name, text, state, rebuilt, network.normalization, classes, model)
