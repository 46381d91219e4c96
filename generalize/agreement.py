"""Tables of how far this package's corruptions and attacks agree with other libraries.

Where a library is installed the comparison is made in this run; else its recorded figures stand
there, and the title says so.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from ..nets.corruptions.tables import KINDS, SEVERITIES
from ..nets.networks import architecture
from . import attack_reference, corruption_reference
from .attack_reference import AttackComparison
from .networks import Trained, network_of, split
from .tables import Cell, Table

__all__ = ["attacks", "corruptions", "recorded"]

_RECORDED = Path(__file__).parent / "agreement.json"
_CHILD = "maccord.generalize.corruption_reference"
_PATIENCE = 600  # seconds
_IMAGES = 10


@cache
def recorded() -> dict[str, Any]:
    """Return the recorded figures: by package, its version and what was found."""
    return json.loads(_RECORDED.read_text())


def corruptions() -> Table:
    """Compare all corruptions with imagecorruptions, or return what was recorded.

    Returns
    -------
    Table
        Mean absolute differences in codes of 0 to 255, by severity.
    """
    package = corruption_reference.PACKAGE
    found, source = _live_corruptions(), _installed(package)
    if found is None:
        kept = recorded()[package]
        found, source = kept["differences"], _absent(package, kept["version"])
    lines = [(kind.replace("_", " "), tuple(map(Cell, found[kind]))) for kind in KINDS]
    heads = ("corruption", *(f"severity {severity}" for severity in SEVERITIES))
    title = f"Corruptions against {source}: mean absolute difference in codes of 0 to 255"
    return Table("A", title, heads, tuple(lines))


def _installed(package: str) -> str:
    try:
        return f"{package} {metadata.version(package)}"
    except metadata.PackageNotFoundError:
        return package


def _absent(package: str, version: str) -> str:
    return f"{package} {version} (recorded; not installed here)"


def _live_corruptions() -> Mapping[str, Sequence[float]] | None:
    """Run the comparison; None if a package is missing or does not run."""
    command = [sys.executable, "-m", _CHILD]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_PATIENCE, check=True
        )
        return json.loads(done.stdout.splitlines()[-1]).get("differences")
    except (subprocess.SubprocessError, ValueError, IndexError):
        return None


def attacks(trained: Trained, levels: Sequence[tuple[str, float]]) -> Table:
    """Compare attacks on a trained network with the library, or return what was recorded.

    Parameters
    ----------
    trained : Trained
    levels : sequence of (str, float)
        Kind and largest change; none gives an empty table.

    Returns
    -------
    Table
    """
    package = attack_reference.PACKAGE
    if attack_reference.installed():
        source = f"{_installed(package)} on {_IMAGES} images"
        found = {f"{kind}:{bound:g}": _compared(trained, kind, bound) for kind, bound in levels}
    else:
        kept = recorded()[package]
        source = _absent(package, kept["version"])
        found = {name: AttackComparison(**values) for name, values in kept["attacks"].items()}
        found = found if levels else {}
    lines = [
        (
            name,
            (
                *(Cell(value, digits=2) for value in (one.largest, one.share)),
                *(Cell(value) for value in (one.loss, one.their_loss)),
            ),
        )
        for name, one in found.items()
    ]
    heads = ("attack", "largest difference", "share that differs", "loss", "loss there")
    return Table("B", f"Attacks against {source}: values of 0 to 1", heads, tuple(lines))


def _compared(trained: Trained, kind: str, bound: float) -> AttackComparison:
    data = split(trained.data, "test")
    count = min(_IMAGES, len(data))
    images = [index * len(data) // count for index in range(count)]
    crops = np.stack([data.crop(index) for index in images])
    by = architecture("nin").normalization
    labels = data.labels[images]
    return attack_reference.compare(network_of(trained), crops, labels, kind, bound, images, by)
