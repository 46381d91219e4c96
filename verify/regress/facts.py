"""What functional coverage wants to know of a start and of how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...golden.graph import Conv2d, Layer, Linear, Network
from ...golden.kernels.conv2d import PackedConv2d
from ...golden.network import execute
from ...golden.operations.conv_transpose2d import ConvTranspose2d
from ...spec.isa import UNIT_OF, Instruction, Unit
from .harness import Ended
from .judge import outcome
from .recipe import Recipe
from .starts import Start
from .verdicts import steps

__all__ = ["computed", "facts", "operations"]


def facts(start: Start, found: Ended, configuration: str) -> dict[str, Any]:
    """Return the facts of a start.

    Parameters
    ----------
    start : Start
    found : Ended
        Judged to be right.
    configuration : str
    """
    program = steps(start.code)[0]
    known: dict[str, Any] = {
        "configuration": configuration,
        "kind": start.recipe["kind"],
        "disturb": start.recipe["disturb"],
        "outcome": outcome(start, found),
        "error": found.error if found.ending == "done" else None,
        "step": start.step,
        "interrupts": found.interrupts,
        "opcodes": {step.opcode.name for step in program},
        "tokens": _tokens(program),
        "counters": found.counters if found.ending == "done" else {},
        "records": start.recipe["records"] if start.legal else None,
    }
    if start.network:
        known |= operations(start.recipe, start.network)
        if found.error == 0 and found.ending == "done":
            known |= computed(start.network, start.inputs)
    return known


def operations(recipe: Recipe, network: Network) -> dict[str, Any]:
    """Return what a legal start is to compute."""
    return {
        "operations": [node.operation for node in network.nodes],
        "shapes": [tensor.shape for tensor in network.tensors.values()],
        "alone": recipe["kind"] == "layer",
    }


def _tokens(program: list[Instruction]) -> set[str]:
    """Return the pairs of units, giver and taker, between which a program passes tokens."""
    found: set[str] = set()
    for step in program:
        if step.opcode not in UNIT_OF:
            continue
        unit = Unit(UNIT_OF[step.opcode])
        found |= {f"{other.name} to {unit.name}" for other in Unit if step.wait >> other & 1}
    return found


def computed(network: Network, inputs: Sequence[npt.NDArray[np.uint8]]) -> dict[str, Any]:
    """Return the facts of what a legal start computed, to its end."""
    known: dict[str, Any] = {"batch": len(inputs[0])}
    layer = network.nodes[0].operation
    if isinstance(layer, ConvTranspose2d) or len(network.nodes) > 1:
        return known
    if isinstance(layer, Conv2d | Linear):
        known["layer"] = layer
        known |= _numbers(layer, inputs[0])
        (codes,) = [execute(network, *inputs)[network.output]]
        known["codes"] = {int(codes.min()), int(codes.max())}
    return known


def _numbers(layer: Layer, x_q: npt.NDArray[np.uint8]) -> dict[str, Any]:
    """Return the largest accumulator, and what rounding met."""
    if isinstance(layer, Linear):
        acc = (x_q.astype(np.int64) - layer.input.zero_point) @ layer.weight.T.astype(np.int64)
        acc += layer.bias_q
    else:
        acc = PackedConv2d(layer).accumulate(x_q).astype(np.int64)
    scaled = acc.astype(np.float32).astype(np.float64) * layer.multiplier.astype(np.float64)
    whole = np.floor(scaled)
    ties = (scaled - whole) == 0.5
    return {
        "largest": int(np.abs(acc).max()),
        "ties": {f"{_sign(scaled[ties])} tie" for _ in [0] if ties.any()}
        | {f"tie to {'even' if even else 'odd'} below" for even in {*(whole[ties] % 2 == 0)}},
    }


def _sign(values: npt.NDArray[np.float64]) -> str:
    return "negative" if values.min() < 0 else "positive"
