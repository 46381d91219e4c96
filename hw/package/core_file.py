"""A FuseSoC core file (CAPI2), so that other designs can depend on the accelerator."""

from __future__ import annotations

from ...spec.parameters import Parameters
from ..family.black_boxes import black_boxes
from ..verilog import TOP
from .description import VERSION_TEXT
from .header import COMMON

__all__ = ["core_file"]

_TEMPLATE = """CAPI=2:
name: "maccord:accelerator:{name}:{version}"
description: "INT8 accelerator for neural networks, {rows} x {cols}, AXI4 and AXI4-Lite"

filesets:
  rtl:
    file_type: verilogSource
    files:
      - {stem}.v
  lint:
    files:
      - {stem}.vlt: {{file_type: vlt}}
{cells}  software:
    file_type: cSource
    files:
      - {common}: {{is_include_file: true}}
      - {stem}.h: {{is_include_file: true}}
      - maccord_driver.h: {{is_include_file: true}}
      - maccord_driver.c

targets:
  default: &default
    description: "what a design that depends on this core gets"
    filesets: [rtl]
    toplevel: {top}

  lint:
    <<: *default
    description: "verilator --lint-only -Wall, with the waivers in {stem}.vlt"
    filesets: [rtl, lint]
    flow: lint
    flow_options:
      tool: verilator
      verilator_options: [-Wall]

  software:
    description: "C driver, and headers of registers, instructions and parameters"
    filesets: [software]
"""
_CELLS = "      - {stem}_cells.v: {{file_type: verilogSource}}\n"


def core_file(parameters: Parameters, stem: str) -> str:
    """Core of one configuration: targets `default`, `lint` and `software`.

    Parameters
    ----------
    parameters : Parameters
    stem : str
        Name of its files without suffix.

    Returns
    -------
    str
    """
    return _TEMPLATE.format(
        name=parameters.name,
        version=VERSION_TEXT,
        rows=parameters.rows,
        cols=parameters.cols,
        stem=stem,
        cells=_CELLS.format(stem=stem) if black_boxes(parameters) else "",
        common=COMMON,
        top=TOP,
    )
