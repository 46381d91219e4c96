"""Compiles depthwise layers with leads wherever they may have them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from maccord.compiler import window
from maccord.compiler.window_tiling import WindowTiling

__all__ = ["most_leads"]


@contextmanager
def most_leads() -> Iterator[None]:
    """Layers take the tilings with the most leads, whether they pay or not."""
    tilings = window.window_tilings

    def most(*arguments: Any, **options: Any) -> list[WindowTiling]:
        found = tilings(*arguments[:3], 10_000, **options)
        best = max(sum(p.lead for p in tiling.pieces) for tiling in found)
        return [t for t in found if sum(p.lead for p in t.pieces) == best][:2]

    window._best.cache_clear()
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(window, "window_tilings", most)
            yield
    finally:
        window._best.cache_clear()
