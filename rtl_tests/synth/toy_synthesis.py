"""A netlist small enough to write down, before and after synthesis, and a report of its timing.

The top holds a unit `accelerator` with a register, a multiplier and a memory; `core.fetch` inside
it adds. Names are those of the tools, the logic is nobody's.
"""

from __future__ import annotations

from typing import Any

FETCH = "accelerator.core.fetch"
ELEMENT = "accelerator.core.compute.datapath.array.element_0_0"


def cell(type_: str, src: str = "", **ports: tuple[str, list[int]]) -> dict[str, Any]:
    """A cell with its ports as (direction, bits)."""
    return {
        "type": type_,
        "attributes": {"src": src} if src else {},
        "port_directions": {name: way for name, (way, _) in ports.items()},
        "connections": {name: bits for name, (_, bits) in ports.items()},
    }


def module(
    cells: dict[str, Any], nets: dict[str, list[int]], inputs: tuple[str, ...] = (), **more: Any
) -> dict[str, Any]:
    ports = {name: {"direction": "input", "bits": nets[name]} for name in inputs}
    return {
        "ports": ports,
        "cells": cells,
        "netnames": {name: {"bits": bits} for name, bits in nets.items()},
        **more,
    }


def chain(*names: str) -> dict[str, Any]:
    """Modules that hold nothing but the next one each; the last is left out."""
    return {
        names[i]: module({names[i + 1].rpartition(".")[2]: cell(names[i + 1])}, {})
        for i in range(len(names) - 1)
    }


def described() -> dict[str, Any]:
    """The design as it was described: a hierarchy of modules, one of each."""
    product = cell(
        "$mul",
        A=("input", [2, 3, 4, 5]), B=("input", [6, 7, 8, 9]), Y=("output", list(range(10, 18))),
    )  # fmt: skip
    fetch = module(
        {},
        {"word": [2, 3], "go": [4], "sum": [5]},
        inputs=("go",),
        memories={"storage": {"size": 8, "width": 4}},
    )
    core = {"fetch": cell("top.fetch"), "compute": cell("top.compute")}
    modules = {
        "top": module({"accelerator": cell("top.accelerator")}, {"scan_in": [2]}),
        "top.accelerator": module({"core": cell("top.core")}, {"go": [2]}),
        "top.core": module(core, {"start": [2], "count": [3]}),
        "top.fetch": fetch,
        "top.element": module({"$1": product}, {"product": list(range(10, 18))}),
    }
    modules |= {
        "top.compute": module({"datapath": cell("top.datapath")}, {}),
        "top.datapath": module({"array": cell("top.array")}, {}),
        "top.array": module({"element_0_0": cell("top.element")}, {}),
    }
    return {"modules": modules}


def mapped(storage: str = "DP16KD") -> dict[str, Any]:
    """The same, flat and mapped to the ECP5; `storage` is the type of the memory's cell."""
    cells = {
        "start_TRELLIS_FF_Q": cell("TRELLIS_FF", "@top.core@", Q=("output", [2])),
        # Marked as the fetch unit's, but its result has a name of the parent alone
        "count_CCU2C_S0": cell("CCU2C", "@top.fetch@", S0=("output", [40])),
        # Unmarked: `word` is the fetch unit's own, whatever else it is called outside
        "word_LUT4_Z": cell("LUT4", A=("input", [20]), Z=("output", [3])),
        # Without a name: it belongs to what it feeds
        "nameless": cell("LUT4", A=("input", [2]), Z=("output", [20])),
        # Of an input of the fetch unit, which therefore does not drive it
        "go_LUT4_Z": cell("LUT4", A=("input", [2]), Z=("output", [4])),
        f"{FETCH}.storage.0.0": cell(storage, DOA0=("output", [21])),
        "product_MULT18X18D_P0": cell("MULT18X18D", "@top.element@", P0=("output", [10])),
        "drive_TRELLIS_FF_Q": cell("TRELLIS_FF", Q=("output", [30])),
        "accelerator": cell("$scopeinfo"),
    }
    nets = {
        "accelerator.core.start": [2],
        "accelerator.core.count": [40],
        "accelerator.go": [4],
        f"{FETCH}.go": [4],
        "accelerator.core.i_word": [3],  # made by synthesis: nobody described it
        f"{FETCH}.word": [3, 22],
        "scan_in": [30],
        f"{ELEMENT}.product": [10, 11],
    }
    return {"modules": {"top": module(cells, nets)}}


def segment(kind: str, delay: float, start: str, end: str) -> dict[str, Any]:
    return {"type": kind, "delay": delay, "from": {"cell": start}, "to": {"cell": end}}


def timed(fmax: float = 80.0) -> dict[str, Any]:
    """The report of nextpnr: the path from the core's register through the fetch unit and back."""
    clock = "posedge clk"
    path = [
        segment("clk-to-q", 0.5, "start_TRELLIS_FF_Q", "start_TRELLIS_FF_Q"),
        segment("routing", 1.25, "start_TRELLIS_FF_Q", "word_LUT4_Z$PACKED"),
        segment("logic", 0.25, "word_LUT4_Z$PACKED", "word_LUT4_Z$PACKED"),
        segment("routing", 2.0, "word_LUT4_Z$PACKED", "start_TRELLIS_FF_Q"),
        segment("setup", 0.125, "start_TRELLIS_FF_Q", "start_TRELLIS_FF_Q"),
    ]
    ends = [
        {"cell": "start_TRELLIS_FF_Q", "port": "DI", "event": clock, "delay": [1.0, 4.0]},
        {"cell": "start_TRELLIS_FF_Q", "port": "CE", "event": clock, "delay": [1.0, 3.5]},
        {"cell": "product_MULT18X18D_P0", "port": "A11", "event": clock, "delay": [1.0, 2.0]},
        {"cell": "product_MULT18X18D_P0", "port": "A3", "event": clock, "delay": [1.0, 2.5]},
        {"cell": "scan_out", "port": "O", "event": "async", "delay": [1.0, 9.0]},
    ]
    return {
        "fmax": {"clk": {"achieved": fmax, "constraint": 120}},
        "utilization": {"TRELLIS_COMB": {"used": 3, "available": 9}, "GSR": {"used": 0}},
        "critical_paths": [
            {"from": "<async>", "to": clock, "path": path[:1]},
            {"from": clock, "to": clock, "path": path},
        ],
        "detailed_net_timings": [{"net": "n", "endpoints": ends}],
    }
