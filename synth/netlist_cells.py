"""Assigns the netlist cells of a flat netlist to instances of the design.

Synthesis flattens the design, which optimizes better. Registers, multipliers and adders keep the
attribute `src`, which identifies their original instance. If mapping loses it, a net still has its
names in all instances; the deepest instance where it is not an input drives it. Cells between such
nets belong to the instance that uses their result.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

__all__ = ["MARK", "Design", "Owners", "hierarchy", "owners", "resources"]

#: Format of a cell's `src` before synthesis; the module name identifies the instance.
MARK = "@{module}@"
_MARKED = re.compile(r"@([^@]*)@")
_IGNORED = "$scopeinfo"


@dataclass(frozen=True)
class Design:
    """The design before synthesis.

    Parameters
    ----------
    driven : dict of str to bool
        By full net name: whether its instance may drive it, i.e. it is not an input.
    instances : frozenset of str
    modules : dict of str to str
        The instance of each module; each module has exactly one.
    memories : dict of str to tuple of int
        By full name: words, and bits per word; a memory made of primitives is named
        after its instance.
    multipliers : dict of str to list of tuple of int
        By instance: operand widths of each product of two variables.
    instantiated : dict of str to dict of str to int
        By instance: number of primitives of each type.
    """

    driven: dict[str, bool] = field(default_factory=dict)
    instances: frozenset[str] = frozenset()
    modules: dict[str, str] = field(default_factory=dict)
    memories: dict[str, tuple[int, int]] = field(default_factory=dict)
    multipliers: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    instantiated: dict[str, dict[str, int]] = field(default_factory=dict)


def hierarchy(netlist: dict[str, Any], top: str = "top") -> Design:
    """Read a design, neither flattened nor mapped, from Yosys's `write_json`.

    Parameters
    ----------
    netlist : dict
        Yosys's JSON.
    top : str
        The module to start from.

    Returns
    -------
    Design
    """
    modules = netlist["modules"]
    found = list(_instances(modules, top))
    names = {id(module): name for name, module in modules.items()}
    design = Design(
        instances=frozenset(path for path, _ in found),
        modules={names[id(module)]: path for path, module in found},
    )
    for path, module in found:
        inputs = {n for n, port in module["ports"].items() if port["direction"] == "input"}
        for name in module["netnames"]:
            design.driven[_join(path, name)] = name not in inputs
        for name, memory in module.get("memories", {}).items():
            design.memories[_join(path, name)] = (memory["size"], memory["width"])
        own = Counter(type_ for type_ in _types(module) if _is_primitive(type_, modules))
        if own:
            design.instantiated[path] = dict(own)
            if {"write_address", "write_data"} <= module["ports"].keys():
                bits = {name: len(port["bits"]) for name, port in module["ports"].items()}
                design.memories[path] = (1 << bits["write_address"], bits["write_data"])
        for cell in module["cells"].values():
            if cell["type"] == "$mul":
                widths = [_variable_bits(cell["connections"][port]) for port in "AB"]
                if min(widths):
                    design.multipliers.setdefault(path, []).append((widths[0], widths[1]))
    return design


def _instances(modules: dict[str, Any], name: str, path: str = "") -> Iterator[tuple[str, Any]]:
    module = modules[name]
    yield path, module
    for instance, cell in module["cells"].items():
        if cell["type"] in modules:
            yield from _instances(modules, cell["type"], _join(path, instance))


def _types(module: dict[str, Any]) -> Iterator[str]:
    return (cell["type"] for cell in module["cells"].values())


def _is_primitive(type_: str, modules: dict[str, Any]) -> bool:
    """Whether a cell is neither a module of the design nor one of Yosys's own."""
    return type_ not in modules and not type_.startswith("$")


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _variable_bits(bits: list[int | str]) -> int:
    return sum(isinstance(bit, int) for bit in bits)


@dataclass(frozen=True)
class Owners:
    """Instance of each cell.

    Parameters
    ----------
    cells : dict of str to str
        Instance by cell.
    types : dict of str to str
        Type by cell.
    names : dict of str to str
        Name of the cell's output in its instance; missing if it has none.
    """

    cells: dict[str, str]
    types: dict[str, str]
    names: dict[str, str]


def owners(netlist: dict[str, Any], design: Design, top: str = "top") -> Owners:
    """Find the instance of each cell of a flat netlist.

    Parameters
    ----------
    netlist : dict
        Yosys's JSON after synthesis.
    design : Design
        The design before synthesis.
    top : str

    Returns
    -------
    Owners
    """
    module = netlist["modules"][top]
    cells = {n: cell for n, cell in module["cells"].items() if cell["type"] != _IGNORED}
    of_bit, name_of_bit = _named(module["netnames"], design)
    owner: dict[str, str] = {}
    names: dict[str, str] = {}
    driver: dict[int, str] = {}
    for name, cell in cells.items():
        for bit in _bits(cell, "output"):
            driver[bit] = name
            if name not in names and bit in name_of_bit:
                names[name] = name_of_bit[bit]
        known = {of_bit[bit] for bit in _bits(cell, "output") if bit in of_bit}
        certain = _marked(cell, design) or _within(name, design)
        if certain is not None:
            owner[name] = certain
        elif known:
            owner[name] = max(known, key=lambda path: (path.count("."), path))
    waiting = list(owner)
    while waiting:  # propagate from outputs to inputs
        name = waiting.pop()
        for bit in _bits(cells[name], "input"):
            source = driver.get(bit)
            if source is not None and source not in owner:
                owner[source] = owner[name]
                waiting.append(source)
    for name in cells:
        owner.setdefault(name, "")
    return Owners(owner, {n: cell["type"] for n, cell in cells.items()}, names)


def _named(netnames: dict[str, Any], design: Design) -> tuple[dict[int, str], dict[int, str]]:
    """Driving instance of each bit, and its name there."""
    of_bit: dict[int, str] = {}
    name_of_bit: dict[int, str] = {}
    for name, net in netnames.items():
        if not design.driven.get(name):
            continue
        path = _instance(name, design)
        for index, bit in enumerate(net["bits"]):
            if isinstance(bit, int) and (
                bit not in of_bit or path.count(".") > of_bit[bit].count(".")
            ):
                of_bit[bit] = path
                name_of_bit[bit] = f"{name}[{index}]" if len(net["bits"]) > 1 else name
    return of_bit, name_of_bit


def _instance(name: str, design: Design) -> str:
    """Return the deepest instance that contains a full name."""
    path = name
    while path:
        path = path.rpartition(".")[0]
        if path in design.instances:
            return path
    return ""


def _marked(cell: dict[str, Any], design: Design) -> str | None:
    """Instance given by a cell's `src`; the first if several cells were merged."""
    marks = _MARKED.findall(cell.get("attributes", {}).get("src", ""))
    return min((design.modules[mark] for mark in marks), default=None)


def _within(cell: str, design: Design) -> str | None:
    """Instance of the memory from which a cell's name is derived."""
    path = cell
    while path:
        if path in design.memories:
            return path.rpartition(".")[0]
        path = path.rpartition(".")[0]
    return None


def _bits(cell: dict[str, Any], direction: str) -> Iterator[int]:
    for port, way in cell["port_directions"].items():
        if way == direction:
            for bit in cell["connections"].get(port, ()):
                if isinstance(bit, int):
                    yield bit


def resources(found: Owners, costs: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """Sum the resources of each instance's cells.

    Parameters
    ----------
    found : Owners
    costs : dict
        Resources by type of cell.

    Returns
    -------
    dict of str to dict of str to float
        By instance.
    """
    sums: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for name, instance in found.cells.items():
        for resource, amount in costs.get(found.types[name], {}).items():
            sums[instance][resource] += amount  # pyright: ignore[reportArgumentType]
    return {instance: dict(counted) for instance, counted in sums.items()}
