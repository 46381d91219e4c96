"""`maccord verilog`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .groups import grouped
from .parameters import generated

if TYPE_CHECKING:
    from ..spec.parameters import Parameters

__all__ = ["verilog"]


@grouped(parameters=generated)
def verilog(
    parameters: Parameters,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder; made if missing.")] = Path(
        "build/verilog"
    ),
) -> None:
    """Write the accelerator as one Verilog file, identical to the one that `sim` simulates.

    Example: `maccord verilog --rows 32 --cols 8 -o rtl/`
    """
    from ..runtime.files import check_writable
    from ..sim.request import check_cache

    check_writable("out", "folder", out, out / "probe")
    check_cache()
    from ..sim.netlist import write_netlist

    for path in write_netlist(parameters, out):
        typer.echo(path)
