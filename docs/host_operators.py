"""Write docs/host_operators.md: where each of many operators runs, and what is said of it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import operator_examples

from maccord.nets.library import quantized
from maccord.nets.source_line import remembering_modules

__all__ = ["PAGE", "page"]

PAGE = Path(__file__).parent / "host_operators.md"
_IMAGES = np.random.default_rng(3).normal(0, 1, (2, 1, 3, 12, 12)).astype(np.float32)
_HEAD = """# Operators beside the hardware's

What becomes of operators that are not in the [list of those in hardware](operators.md), each
behind a convolution, in `docs/operator_examples.py`. *Host*: the host computes it with PyTorch's
kernels; with `--strict` the sentence refuses the network. *Refused*: the network runs nowhere.
`python docs/host_operators.py` writes this page.

| operator | runs on | sentence |
|---|---|---|
"""


def row(name: str) -> tuple[str, str]:
    """Return where an example runs, and the sentence of a refusal."""
    with remembering_modules():
        model = operator_examples.make(name)
    try:
        network = quantized(model, "net", "seeded", list(_IMAGES))
    except ValueError as error:
        return "refused", str(error)
    reasons = [s.arguments["reason"] for s in network.steps if s.arguments.get("reason")]
    return ("host", reasons[0]) if reasons else ("hardware", "")


def page() -> str:
    """Return the page as Markdown."""
    folder = re.escape(f"{Path(operator_examples.__file__).parent}/")
    lines = []
    for name in (*operator_examples.CALLS, *operator_examples.MODULES):
        where, sentence = row(name)
        said = f"`{re.sub(folder, '', sentence)}`" if sentence else ""
        lines.append(f"| {name} | {where} | {said.replace('|', chr(92) + '|')} |")
    return _HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
