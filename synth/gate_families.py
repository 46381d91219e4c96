"""Families supported by `maccord sim --gate`; a light import for the command line."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["FAMILIES"]


def _ecp5(verilog: str, show: Callable[[str], None]) -> str:
    from .gate import ECP5, gate_netlist

    return gate_netlist(ECP5, verilog, show)


#: By family name: converts Verilog of `maccord` to a netlist with primitive models.
FAMILIES = {"ecp5": _ecp5}
