"""What a run consists of, as plain numbers that JSON holds: drawn from its seed, then shrunk.

A run is a sequence of starts of one accelerator. A legal, undisturbed one follows each that is
wrong, aborted, reset in flight or met by a bus error: nothing may have been left behind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .configurations import CONFIGURATIONS
from .extremes import INPUTS, KNOBS
from .harness import ORDERS
from .operations import OPERATIONS
from .programs import KINDS

__all__ = ["DIRECTED", "DISTURBANCES", "KNOWN", "Recipe", "draw"]

Recipe = dict[str, Any]
#: What may befall a start, and its weight.
DISTURBANCES = {
    "none": 6, "abort": 1, "reset": 1, "bus error": 2, "register accesses": 2,
}  # fmt: skip
#: Programs aimed at what others leave out, and their shares.
DIRECTED = {"endless": 0.03, "many tokens": 0.1, "large tiles": 0.1}
KNOWN = 16  # legal layers, which random programs are changes of, and which run behind them
_BASES = (1 << 28) - 1024  # pages at which memory may begin, in 40 bits of addresses
_SHIFTS = (1 << 20) - 1024  # pages by which offsets may be greater; the base is as much lower
_PROGRAMS = 4  # of a run, each with a legal start behind it
_LAYERS = ("dense", "dense", "dense", *OPERATIONS, "lookup")
_NEEDS = {"product": "product", "channel_product": "product", "lookup": "lookup"}


def draw(seed: int, configurations: Sequence[str] = (), kinds: Sequence[str] = ()) -> Recipe:
    """Draw a run.

    Parameters
    ----------
    seed : int
        All that is drawn follows from it.
    configurations : sequence of str
        Names of `CONFIGURATIONS`; all by default.
    kinds : sequence of str
        Of the first start: ``layer``, ``network`` or ``program``; any by default.

    Returns
    -------
    Recipe
        `seed`, `configuration`, `memory` and `starts`, for `starts.build`.
    """
    rng = np.random.default_rng(seed)
    name = str(rng.choice(list(configurations or CONFIGURATIONS)))
    weights = {"layer": 0.55, "network": 0.1, "program": 0.35}
    first = str(rng.choice(list(kinds))) if kinds else _pick(rng, weights)
    if first == "program":
        starts = [
            start for _ in range(_PROGRAMS) for start in (_start(rng, first, name), _known(rng))
        ]
    else:
        starts = [_start(rng, first, name) for _ in range(int(rng.integers(1, 3)))]
        starts += [_known(rng)] * (starts[-1]["disturb"] != "none")
    memory = {
        "latency": int(rng.choice([2, 3, int(rng.integers(4, 40)), int(rng.integers(40, 400))])),
        "jitter": int(rng.choice([0, 0, int(rng.integers(1, 60))])),
        "stall": int(rng.choice([0, int(rng.integers(1, 60)), int(rng.integers(60, 200))])),
        "seed": int(rng.integers(1 << 30)),
        "order": str(rng.choice(list(ORDERS))),
        "base": int(rng.integers(_BASES)) << 12,
    }
    return {"seed": seed, "configuration": name, "memory": memory, "starts": starts}


def _pick(rng: np.random.Generator, weights: Mapping[str, float]) -> str:
    shares = np.array(list(weights.values()), float)
    return str(rng.choice(list(weights), p=shares / shares.sum()))


def _known(rng: np.random.Generator) -> Recipe:
    """Draw an undisturbed start of one of a few layers, which are compiled once."""
    return {
        "kind": "known", "seed": int(rng.integers(KNOWN)), "disturb": "none", "records": "none",
    }  # fmt: skip


def _start(rng: np.random.Generator, kind: str, name: str) -> Recipe:
    disturb = "none" if kind == "program" else _pick(rng, DISTURBANCES)
    start: Recipe = {
        "kind": kind,
        "seed": int(rng.integers(1 << 32)),
        "disturb": disturb,
        "at": float(rng.random()),  # of the cycles, or of the bytes
        "area": str(rng.choice(["program", "inputs", "weights", "outputs"])),
        "answer": int(rng.choice([2, 3])),
        "records": str(rng.choice(["none", "none", "memory", "interrupts"])),
        "shift": int(rng.integers(_SHIFTS)) if rng.random() < 0.7 else 0,
        "scrambled": bool(rng.random() < 0.5),
        "limits": {},
    }
    if kind == "layer":
        start |= _layer(rng, name)
    elif kind == "network":
        start |= {"motifs": int(rng.integers(1, 4)), "nodes": [], "inputs": _knob(rng, INPUTS)}
        start["batch"] = int(rng.choice([1, 1, 2, 3]))
    else:
        directed = rng.random() < sum(DIRECTED.values())
        program = _pick(rng, DIRECTED) if directed else str(rng.choice(list(KINDS)))
        start |= {"program": program, "keep": []}
    return start


def _layer(rng: np.random.Generator, name: str) -> Recipe:
    parameters = CONFIGURATIONS[name]
    possible = [op for op in _LAYERS if getattr(parameters, _NEEDS.get(op, "rows"))]
    knobs = {knob: _knob(rng, choices) for knob, choices in KNOBS.items()}
    if parameters.half_up and rng.random() < 0.5:
        knobs["rounding"] = "half_up"
    widths = [bits for bits in (8, 8, 4, 2) if bits <= parameters.weight_bits]
    return {
        "op": str(rng.choice(possible)),
        "bits": int(rng.choice(widths)) if parameters.narrow else 8,
        "knobs": knobs,
        "inputs": _knob(rng, INPUTS),
    }


def _knob(rng: np.random.Generator, choices: Sequence[str]) -> str:
    """Pick the usual choice in half of all cases."""
    return choices[0] if rng.random() < 0.5 else str(rng.choice(list(choices)))
