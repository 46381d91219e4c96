"""All companion files of a configuration's Verilog."""

from __future__ import annotations

import json
from pathlib import Path

from ...spec.parameters import Parameters
from ..family.black_boxes import primitives_verilog
from .core_file import core_file
from .description import describe
from .header import COMMON, common_header, configuration_header
from .systemrdl import systemrdl
from .waivers import waivers

__all__ = ["DRIVER", "companions", "stem"]

#: The C driver: the same for all configurations.
DRIVER = Path(__file__).parent / "driver"


def stem(parameters: Parameters) -> str:
    """Name of a configuration's files without suffix."""
    return f"maccord_{parameters.name}"


def companions(parameters: Parameters) -> dict[str, str]:
    """Return the companion files of the Verilog; equal parameters give equal texts.

    Parameters
    ----------
    parameters : Parameters

    Returns
    -------
    dict of str to str
        Texts by file name: a description as JSON, the registers in SystemRDL, a FuseSoC core,
        Verilator's waivers, a C header of the configuration, the one that all configurations share,
        the C driver, and black boxes of the family's primitives if it instantiates some.
    """
    name = stem(parameters)
    cells = primitives_verilog(parameters)
    return {
        f"{name}.json": json.dumps(describe(parameters), indent=2) + "\n",
        f"{name}.rdl": systemrdl(parameters),
        f"{name}.core": core_file(parameters, name),
        f"{name}.vlt": waivers(f"{name}.v", f"{name}_cells.v", parameters),
        f"{name}.h": configuration_header(parameters),
        COMMON: common_header(),
        **{path.name: path.read_text() for path in sorted(DRIVER.iterdir())},
    } | ({f"{name}_cells.v": cells} if cells else {})
