"""From the user's words to recorded layers: the only part of a run that needs PyTorch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..nets import library
from ..nets.images import load_crop, normalize
from ..nets.networks import architecture
from ..nets.perturb import Perturbation, parse, parse_box
from .jobs import Recording
from .results import CLEAN
from .targets import networks_of, select

__all__ = ["Inputs", "chosen", "other_modules", "record"]

Crop = npt.NDArray[np.float32]

_JOINS = {
    "add": "a residual addition",
    "add_relu": "a residual addition",
    "cat": "a concatenation",
}


@dataclass(frozen=True)
class Inputs:
    """What the networks are made of and look at, in the words of the command line.

    Parameters
    ----------
    perturb : str
        Comma-separated ``kind:level``, empty for the clean input alone.
    bbox : str
        Box of the streaks, empty for the whole crop.
    image : Path, optional
        Image file; a photograph is built in.
    weights : Path, optional
        Checkpoint; seeded weights if not given.
    calibration : Path, optional
        Image, or folder of images, that set the quantization ranges.
    seed : int
    """

    perturb: str = ""
    bbox: str = ""
    image: Path | None = None
    weights: Path | None = None
    calibration: Path | None = None
    seed: int = 0


def record(targets: Sequence[str], inputs: Inputs) -> list[Recording]:
    """Run the networks in PyTorch and keep what the layers read and wrote.

    Parameters
    ----------
    targets : sequence of str
        Names and globs of layers.
    inputs : Inputs

    Returns
    -------
    list of Recording
        Layer by layer in the networks' order, each with the clean input first.

    Raises
    ------
    ValueError
        If a target, the perturbations or a file make no sense.
    """
    images = _images(inputs)
    recordings = []
    for network, layers in chosen(targets, inputs):
        runs = {name: network.record(image, layers) for name, image in images.items()}
        for layer in layers:
            for name, run in runs.items():
                found = run[layer]
                recordings.append(
                    Recording(
                        network.name,
                        network.engine,
                        network.weights,
                        name,
                        inputs.seed,
                        network.layers[layer],
                        found.x_q,
                        found.y_torch,
                    )
                )
    return recordings


def chosen(
    targets: Sequence[str], inputs: Inputs
) -> Iterator[tuple[library.QuantizedNetwork, list[str]]]:
    """Yield the networks that the targets name, and their layers.

    Raises
    ------
    ValueError
        As `record`.
    """
    wanted = networks_of(targets, list(library.NETWORKS))
    calibration = _calibration(inputs.calibration)
    for name, patterns in wanted.items():
        network = library.load(name, inputs.weights, inputs.seed, calibration)
        yield network, select(patterns, network.layers, other_modules(network))


def other_modules(network: library.QuantizedNetwork) -> dict[str, str]:
    """Return what else the network is made of, by full name, and what it is.

    Joins have the name of the module that holds them, as ``resnet18.layer1.0.add``.
    """
    kinds = {}
    for name, module in architecture(network.name).outline().named_modules():
        kind = type(module).__name__
        if name and not list(module.children()):
            fused = kind in ("BatchNorm2d", "ReLU")
            kinds[name] = f"a {kind} that belongs to the layer before it" if fused else f"a {kind}"
    full = {f"{network.name}.{name}": kind for name, kind in kinds.items()}
    full |= {step.name: _JOINS[step.op] for step in network.steps if step.op in _JOINS}
    return {name: kind for name, kind in full.items() if name not in network.layers}


def _images(inputs: Inputs) -> dict[str, Crop]:
    """Return normalized images by the perturbation's name, the clean one first."""
    perturbations: list[Perturbation] = parse(inputs.perturb) if inputs.perturb else []
    box = parse_box(inputs.bbox) if inputs.bbox else None
    crop = load_crop(inputs.image)
    images = {CLEAN: normalize(crop)}
    for perturbation in perturbations:
        images[str(perturbation)] = normalize(perturbation.apply(crop, inputs.seed, box))
    return images


def _calibration(path: Path | None) -> list[Crop] | None:
    if path is None:
        return None
    wanted = f"calibration must be an image or a folder of images, got {path}"
    if not path.exists():
        raise ValueError(f"{wanted}: no such file or folder")
    files = sorted(p for p in path.iterdir() if p.is_file()) if path.is_dir() else [path]
    if not files:
        raise ValueError(f"{wanted}: empty")
    return [normalize(load_crop(file, "calibration")) for file in files]
