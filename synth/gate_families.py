"""What `maccord sim --gate` takes; light, for the command line imports it."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["FAMILIES"]


def _ecp5(verilog: str, show: Callable[[str], None]) -> str:
    from .gate import ECP5, gate_netlist

    return gate_netlist(ECP5, verilog, show)


#: By name of the family, from Verilog of `maccord` to a netlist with models of its cells.
FAMILIES = {"ecp5": _ecp5}
