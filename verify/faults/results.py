"""What a fault campaign writes: CSV, JSON and a plot."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from ...runtime.files import atomic_write
from ...runtime.provenance import Provenance
from .outcomes import Record
from .plot import avf_plot
from .tables import Difference, Share

__all__ = ["SCHEMA", "Campaign", "Masked", "write_campaign"]

SCHEMA = "maccord.faults/1"


@dataclass(frozen=True)
class Masked:
    """Where masked faults of a block had their last effect.

    Parameters
    ----------
    level, block : str
    masked_in : str
        As in `Record`.
    faults : int
    """

    level: str
    block: str
    masked_in: str
    faults: int


@dataclass(frozen=True)
class Campaign:
    """A campaign; the content of ``faults.json``.

    Parameters
    ----------
    network, data : str
    levels : tuple of str
        ``clean`` first.
    images, seed : int
    confidence : float
        Of all intervals.
    configuration : str
        Of the accelerator.
    registers, bits : int
        Registers and memories of the netlist, and their bits.
    injectable : int
        Bits of them that the simulated model has.
    cycles : int
        Of the program.
    faults : int
        Of each level.
    margin : float
        Largest margin of a block's share, by Leveugle's formula.
    simulated_cycles : int
        After the flips, of all faults.
    cpu_seconds : float
        Processor time of the simulator, for all of them.
    all : tuple of Share
        By level, weighted by bits.
    blocks : tuple of Share
    differences : tuple of Difference
    masked : tuple of Masked
    provenance : Provenance
    """

    network: str
    data: str
    levels: tuple[str, ...]
    images: int
    seed: int
    confidence: float
    configuration: str
    registers: int
    bits: int
    injectable: int
    cycles: int
    faults: int
    margin: float
    simulated_cycles: int
    cpu_seconds: float
    all: tuple[Share, ...]
    blocks: tuple[Share, ...]
    differences: tuple[Difference, ...]
    masked: tuple[Masked, ...]
    provenance: Provenance


def write_campaign(
    out: Path,
    campaign: Campaign,
    records: Sequence[Record],
    registers: Sequence[Share],
    bits: Sequence[Share],
) -> None:
    """Write all files of a campaign.

    Parameters
    ----------
    out : Path
    campaign : Campaign
    records : sequence of Record
        Go to ``faults.csv``.
    registers, bits : sequence of Share
        Go to ``registers.csv`` and ``bits.csv``.
    """
    _csv(out / "faults.csv", records, Record)
    _csv(out / "blocks.csv", [*campaign.all, *campaign.blocks], Share)
    _csv(out / "registers.csv", registers, Share)
    _csv(out / "bits.csv", bits, Share)
    _csv(out / "differences.csv", campaign.differences, Difference)
    _csv(out / "masked.csv", campaign.masked, Masked)
    with atomic_write(out / "avf.svg") as temporary:
        temporary.write_text(avf_plot(campaign.blocks))
    with atomic_write(out / "faults.json") as temporary:
        text = json.dumps({"schema": SCHEMA} | asdict(campaign), indent=2)
        temporary.write_text(text + "\n")


def _csv(path: Path, rows: Sequence[Any], kind: type) -> None:
    names = [field.name for field in fields(kind)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow([_cell(getattr(row, name)) for name in names])
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as temporary:
        temporary.write_text(text.getvalue())


def _cell(value: object) -> object:
    return f"{value:.6f}" if isinstance(value, float) else value
