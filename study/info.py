"""Description of a study for the report, as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from ..runtime.files import atomic_write

__all__ = ["DESCRIPTIONS", "SCHEMA", "Deviation", "Info", "RtlSummary", "read_info", "write_info"]

SCHEMA = "maccord.study/1"

DESCRIPTIONS = {
    "fp32": "PyTorch's network in 32-bit floating point",
    "fp32-clamped": "the same, its input clamped to 0..1 before normalization",
    "live": "fake quantization with observers left on: every batch, perturbed as it is, sets the "
    "scales that it is quantized with (the procedure of Langille 2024, appendix A); weights and "
    "activations of convolutions only",
    "frozen": "fake quantization in floating point with the scales of the calibration, all layers",
    "frozen-clamped": "the same, its input clamped to 0..1 before normalization",
    "int8": "the integer network that the hardware runs: 8-bit codes, 32-bit sums, the scales of "
    "the calibration",
}


@dataclass(frozen=True)
class Deviation:
    """Standard deviation over the pixels of a perturbation's change, in crop units."""

    perturbation: str
    level: float
    deviation: float


@dataclass(frozen=True)
class RtlSummary:
    """RTL simulations of a network.

    Parameters
    ----------
    network : str
    images : int
        Images at each level.
    levels, equal : int
        Number of levels, and of levels at which all logits and all bytes of all tensors equal the
        golden model's.
    compared : int
        Bytes compared, over all tensors and levels.
    """

    network: str
    images: int
    levels: int
    equal: int
    compared: int


@dataclass(frozen=True)
class Info:
    """One study. Empty and None fields are omitted from the report.

    Parameters
    ----------
    data : str
        Name of the data set, with its split.
    spec : str
        As given by the user: ``digits``, ``aircraft:PATH``.
    images : int
    classes : tuple of str
    size : int
        Height and width of the crops, in pixels.
    seed : int
        Seed of perturbations, calibration and resamples.
    resamples : int
        Resamples per interval.
    calibration : str
        Description of the calibration.
    networks : mapping of str to str
        Descriptions by name, e.g. ``width 16, weights trained on digits (train)``.
    float_top1 : mapping of str to float
        Top-1 of the float network on clean images, as reported by training.
    deviations : tuple of Deviation
    paired : bool
        Whether all models had the same inputs.
    models : mapping of str to str
        Descriptions by name, overriding `DESCRIPTIONS`.
    versions : mapping of str to str
    rtl : tuple of RtlSummary
    command : str
        Command line that repeats the study.
    digests : mapping of str to str
        Hashes of the weight files and the data.
    processor : mapping of str to str
        As returned by `maccord.runtime.provenance.processor`.
    """

    data: str
    spec: str
    images: int
    classes: tuple[str, ...]
    size: int = 0
    seed: int = 0
    resamples: int = 1000
    calibration: str = ""
    networks: Mapping[str, str] = field(default_factory=dict)
    float_top1: Mapping[str, float] = field(default_factory=dict)
    deviations: tuple[Deviation, ...] = ()
    paired: bool = True
    models: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    rtl: tuple[RtlSummary, ...] = ()
    command: str = ""
    digests: Mapping[str, str] = field(default_factory=dict)
    processor: Mapping[str, str] = field(default_factory=dict)

    @property
    def aircraft(self) -> bool:
        """Whether the data set is the thesis's."""
        return self.spec.partition(":")[0] == "aircraft"


def write_info(path: Path, info: Info) -> None:
    """Write the JSON atomically."""
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps({"schema": SCHEMA} | asdict(info), indent=2) + "\n")


def read_info(path: Path) -> Info:
    """Read a file written by `write_info`.

    Raises
    ------
    ValueError
        If the content is malformed.
    """
    try:
        found: dict[str, Any] = json.loads(path.read_text())
        if found.pop("schema", SCHEMA) != SCHEMA:
            raise ValueError(f"schema must be {SCHEMA}")
        unknown = sorted(set(found) - {field.name for field in fields(Info)})
        if unknown:
            raise ValueError(f"unknown {', '.join(unknown)}")
        found["classes"] = tuple(found["classes"])
        found["deviations"] = tuple(Deviation(**each) for each in found.get("deviations", ()))
        found["rtl"] = tuple(RtlSummary(**each) for each in found.get("rtl", ()))
        return Info(**found)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} must describe a study: {error}") from None
