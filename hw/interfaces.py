"""Interface attributes on the top module's ports, for block-design tools.

Vivado's IP packager and block designs read them (AMD UG994, "HDL Parameters for Interface
Inference"); other tools ignore them.
"""

from __future__ import annotations

import re

from ..spec.parameters import ID_WIDTH, Parameters
from . import accelerator
from .control import control

__all__ = ["CLOCK", "CONTROL_PORT", "INTERRUPT", "MEMORY_PORT", "RESET", "annotate", "attributes"]

CLOCK, RESET, INTERRUPT = "aclk", "aresetn", "interrupt"
CONTROL_PORT, MEMORY_PORT = "s_axi", "m_axi"
_BUS = "xilinx.com:interface:aximm:1.0"

_DECLARATION = re.compile(r"^ *(?:input|output) (?:\[\d+:\d+\] )?(\w+);$", re.MULTILINE)


def attributes(parameters: Parameters) -> dict[str, dict[str, str]]:
    """Return the attributes of each port of the top module.

    Parameters
    ----------
    parameters : Parameters

    Returns
    -------
    dict of str to dict of str to str
        Keyed by port name: ``X_INTERFACE_INFO`` and, on one port of each interface,
        ``X_INTERFACE_PARAMETER``.
    """
    found = {
        CLOCK: _signal("clock", CLOCK, "CLK")
        | _settings(
            CLOCK, ASSOCIATED_BUSIF=f"{CONTROL_PORT}:{MEMORY_PORT}", ASSOCIATED_RESET=RESET
        ),
        RESET: _signal("reset", RESET, "RST") | _settings(RESET, POLARITY="ACTIVE_LOW"),
        INTERRUPT: _signal("interrupt", INTERRUPT, "INTERRUPT")
        | _settings(INTERRUPT, SENSITIVITY="LEVEL_HIGH"),
    }
    for name in (*control.control_port(), *accelerator.memory_port(parameters)):
        bus, _, signal = name.rpartition("_")
        found[name] = {"X_INTERFACE_INFO": f"{_BUS} {bus} {signal.upper()}"}
    found[f"{CONTROL_PORT}_awaddr"] |= _settings(
        CONTROL_PORT, PROTOCOL="AXI4LITE", DATA_WIDTH=32, ADDR_WIDTH=control.ADDRESS_BITS
    )
    found[f"{MEMORY_PORT}_awaddr"] |= _settings(
        MEMORY_PORT,
        PROTOCOL="AXI4",
        DATA_WIDTH=8 * parameters.axi_bytes,
        ADDR_WIDTH=accelerator.ADDRESS_BITS,
        ID_WIDTH=ID_WIDTH,
        MAX_BURST_LENGTH=parameters.burst_beats,
        SUPPORTS_NARROW_BURST=0,
    )
    return found


def _signal(kind: str, name: str, logical: str) -> dict[str, str]:
    return {"X_INTERFACE_INFO": f"xilinx.com:signal:{kind}:1.0 {name} {logical}"}


def _settings(name: str, **settings: str | int) -> dict[str, str]:
    words = [f"XIL_INTERFACENAME {name}", *(f"{key} {value}" for key, value in settings.items())]
    return {"X_INTERFACE_PARAMETER": ", ".join(words)}


def annotate(verilog: str, parameters: Parameters) -> str:
    """Add the interface attributes to the ports of the first module.

    Parameters
    ----------
    verilog : str
        As written by Yosys: one port declaration per line.
    parameters : Parameters

    Returns
    -------
    str

    Raises
    ------
    RuntimeError
        If a port has no declaration or no attributes.
    """
    wanted = attributes(parameters)
    top, end, rest = verilog.partition("endmodule")
    found = _DECLARATION.findall(top)
    if sorted(found) != sorted(wanted):
        odd = sorted(set(found) ^ set(wanted))
        raise RuntimeError(f"each port must be declared once and have an interface, got {odd}")

    def with_attributes(match: re.Match[str]) -> str:
        lines = (f'  (* {key} = "{text}" *)' for key, text in wanted[match[1]].items())
        return "\n".join((*lines, match[0]))

    return _DECLARATION.sub(with_attributes, top) + end + rest
