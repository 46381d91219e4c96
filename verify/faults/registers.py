"""Registers and memories of a netlist, and the names that Verilator gives them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

__all__ = ["Register", "block_of", "registers"]

_NAME = r"(\\\S+|\w+)"
_REG = re.compile(rf"  reg (?:signed )?(?:\[(\d+):0\] )?{_NAME} ?(?:\[(\d+):0\])?(?: = .*)?;$")
_INSTANCE = re.compile(rf"  {_NAME} +{_NAME} +\($")
_PORT = re.compile(rf"    \.{_NAME} ?\((.*)\),?$")
_PART = re.compile(rf"  assign {_NAME} *(\[[\d:]+\]) = {_NAME} ?;$")
_WRITE = re.compile(r"if \((\w+)\)\n +memory\[(\w+)\] <= \w+;")
_READ = re.compile(r"if \((\w+)\) begin\n +\w+ <= memory\[(\w+)\];")
_SIGNAL = re.compile(rf"{_NAME}(?: ?\[(\d+)(?::(\d+))?\])?")
_NUMBERS = re.compile(r"(_\d+)+$|\d+$")
_WRAPPERS = ("core", "compute", "datapath")  # paths of blocks leave them out


@dataclass(frozen=True)
class Register:
    """A register or memory of the netlist.

    Parameters
    ----------
    path : tuple of str
        Instances from the top, exclusive.
    name : str
        As in the netlist's sources: a part of a register is called ``register[high:low]``.
    width : int
        Bits of a word.
    words : int
        1 for a register.
    memory : bool
    members : tuple of str
        Names that Verilator may have given it, of which it uses one.
    ports : tuple of tuple of str
        Of a memory with one reading and one writing port of whole words: the same for enable and
        address of both, reading first. Of bits of a signal, the lowest and how many follow behind
        colons. Empty for others.
    """

    path: tuple[str, ...]
    name: str
    width: int
    words: int
    memory: bool
    members: tuple[str, ...]
    ports: tuple[tuple[str, ...], ...] = ()

    @property
    def bits(self) -> int:
        """All its bits."""
        return self.width * self.words

    @property
    def block(self) -> str:
        """The block that it belongs to, see `block_of`."""
        return block_of(self.path)

    @property
    def full_name(self) -> str:
        """Instances and name, with dots between them."""
        return ".".join((*self.path, self.name))


@dataclass
class _Module:
    registers: list[tuple[str, int, int | None]] = field(default_factory=list)
    instances: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    parts: dict[str, str] = field(default_factory=dict)
    ports: tuple[str, ...] = ()


def block_of(path: tuple[str, ...]) -> str:
    """Return the block of an instance: its place in the hierarchy, without numbers.

    Examples
    --------
    >>> block_of(("core", "compute", "datapath", "array", "element_3_1"))
    'array'
    >>> block_of(("core", "load", "cutter", "bursts"))
    'load'
    >>> block_of(("core", "compute")), block_of(())
    ('compute', 'top')
    """
    inner = [_NUMBERS.sub("", part) for part in path if part not in _WRAPPERS]
    if inner:
        return inner[0]
    return path[-1] if path else "top"


@lru_cache(maxsize=4)
def registers(verilog: str) -> tuple[Register, ...]:
    """Return all registers and memories of a generated netlist, in its order.

    Parameters
    ----------
    verilog : str
        Text of `maccord.sim.netlist.generated`.

    Raises
    ------
    ValueError
        If it has no module ``maccord``.
    """
    modules = {}
    for body in re.split(r"(?m)^module ", verilog)[1:]:
        modules[_plain(re.split(r"[ (]", body, maxsplit=1)[0])] = _module(body)
    if "maccord" not in modules:
        raise ValueError("verilog must have a module maccord, got none")
    return tuple(_walk(modules, "maccord", (), ()))


def _plain(name: str) -> str:
    return name.lstrip("\\")


def _module(body: str) -> _Module:
    """Read a module: all its `reg` are registers or memories, as Yosys writes it."""
    reads, writes = _READ.findall(body), _WRITE.findall(body)
    whole = len(reads) == len(writes) == 1 and body.count("memory[") == 2
    found = _Module(ports=(*reads[0], *writes[0]) if whole else ())
    for line in body.splitlines():
        if match := _REG.match(line):
            words = None if match[3] is None else int(match[3]) + 1
            found.registers.append((_plain(match[2]), int(match[1] or 0) + 1, words))
        elif match := _INSTANCE.match(line):
            found.instances.append((_plain(match[1]), _plain(match[2]), {}))
        elif match := _PORT.match(line):
            found.instances[-1][2][_plain(match[1])] = match[2].strip()
        elif match := _PART.match(line):
            found.parts[_plain(match[3])] = _plain(match[1]) + match[2]
    return found


def _walk(
    modules: dict[str, _Module],
    name: str,
    path: tuple[str, ...],
    connections: tuple[dict[str, str], ...],
) -> Iterator[Register]:
    module = modules[name]
    for register, width, words in module.registers:
        members = tuple(_members(path, register, connections))
        known = module.parts.get(register, register)
        ports = module.ports if register == "memory" and words else ()
        signals = tuple(tuple(_signals(path, port, connections)) for port in ports)
        yield Register(path, known, width, words or 1, words is not None, members, signals)
    for kind, instance, ports in module.instances:
        if kind in modules:
            yield from _walk(modules, kind, (*path, instance), (*connections, ports))


def _members(
    path: tuple[str, ...], name: str, connections: tuple[dict[str, str], ...]
) -> Iterator[str]:
    """Yield the names of a register: its own, and those of the signals that its port drives."""
    yield _member(path, name)
    for ports in reversed(connections):
        outside = ports.get(name)
        if outside is None:
            return
        yield _cell("out", path, name)
        if not re.fullmatch(_NAME, outside):
            return
        path, name = path[:-1], _plain(outside)
        yield _member(path, name)
    yield name  # a port of the testbench
    yield f"tb__DOT__{name.removeprefix('m_axi_')}"


def _signals(
    path: tuple[str, ...], name: str, connections: tuple[dict[str, str], ...]
) -> Iterator[str]:
    """Yield the names of a signal: its own, and those of the signals that drive its port."""
    yield _member(path, name)
    part = ""  # which bits of the signal
    low = 0
    for ports in reversed(connections):
        outside = ports.get(name, "")
        found = _SIGNAL.fullmatch(outside)
        if not found:
            return
        yield _cell("inp", path, name) + part
        if found[2]:
            low += int(found[3] or found[2])
            width = part.rpartition(":")[2] or int(found[2]) - int(found[3] or found[2]) + 1
            part = f":{low}:{width}"
        path, name = path[:-1], _plain(found[1])
        yield _member(path, name) + part


def _member(path: tuple[str, ...], name: str) -> str:
    return "__DOT__".join(("tb", "dut", *map(_encoded, (*path, name))))


def _cell(way: str, path: tuple[str, ...], port: str) -> str:
    """Return the name of a copy of an instance's port, ``inp`` or ``out``."""
    outer = "__DOT__".join(("tb", "dut", *map(_encoded, path[:-1])))
    return f"{outer}__DOT____Vcell{way}__{_encoded(path[-1])}__{_encoded(port)}"


def _encoded(name: str) -> str:
    """Spell a name as Verilator does in C++."""
    found = ""
    index = 0
    while index < len(name):
        letter = name[index]
        if letter == "_" and name[index + 1 : index + 2] == "_":
            found += "___05F"
            index += 1
        elif letter == "_" or (letter.isalnum() and (index or letter.isalpha())):
            found += letter
        else:
            found += f"__0{ord(letter):02x}"
        index += 1
    return found
