"""Writes a GTKWave save file for waveforms: buses, units and array, in groups."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from vcd.gtkw import GTKWSave

from ..runtime.files import atomic_write

__all__ = ["BUSES", "ports_of", "write_save_file"]

_TOP = "tb"
_DUT = f"{_TOP}.dut"
#: Signals of the testbench by group, and their widths in bits; 0: the data bus's.
BUSES: dict[str, dict[str, int]] = {
    "control port, AXI4-Lite": {
        "aclk": 1,
        "aresetn": 1,
        "irq": 1,
        "cycle": 64,
        "s_axi_awvalid": 1,
        "s_axi_awready": 1,
        "s_axi_awaddr": 12,
        "s_axi_wvalid": 1,
        "s_axi_wready": 1,
        "s_axi_wdata": 32,
        "s_axi_bvalid": 1,
        "s_axi_bready": 1,
        "s_axi_arvalid": 1,
        "s_axi_arready": 1,
        "s_axi_araddr": 12,
        "s_axi_rvalid": 1,
        "s_axi_rready": 1,
        "s_axi_rdata": 32,
    },
    "reads, AXI4": {
        "arvalid": 1,
        "arready": 1,
        "arid": 2,
        "araddr": 40,
        "arlen": 8,
        "rvalid": 1,
        "rready": 1,
        "rid": 2,
        "rlast": 1,
        "rresp": 2,
        "rdata": 0,
    },
    "writes, AXI4": {
        "awvalid": 1,
        "awready": 1,
        "awid": 2,
        "awaddr": 40,
        "awlen": 8,
        "wvalid": 1,
        "wready": 1,
        "wlast": 1,
        "wdata": 0,
        "bvalid": 1,
        "bready": 1,
        "bresp": 2,
    },
    "protocol checker": {"protocol_errors": 32, "protocol_code": 6, "protocol_cycle": 64},
}
_UNITS = {
    "dispatch": "core.dispatch",
    "LOAD": "core.load",
    "WEIGHT": "core.weight",
    "COMPUTE": "core.compute",
    "STORE": "core.store",
    "array": "core.compute.datapath.array",
}
_PORT = re.compile(r"^  (?:input|output) (?:\[(\d+):0\] )?([a-z]\w*);$", re.MULTILINE)
_SAME = re.compile(r"clk|\w*rst")  # in every group


def ports_of(verilog: str, module: str) -> Iterator[tuple[str, int]]:
    """Yield names and widths of a module's ports, except escaped identifiers.

    Parameters
    ----------
    verilog : str
        As written by the generator.
    module : str
        Path below the accelerator, as ``core.load``; no ports if there is none.
    """
    begin = verilog.find(f"\nmodule \\maccord.{module} (")
    if begin >= 0:
        for high, name in _PORT.findall(verilog[begin : verilog.index("\nendmodule", begin)]):
            if not _SAME.fullmatch(name):
                yield name, int(high or 0) + 1


def write_save_file(waves: Path, verilog: str, axi_bytes: int) -> Path:
    """Write the GTKWave save file for a run's waveforms.

    Parameters
    ----------
    waves : Path
    verilog : str
        The netlist; units missing from it are skipped.
    axi_bytes : int
        Width of the data bus.

    Returns
    -------
    Path
        The waveform file's path with the suffix ``.gtkw``.
    """
    path = waves.with_suffix(".gtkw")
    with atomic_write(path) as temporary, temporary.open("w") as file:
        save = GTKWSave(file)
        save.dumpfile(str(waves.absolute()))
        save.treeopen(f"{_DUT}.")
        for group, signals in BUSES.items():
            with save.group(group):
                for name, width in signals.items():
                    _trace(save, f"{_TOP}.{name}", width or 8 * axi_bytes)
        for group, module in _UNITS.items():
            ports = list(ports_of(verilog, module))
            if ports:
                with save.group(group, closed=True):
                    for name, width in ports:
                        _trace(save, f"{_DUT}.{module}.{name}", width)
    return path


def _trace(save: GTKWSave, name: str, width: int) -> None:
    save.trace(f"{name}[{width - 1}:0]" if width > 1 else name)
