"""A netlist that was given: its ports, and its first line, before a simulator is built of it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from ..compiler.features import check_widths
from ..golden.graph import Network
from ..spec.parameters import Parameters
from ..spec.weight_widths import WIDTHS
from .ports import check_ports

__all__ = ["check_made", "read_netlist"]

_HEADER = re.compile(r"// maccord accelerator, configuration (r\d+c\d+)(\S*)")
_SWITCHES = ("product", "lookup", "half_up", "gather")


def read_netlist(path: Path, axi_bytes: int) -> str:
    """Return a netlist's text.

    Parameters
    ----------
    path : Path
    axi_bytes : int
        Width of its data bus.

    Raises
    ------
    ValueError
        If it cannot be read, or has other ports than the accelerator.
    """
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a text"
        raise ValueError(f"verilog must be a readable netlist, got {path}: {reason}") from None
    try:
        check_ports(text, axi_bytes)
    except ValueError as error:
        raise ValueError(f"verilog must be the accelerator's, got {path}: {error}") from None
    return text


def check_made(verilog: str, networks: Iterable[Network], parameters: Parameters) -> None:
    """Reject a netlist whose first line lacks a feature that the networks need.

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
