"""Builds one instance alone: in seconds instead of minutes, without its neighbours' paths."""

from __future__ import annotations

import re

__all__ = ["PREFIX", "modules_of", "wrapper"]

#: Common prefix of all full instance names.
PREFIX = "accelerator."
_MODULE = re.compile(r"^module \\(\S+)$", re.MULTILINE)
_PORT = re.compile(r"^  wire width (\d+) (input|output) \d+ +(?:signed +)?\\(\S+)$", re.MULTILINE)
_CLOCK = "clk"


def modules_of(design: str, unit: str) -> list[str]:
    """Return the modules of an instance and its subinstances.

    Parameters
    ----------
    design : str
        RTLIL.
    unit : str
        Names from the accelerator down, e.g. ``core.compute.adder``; empty for everything.

    Returns
    -------
    list of str

    Raises
    ------
    ValueError
        If there is no such instance.
    """
    names = _MODULE.findall(design)
    if not unit:
        return names
    module = f"top.{PREFIX}{unit}"
    if module not in names:
        near = sorted(name.removeprefix(f"top.{PREFIX}") for name in names if name.count(".") == 3)
        raise ValueError(
            f"unit must be an instance such as {', '.join(near)}, or inside one, got {unit!r}"
        )
    return [name for name in names if name == module or name.startswith(f"{module}.")]


def wrapper(design: str, unit: str) -> str:
    """Return Verilog of a module `top` that wraps an instance like `ScanWrapper` does the whole.

    Parameters
    ----------
    design : str
        RTLIL.
    unit : str
        An instance with a clock.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If there is no such instance.
    """
    module = modules_of(design, unit)[0]
    begin = design.index(f"module \\{module}\n")
    ports = _PORT.findall(design[begin : design.index("\nend\n", begin)])
    connected, sizes = [], {"input": 0, "output": 0}
    for width, way, name in ports:
        if name == _CLOCK:
            connected.append(f".{_CLOCK}(clock)")
            continue
        low, nets = sizes[way], {"input": "drive", "output": "outputs"}[way]
        sizes[way] += int(width)
        connected.append(f".\\{name} ({nets}[{sizes[way] - 1}:{low}])")
    inputs, outputs = max(sizes["input"], 1), max(sizes["output"], 1)
    return f"""module top(input clock, input capture, input scan_in, output scan_out);
  reg [{inputs - 1}:0] drive;
  reg [{outputs - 1}:0] caught;
  wire [{outputs - 1}:0] outputs;
  reg captured;
  assign scan_out = caught[{outputs - 1}];
  always @(posedge clock) begin
    captured <= capture;
    drive <= {{drive, scan_in}};
    caught <= captured ? outputs : {{caught, drive[{inputs - 1}]}};
  end
  \\{module} \\{PREFIX}{unit} ({", ".join(connected)});
endmodule
"""
