"""Which folders `maccord compile` may write or replace."""

from __future__ import annotations

import json
from pathlib import Path

from ...runtime.files import check_writable
from .manifest import SCHEMA

__all__ = ["MANIFEST", "check_folder"]

MANIFEST = "manifest.json"


def check_folder(path: Path) -> None:
    """Reject a folder that cannot be written, or that holds files of other origin.

    Raises
    ------
    ValueError
        Naming the folder, and what is in the way.
    """
    place = path.resolve()
    if path.exists() and not path.is_dir():
        raise ValueError(f"out must be a folder, got the file {path}")
    if Path.cwd().is_relative_to(place):
        raise ValueError(
            f"out must be a folder of its own, got {path}, the working folder is in it"
        )
    if path.is_dir() and any(path.iterdir()):
        _check_ours(path)
    check_writable("out", "folder", path, place.with_name(f".{place.name}.probe"))


def _check_ours(path: Path) -> None:
    wanted = "out must be a new folder, an empty one, or one that maccord compile has written"
    try:
        manifest = json.loads((path / MANIFEST).read_text())
        ours = manifest["schema"] == SCHEMA
        listed = {MANIFEST, *(file["path"] for file in manifest["files"])}
    except (OSError, ValueError, TypeError, KeyError):
        ours, listed = False, set()
    if not ours:
        raise ValueError(f"{wanted}, got {path}, which holds no manifest of it")
    there = {str(p.relative_to(path)) for p in path.rglob("*") if not p.is_dir()}
    if there - listed:
        raise ValueError(f"{wanted}, got {path}, which holds {min(there - listed)}, too")
