"""Provenance of a result: command, time, versions, processor, and input hashes."""

from __future__ import annotations

import hashlib
import platform
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path

__all__ = ["Provenance", "file_digest", "processor", "provenance", "short"]

_DISTRIBUTIONS = ("maccord", "torch", "numpy", "amaranth")
_DIGITS = 16


@dataclass(frozen=True)
class Provenance:
    """Provenance of a result.

    Parameters
    ----------
    command : str
        The command line, quoted for a shell.
    date : str
        UTC, as ``2026-01-31T12:00:00+00:00``.
    versions : dict of str to str
        Versions of Python, numerical libraries and tools, by name.
    processor : dict of str to str
        As returned by `processor`.
    digests : dict of str to str
        First 16 hexadecimal digits of each input's SHA-256, by name.
    input : dict of str to str
        How a network's input was made: `source`, `shape`, and of an image the preprocessing,
        `resize`, `crop`, `colour`, `mean`, `std`. Empty where there is no such input.
    """

    command: str
    date: str
    versions: dict[str, str]
    processor: dict[str, str]
    digests: dict[str, str] = field(default_factory=dict)
    input: dict[str, str] = field(default_factory=dict)


def provenance(digests: Mapping[str, str] | None = None, **tools: str) -> Provenance:
    """Return the provenance of this process's results.

    Parameters
    ----------
    digests : mapping of str to str, optional
    **tools : str
        Versions of non-Python tools, by name.
    """
    return Provenance(
        shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        datetime.now(UTC).isoformat(timespec="seconds"),
        {"python": platform.python_version()}
        | {name: version(name) for name in _DISTRIBUTIONS}
        | tools,
        processor(),
        dict(digests or {}),
    )


def processor() -> dict[str, str]:
    """Return the processor properties that select numerical kernels.

    Returns
    -------
    dict
        `machine` and `model` of the processor; `torch`, the instruction set of PyTorch's kernels,
        if this process has imported PyTorch.
    """
    found = {"machine": platform.machine(), "model": _model()}
    torch = sys.modules.get("torch")
    return found | ({"torch": torch.backends.cpu.get_cpu_capability()} if torch else {})


def _model() -> str:
    """Model name of the processor, from Linux, or else from Python."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


@cache
def file_digest(path: Path) -> str:
    """First digits of a file's SHA-256, as printed by ``sha256sum``."""
    with path.open("rb") as file:
        return short(hashlib.file_digest(file, "sha256").hexdigest())


def short(digest: str) -> str:
    """First digits of a hash, at the length used in `Provenance`."""
    return digest[:_DIGITS]
