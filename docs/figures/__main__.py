"""Draw the figures beside their sources: ``cd docs && python -m figures``."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import matplotlib as mpl

from . import accelerator, array_timing, engines, reduction

__all__ = ["FIGURES", "digest", "draw"]

HERE = Path(__file__).parent
FIGURES = {
    "accelerator": accelerator.figure,
    "array_timing": array_timing.figure,
    "engines": engines.figure,
    "reduction": reduction.figure,
}


def digest(name: str) -> str:
    """Hash of the sources of a figure; it stands in the file, so that a stale one is noticed."""
    sources = (HERE / "blocks.py", HERE / f"{name}.py")
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]


def draw(folder: Path) -> None:
    """Write each figure as SVG, text kept as text."""
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "maccord"})
    mpl.rcParams["font.family"] = "sans-serif"
    for name, figure in FIGURES.items():
        figure().savefig(
            folder / f"{name}.svg",
            metadata={"Date": None, "Description": f"sources {digest(name)}"},
            facecolor="white",
        )


if __name__ == "__main__":
    draw(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
