"""What the first line of a generated netlist says, checked before a simulator is built of it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from ..compiler.features import check_widths
from ..golden.graph import Network
from ..spec.parameters import Parameters
from ..spec.weight_widths import WIDTHS

__all__ = ["check_made"]

_HEADER = re.compile(r"// maccord accelerator, configuration (r\d+c\d+)(\S*)")
_SWITCHES = ("product", "lookup", "half_up")


def check_made(verilog: str, networks: Iterable[Network], parameters: Parameters) -> None:
    """Refuse a netlist that says that it was made without what the networks need.

    Any netlist is asked again in the simulation, by its registers; one without that line only then.

    Parameters
    ----------
    verilog : str
        The netlist's text.
    networks : iterable of Network
    parameters : Parameters
        The hardware that programs are made for.

    Raises
    ------
    ValueError
    """
    found = _HEADER.match(verilog)
    if found is None:
        return
    size, parts = found[1], found[2].split("-")
    if size != f"r{parameters.rows}c{parameters.cols}":
        raise ValueError(
            f"verilog must be a netlist of {parameters.rows} rows and {parameters.cols} columns, "
            f"got {size}{found[2]}"
        )
    widest = next((int(part[-1]) for part in parts if part in ("weights4", "weights2")), WIDTHS[0])
    if widest < parameters.weight_bits:
        check_widths(networks, replace(parameters, weight_bits=widest, narrow=True))
        raise ValueError(
            f"array-weight-bits must be {widest} for this netlist, which was made so, got "
            f"{parameters.weight_bits}"
        )
    lacking = [name for name in _SWITCHES if getattr(parameters, name) and name not in parts]
    if parameters.narrow and widest == WIDTHS[0] and "narrow" not in parts:
        lacking.append("narrow")
    if lacking:
        options = " ".join(f"--{name.replace('_', '-')}" for name in lacking)
        raise ValueError(
            f"verilog must be a netlist made with {options}, which the network needs, got "
            f"{size}{found[2]}"
        )
