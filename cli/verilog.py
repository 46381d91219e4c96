"""`maccord verilog`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .parameters import (
    Accumulators,
    ActivationBytes,
    ArrayWeightBits,
    AxiBytes,
    Cols,
    Family,
    HalfUp,
    Lanes,
    LineCells,
    Lookup,
    Narrow,
    OutputBytes,
    Packed,
    Product,
    Rows,
    WeightBytes,
    WindowWidth,
    parameters_of,
)

__all__ = ["verilog"]


def verilog(
    context: typer.Context,
    rows: Rows = 16,
    cols: Cols = 16,
    lanes: Lanes = 0,
    axi_bytes: AxiBytes = 16,
    activation_bytes: ActivationBytes = 1 << 17,
    weight_bytes: WeightBytes = 1 << 16,
    output_bytes: OutputBytes = 1 << 16,
    accumulators: Accumulators = 1024,
    line_cells: LineCells = 256,
    family: Family = "generic",
    packed: Packed = False,
    product: Product = False,
    lookup: Lookup = False,
    window_width: WindowWidth = 3,
    narrow: Narrow = False,
    half_up: HalfUp = False,
    array_weight_bits: ArrayWeightBits = 8,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder; made if missing.")] = Path(
        "build/verilog"
    ),
) -> None:
    """Write the accelerator as one Verilog file, identical to the one that `sim` simulates.

    Example: `maccord verilog --rows 32 --cols 8 -o rtl/`
    """
    from ..runtime.files import check_writable
    from ..sim.request import check_cache

    parameters = parameters_of(context)
    check_writable("out", "folder", out, out / "probe")
    check_cache()
    from ..sim.netlist import write_netlist

    for path in write_netlist(parameters, out):
        typer.echo(path)
