"""The per-user cache folder, independent of the working directory."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

__all__ = ["KINDS", "VARIABLE", "cache_folder", "cache_root", "clear_all", "sizes"]

VARIABLE = "MACCORD_CACHE"
#: Folders in the cache and their contents.
KINDS = {
    "netlists": "generated Verilog",
    "nets": "quantized networks, and networks trained on the digits",
    "verilator": "Verilated models",
    "gates": "netlists after synthesis",
}


def cache_root() -> Path:
    """Return the cache: ``MACCORD_CACHE``, else ``maccord`` in the user's cache folder (XDG)."""
    given = os.environ.get(VARIABLE)
    if given:
        return Path(given).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME", "")
    folder = Path(base) if Path(base).is_absolute() else Path("~/.cache").expanduser()
    return folder / "maccord"


def cache_folder(kind: str) -> Path:
    """Return a folder of the cache; it may not exist yet.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind}")
    return cache_root() / kind


def sizes() -> dict[str, int]:
    """Bytes in each folder of the cache, by kind."""
    return {kind: _size(cache_folder(kind)) for kind in KINDS}


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except OSError:
            continue  # replaced by another process
    return total


def clear_all() -> int:
    """Delete only cached files; return the number of bytes freed."""
    freed = sum(sizes().values())
    for kind in KINDS:
        if cache_folder(kind).exists():
            shutil.rmtree(cache_folder(kind))
    return freed
