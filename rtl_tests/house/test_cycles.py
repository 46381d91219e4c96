"""Cycles by layer against those that the repository keeps."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.parametrize("network", ["resnet18", "squeezenet1_1"])
def test_cycles_by_layer_are_the_kept_ones(network: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """More cycles are a regression, fewer a result: either way the file has to say so."""
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    sys.modules.pop("kept_cycles", None)
    from kept_cycles import KEPT, counted  # pyright: ignore[reportMissingImports]

    kept, found = json.loads(KEPT.read_text())[network], counted(network)
    changed = {
        name: (kept.get(name), found.get(name))
        for name in kept | found
        if kept.get(name) != found.get(name)
    }
    assert not changed, f"{changed}: python docs/kept_cycles.py, and say why in docs/speed.md"
