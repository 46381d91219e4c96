"""What was run: all that the report says beside the figures, as JSON."""

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
    """Standard deviation over the pixels of what a perturbation adds, in units of the crop."""

    perturbation: str
    level: float
    deviation: float


@dataclass(frozen=True)
class RtlSummary:
    """What of a network was simulated in RTL.

    Parameters
    ----------
    network : str
    images : int
        At each level.
    levels, equal : int
        Levels, and those at which all logits, and all bytes of all tensors, equal the golden
        model's.
    compared : int
        Bytes of all tensors, at all levels together.
    """

    network: str
    images: int
    levels: int
    equal: int
    compared: int


@dataclass(frozen=True)
class Info:
    """One study. Whatever is empty or None is left out of the report.

    Parameters
    ----------
    data : str
        Name of the data set, with its split.
    spec : str
        As the user gave it: ``digits``, ``aircraft:PATH``.
    images : int
    classes : tuple of str
    size : int
        Height and width of the crops, in pixels.
    seed : int
        Of perturbations, calibration and resamples.
    resamples : int
        Of each interval.
    calibration : str
        In words.
    networks : mapping of str to str
        Descriptions by name, as ``width 16, weights trained on digits (train)``.
    float_top1 : mapping of str to float
        Top-1 of the float network on clean images, as training reported it.
    deviations : tuple of Deviation
    paired : bool
        Whether all models saw the same bytes.
    models : mapping of str to str
        Descriptions by name, in place of `DESCRIPTIONS`.
    versions : mapping of str to str
    rtl : tuple of RtlSummary
    command : str
        That runs it again.
    digests : mapping of str to str
        Hashes of the weights' files and of the data.
    processor : mapping of str to str
        As `maccord.runtime.provenance.processor` gives it.
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
        """Whether the data are those of the thesis."""
        return self.spec.partition(":")[0] == "aircraft"


def write_info(path: Path, info: Info) -> None:
    """Write the JSON, whole or not at all."""
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps({"schema": SCHEMA} | asdict(info), indent=2) + "\n")


def read_info(path: Path) -> Info:
    """Read what `write_info` wrote.

    Raises
    ------
    ValueError
        If it is something else.
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
