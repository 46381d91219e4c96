"""The C++ table of a model's registers, and which of them the model has."""

from __future__ import annotations

import re
from pathlib import Path

from .registers import Register

__all__ = ["bench_registers", "table"]

_CHUNK = 400  # registers a function: the compiler's time grows faster than linearly
_STATISTICS = {"read_bursts", "read_beats", "write_bursts", "write_beats", "overlaps"}


def bench_registers(source: Path) -> list[str]:
    """Return the registers of axi_memory.sv that decide what it answers: all but its statistics."""
    assigned = r"^\s*(?:if \(.*\) )?(\w+)(?:\[\w+\])? <= "
    found = re.findall(assigned, source.read_text(), re.MULTILINE)
    return [name for name in dict.fromkeys(found) if name not in _STATISTICS]


def table(registers: tuple[Register, ...], bench: list[str]) -> str:
    """Return `registers.h`, which finds the registers in the model by name.

    Parameters
    ----------
    registers : tuple of Register
    bench : list of str
        Registers of axi_memory.sv.
    """
    lines = ["#pragma once", f"constexpr size_t REGISTERS = {len(registers)};"]
    starts = range(0, len(registers), _CHUNK)
    for start in starts:
        lines += [f"template <class R> void tabulate_{start}(R &root, State &state) {{"]
        for number, register in enumerate(registers[start : start + _CHUNK], start):
            lines.append("    " + _first(register.members, f"state.add({number}, {{}});"))
        lines.append("}")
    lines.append("template <class R> void tabulate(R &root, State &state) {")
    lines += [f"    tabulate_{start}(root, state);" for start in starts]
    for name in bench:
        members = (f"tb__DOT__memory__DOT__{name}", f"tb__DOT__{name}")
        lines.append("    " + _first(members, "state.add_bench({});"))
    lines += ["}", "template <class R> void tabulate_ports(R &root, Ports &ports) {"]
    for number, register in enumerate(registers):
        if register.ports:
            signals = ", ".join(map(_signal, register.ports))
            lines.append(f"    ports.add({number}, {{{signals}}});")
    return "\n".join([*lines, "}", ""])


def _signal(names: tuple[str, ...]) -> str:
    """Return the expression of the first signal that exists, with its lowest bit and width."""
    found = []
    for name in dict.fromkeys(names):
        member, *part = name.split(":")
        where = ", ".join((f"root.{member}", *part))
        found.append(f"if constexpr (requires {{ root.{member}; }}) return signal({where});")
    return f"[&] {{ {' else '.join(found)} else return Signal{{}}; }}()"


def _first(members: tuple[str, ...], call: str) -> str:
    """Return the statement that adds the first member that exists."""
    return " else ".join(
        f"if constexpr (requires {{ root.{member}; }}) {call.format(f'root.{member}')}"
        for member in dict.fromkeys(members)
    )
