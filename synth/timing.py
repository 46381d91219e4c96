"""Timing of a placed and routed design, from nextpnr's report."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from .blocks import block_of
from .netlist_cells import Owners

__all__ = ["Arrival", "Path", "Placement", "Step", "placement"]

_WORST = 30  # signals listed


@dataclass(frozen=True)
class Step:
    """The part of a path inside one instance.

    Parameters
    ----------
    instance, block : str
    ns : float
        Delay of the instance's logic and the routing to it.
    """

    instance: str
    block: str
    ns: float


@dataclass(frozen=True)
class Path:
    """A path from register to register.

    Parameters
    ----------
    source, sink : str
        Signals, or cells for unnamed signals.
    ns, logic_ns, routing_ns : float
        Including setup time.
    steps : tuple of Step
    """

    source: str
    sink: str
    ns: float
    logic_ns: float
    routing_ns: float
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Arrival:
    """The latest-arriving bit of a register's input.

    Parameters
    ----------
    signal, block : str
    ns : float
        After the clock edge, excluding setup time.
    """

    signal: str
    block: str
    ns: float


@dataclass(frozen=True)
class Placement:
    """One run of place and route.

    Parameters
    ----------
    seed : int
    fmax_mhz : float
        After routing, by nextpnr's timing model.
    sites : dict of str to int
        Used sites by type.
    path : Path
        The critical path.
    blocks : dict of str to Arrival
        The latest arrival in each block.
    worst : tuple of Arrival
        The latest arrivals overall, one per signal.
    """

    seed: int
    fmax_mhz: float
    sites: dict[str, int]
    path: Path
    blocks: dict[str, Arrival]
    worst: tuple[Arrival, ...]


def placement(report: dict[str, Any], seed: int, found: Owners) -> Placement:
    """Read a report written with `--detailed-timing-report`.

    Parameters
    ----------
    report : dict
    seed : int
    found : Owners
        Owners of the placed netlist's cells.

    Returns
    -------
    Placement

    Raises
    ------
    ValueError
        If the report has no register-to-register path.
    """
    paths = [path for path in report["critical_paths"] if path["from"] == path["to"]]
    if not paths:
        raise ValueError("the report of nextpnr must have a path from register to register")
    arrivals = sorted(_arrivals(report, found), key=lambda each: (-each.ns, each.signal))
    blocks: dict[str, Arrival] = {}
    for arrival in arrivals:
        blocks.setdefault(arrival.block, arrival)
    return Placement(
        seed=seed,
        fmax_mhz=min(clock["achieved"] for clock in report["fmax"].values()),
        sites={name: n["used"] for name, n in report["utilization"].items() if n["used"]},
        path=max((_path(path["path"], found) for path in paths), key=lambda path: path.ns),
        blocks=blocks,
        worst=tuple(arrivals[:_WORST]),
    )


def _arrivals(report: dict[str, Any], found: Owners) -> list[Arrival]:
    latest: defaultdict[tuple[str, str], float] = defaultdict(float)
    for net in report.get("detailed_net_timings", ()):
        for end in net["endpoints"]:
            if end["event"].startswith("posedge"):
                cell = _netlist_cell(end["cell"], found)
                signal = f"{_signal(cell, found).partition('[')[0]}.{_kind(end['port'])}"
                key = signal.removesuffix(".d"), block_of(found.cells.get(cell, ""))
                latest[key] = max(latest[key], end["delay"][-1])
    return [Arrival(signal, block, round(ns, 3)) for (signal, block), ns in latest.items()]


def _kind(port: str) -> str:
    """Return the kind of a register's port: data, clock enable or reset; else the bare name."""
    known = {"DI": "d", "M": "d", "CE": "enable", "LSR": "reset"}
    return known.get(port, port.rstrip("0123456789"))


def _path(segments: list[dict[str, Any]], found: Owners) -> Path:
    cells = [_netlist_cell(segment["to"]["cell"], found) for segment in segments]
    steps: list[Step] = []
    for cell, segment in zip(cells, segments, strict=True):
        instance = found.cells.get(cell, "")
        ns = segment["delay"]
        if steps and steps[-1].instance == instance:
            ns += steps.pop().ns
        steps.append(Step(instance, block_of(instance), ns))
    routing = sum(s["delay"] for s in segments if s["type"] == "routing")
    total = sum(s["delay"] for s in segments)
    return Path(
        source=_signal(_netlist_cell(segments[0]["from"]["cell"], found), found),
        sink=_signal(cells[-1], found),
        ns=round(total, 3),
        logic_ns=round(total - routing, 3),
        routing_ns=round(routing, 3),
        steps=tuple(Step(step.instance, step.block, round(step.ns, 3)) for step in steps),
    )


def _netlist_cell(cell: str, found: Owners) -> str:
    """Return the netlist cell from which a packed cell's name is derived."""
    name = cell
    while name not in found.cells and "$" in name:
        name = name.rpartition("$")[0]
    return name if name in found.cells else cell


def _signal(cell: str, found: Owners) -> str:
    return found.names.get(cell, cell)
