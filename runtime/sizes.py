"""Sizes in memory as text."""

from __future__ import annotations

__all__ = ["size_text"]


def size_text(count: int) -> str:
    """Return bytes in MB, or in kB below one.

    Examples
    --------
    >>> size_text(12_345_678), size_text(7_200)
    ('12.3 MB', '7.2 kB')
    """
    return f"{count / 1e6:,.1f} MB" if count >= 1_000_000 else f"{count / 1e3:.1f} kB"
