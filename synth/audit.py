"""Checks that synthesis has not trimmed any memory, multiplier or instantiated primitive."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from .netlist_cells import Design, Owners

__all__ = ["SMALLEST", "instantiated", "memories", "multipliers"]

#: Minimum operand width, bits, of products that must map to multiplier blocks.
SMALLEST = 4
_KINDS = {"bram", "lutram"}
_MACRO = "$mem_v2"


def memories(
    design: Design, found: Owners, costs: dict[str, dict[str, float]], nets: set[str]
) -> dict[str, dict[str, Any]]:
    """Return how each memory was mapped.

    Parameters
    ----------
    design : Design
    found : Owners
    costs : dict
        Resources by type of cell.
    nets : set of str
        Names of nets after synthesis.

    Returns
    -------
    dict of str to dict
        By name, `words`, `bits`, `kind` and how many `cells`.
    """
    cells: defaultdict[str, list[str]] = defaultdict(list)
    for cell in found.cells:
        name = cell
        while name:
            type_ = found.types[cell]
            holds = type_ == _MACRO or _KINDS & {*costs.get(type_, ())}
            if holds and name in design.memories:
                cells[name].append(type_)
            name = name.rpartition(".")[0]
    registers = {net.partition("[")[0] for net in nets if "[" in net}
    result = {}
    for name, (words, bits) in sorted(design.memories.items()):
        kinds = {kind for type_ in cells[name] for kind in costs.get(type_, ())}
        if "bram" in kinds:
            kind = "block RAM"
        elif "lutram" in kinds:
            kind = "LUT RAM"
        elif cells[name]:
            kind = "macro"
        else:
            kind = "registers" if name in registers else "lost"
        result[name] = {"words": words, "bits": bits, "kind": kind, "cells": len(cells[name])}
    return result


def multipliers(
    design: Design, instances: dict[str, dict[str, float]], blocks: bool
) -> dict[str, dict[str, Any]]:
    """Return how the products in each instance were mapped.

    Parameters
    ----------
    design : Design
    instances : dict
        Resources by instance.
    blocks : bool
        Whether the family has multiplier blocks; without them, lost products cannot be detected.

    Returns
    -------
    dict of str to dict
        By instance: `described` products with operand widths, `blocks` used, and whether one is
        `lost`.
    """
    result = {}
    with_blocks = {name for name, counted in instances.items() if counted.get("dsp")}
    for name in sorted(with_blocks | set(design.multipliers)):
        described = design.multipliers.get(name, [])
        used = int(instances.get(name, {}).get("dsp", 0))
        needed = sum(min(widths) >= SMALLEST for widths in described)
        result[name] = {
            "described": [list(widths) for widths in described],
            "blocks": used,
            "lost": blocks and used < needed,
        }
    return result


def instantiated(design: Design, found: Owners) -> dict[str, dict[str, dict[str, int]]]:
    """Count the primitives in the design before and after synthesis.

    Parameters
    ----------
    design : Design
    found : Owners

    Returns
    -------
    dict of str to dict of str to dict
        By instance and cell type: the number `described` and the number `left`.
    """
    left = Counter((instance, found.types[cell]) for cell, instance in found.cells.items())
    return {
        instance: {
            type_: {"described": count, "left": left[instance, type_]}
            for type_, count in sorted(types.items())
        }
        for instance, types in sorted(design.instantiated.items())
    }
