"""Where a tensor lies."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Place"]


@dataclass(frozen=True)
class Place:
    """Location of a tensor: a root tensor, which may be itself, and a channel offset in it."""

    root: str
    channel: int = 0
