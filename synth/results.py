"""The result of one synthesis, with the fields of its JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..runtime.files import atomic_write
from ..runtime.provenance import provenance, short
from .timing import Placement

__all__ = ["SCHEMA", "Synthesis", "load", "save"]

SCHEMA = "maccord.synth/1"


@dataclass(frozen=True)
class Synthesis:
    """A configuration on a target, with the fields of the JSON.

    Parameters
    ----------
    target, device, package : str
        `device` and `package` are empty without place and route.
    speed : int
        Speed grade; 0 without place and route.
    configuration : str
        Name of the parameters.
    parameters : dict
    tools : dict of str to str
        Versions.
    digest : str
        Digest of all inputs; equal digests give equal results.
    resources : dict of str to dict of str to float
        By block, after mapping.
    instances : dict of str to dict of str to float
        By instance, excluding subinstances.
    available : dict of str to int
        Resources of the device.
    memories : dict of str to dict
        By name: `words`, `bits` per word, and `kind`: ``block RAM``, ``LUT RAM``, ``registers``,
        ``macro`` or ``lost``.
    multipliers : dict of str to dict
        By instance: `described` products of two variables, and multiplier `blocks`.
    instantiated : dict of str to dict of str to dict
        By instance and type: the primitives `described` and `left`.
    unit : str
        Instance built alone; empty for the whole accelerator.
    placements : tuple of Placement
        One per seed.
    previous : dict
        Figures of the last different run: `total`, `fmax_mhz`, `digest`.
    """

    target: str
    device: str
    package: str
    speed: int
    configuration: str
    parameters: dict[str, int | str | bool]
    tools: dict[str, str]
    digest: str
    resources: dict[str, dict[str, float]]
    instances: dict[str, dict[str, float]]
    available: dict[str, int]
    memories: dict[str, dict[str, Any]]
    multipliers: dict[str, dict[str, Any]]
    instantiated: dict[str, dict[str, dict[str, int]]] = field(default_factory=dict)
    unit: str = ""
    placements: tuple[Placement, ...] = ()
    previous: dict[str, Any] = field(default_factory=dict)

    @property
    def total(self) -> dict[str, float]:
        """Resources of all blocks, including the scan wrapper."""
        sums: dict[str, float] = {}
        for counted in self.resources.values():
            for name, amount in counted.items():
                sums[name] = sums.get(name, 0) + amount
        return sums

    @property
    def fmax_mhz(self) -> list[float]:
        """Fmax by seed."""
        return [placement.fmax_mhz for placement in self.placements]

    @property
    def lost(self) -> list[str]:
        """Memories, multipliers and other cells trimmed by synthesis."""
        memories = [name for name, memory in self.memories.items() if memory["kind"] == "lost"]
        multipliers = [name for name, found in self.multipliers.items() if found["lost"]]
        cells = [
            instance
            for instance, types in self.instantiated.items()
            if any(found["left"] < found["described"] for found in types.values())
        ]
        return list(dict.fromkeys((*memories, *multipliers, *cells)))


def load(path: Path) -> dict[str, Any] | None:
    """Return the JSON of an earlier run; None if it is missing or unreadable."""
    try:
        content = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def save(path: Path, result: Synthesis) -> None:
    """Write one result."""
    content = {
        "schema": SCHEMA,
        **asdict(result),
        "total": result.total,
        "fmax_mhz": result.fmax_mhz,
        "provenance": asdict(provenance({"design": short(result.digest)}, **result.tools)),
    }
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n")
