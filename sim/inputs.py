"""Network and image options of the command line; does not import PyTorch."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..nets.images import SIZE, load_crop
from ..nets.perturb import parse, parse_box
from ..nets.streaks import check_box
from .names import known
from .targets import networks_of, select

__all__ = ["MOST_IMAGES", "Inputs", "calibration_crops", "check_inputs", "check_targets"]

MOST_IMAGES = 256  # per batch: all tensors of a network then take some gigabytes
_STREAKS = ("vertical", "horizontal")


@dataclass(frozen=True)
class Inputs:
    """Options that select weights, images and perturbations, as on the command line.

    Parameters
    ----------
    perturb : str
        Comma-separated ``kind:level``, empty for the clean input alone.
    bbox : str
        Box of the streaks, empty for the whole crop.
    image : Path, optional
        Image file; a built-in photograph if not given.
    weights : Path, optional
        Checkpoint; seeded weights if not given.
    calibration : Path, optional
        Image or folder of images used for calibration.
    seed : int
    batch : int
        Images per batch; the first is `image`, or the photograph.
    module : str
        ``package.module:factory`` of the user's own network; empty for the built-in ones.
    strict : bool
        Whether to refuse operators that the host would have to compute.
    """

    perturb: str = ""
    bbox: str = ""
    image: Path | None = None
    weights: Path | None = None
    calibration: Path | None = None
    seed: int = 0
    batch: int = 1
    module: str = ""
    strict: bool = False


def check_inputs(inputs: Inputs) -> None:
    """Reject numbers out of range and unreadable files, before any computation.

    Raises
    ------
    ValueError
        Naming the option.
    """
    if inputs.seed < 0:
        raise ValueError(f"seed must be at least 0, got {inputs.seed}")
    if inputs.batch < 1:
        raise ValueError(f"batch must be at least 1, got {inputs.batch}")
    if inputs.batch > MOST_IMAGES:
        raise ValueError(f"batch must be at most {MOST_IMAGES}, got {inputs.batch}")
    _check_perturbations(inputs)
    if inputs.image:
        load_crop(inputs.image)
    for file in _calibration_files(inputs.calibration):
        load_crop(file, "calibration")
    if inputs.weights and inputs.module:
        raise ValueError(f"weights must come from the module's factory, got {inputs.weights}")
    if inputs.weights and not inputs.weights.is_file():
        what = "it is a folder" if inputs.weights.is_dir() else "no such file"
        raise ValueError(f"weights must be a readable checkpoint, got {inputs.weights}: {what}")


def _check_perturbations(inputs: Inputs) -> None:
    asked = parse(inputs.perturb) if inputs.perturb else []
    if not inputs.bbox:
        return
    check_box(parse_box(inputs.bbox), SIZE, SIZE)
    kinds = [kind for perturbation in asked for kind in perturbation.kinds]
    if not set(kinds) & set(_STREAKS):
        raise ValueError(
            "bbox needs a vertical or horizontal perturbation, "
            f"got {', '.join(kinds) if kinds else 'none'}"
        )


def _calibration_files(path: Path | None) -> list[Path]:
    """Return the calibration images; an empty list for the built-in ones.

    Raises
    ------
    ValueError
        If the path does not exist, or the folder is empty.
    """
    if path is None:
        return []
    wanted = f"calibration must be an image or a folder of images, got {path}"
    if not path.exists():
        raise ValueError(f"{wanted}: no such file or folder")
    files = sorted(p for p in path.iterdir() if p.is_file()) if path.is_dir() else [path]
    if not files:
        raise ValueError(f"{wanted}: empty")
    return files


def calibration_crops(path: Path | None) -> list[npt.NDArray[np.float32]] | None:
    """Return the calibration images (H, W, 3) in 0..1; None for the built-in ones."""
    return [load_crop(file, "calibration") for file in _calibration_files(path)] or None


def check_targets(targets: Sequence[str], module: str) -> None:
    """Reject unknown networks and layers; for a user's module, check only the name.

    Raises
    ------
    ValueError
        If a target matches nothing, or only modules that cannot run alone.
    """
    if module:
        path, colon, factory = module.partition(":")
        if not (path and colon and factory.isidentifier()):
            raise ValueError(f"module must be package.module:factory, got {module!r}")
        networks_of(targets, [factory])
        top = path.partition(".")[0]
        here = importlib.machinery.PathFinder.find_spec(top, [str(Path.cwd())])
        if here is None and top not in sys.modules and importlib.util.find_spec(top) is None:
            raise ValueError(f"module must be importable, got {module}: No module named {top!r}")
        return
    table = known()
    for name, patterns in networks_of(targets, list(table)).items():
        network = table[name]
        select([p for p in patterns if "." in p], network.layers, network.others)
