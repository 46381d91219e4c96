"""`maccord compile`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .inputs import (
    Batch,
    Calibration,
    Image,
    Input,
    InputShape,
    Mean,
    Module,
    Resize,
    Seed,
    Std,
    Strict,
    WeightBits,
    Weights,
    inputs_of,
    own_target,
)
from .parameters import (
    Accumulators,
    ActivationBytes,
    ArrayWeightBits,
    AxiBytes,
    Cache,
    Cols,
    Family,
    HalfUpIfNeeded,
    Lanes,
    LineCells,
    LookupIfNeeded,
    NarrowIfNeeded,
    OutputBytes,
    Packed,
    ProductIfNeeded,
    Rows,
    WeightBytes,
    WindowWidth,
    open_switches,
    parameters_of,
)

__all__ = ["compile_target"]

_OUTPUT = "Output"


def compile_target(
    context: typer.Context,
    target: Annotated[
        str,
        typer.Argument(
            help="A network: `resnet18`; or a layer: `resnet18.conv1`. May be left out with "
            "`--module`.",
        ),
    ] = "",
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            help="Folder; made if missing, replaced if compile has written it.",
            rich_help_panel=_OUTPUT,
        ),
    ] = Path("build/compile"),
    hex_files: Annotated[
        bool,
        typer.Option(
            "--hex", help="Write `.hex` files for `$readmemh`, too.", rich_help_panel=_OUTPUT
        ),
    ] = False,
    word_bytes: Annotated[
        int,
        typer.Option(
            help="Bytes of a word of these, a power of two up to 64; 0: those of the AXI bus.",
            rich_help_panel=_OUTPUT,
        ),
    ] = 0,
    module: Module = "",
    batch: Batch = 1,
    image: Image = None,
    weights: Weights = None,
    calibration: Calibration = None,
    seed: Seed = 0,
    strict: Strict = False,
    weight_bits: WeightBits = "8",
    input_shape: InputShape = "",
    input_: Input = None,
    mean: Mean = "",
    std: Std = "",
    resize: Resize = "",
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
    product: ProductIfNeeded = None,
    lookup: LookupIfNeeded = None,
    window_width: WindowWidth = 3,
    narrow: NarrowIfNeeded = None,
    half_up: HalfUpIfNeeded = None,
    array_weight_bits: ArrayWeightBits = 8,
    cache: Cache = None,
) -> None:
    """Write what it takes to run a network or layer elsewhere: program, memory, weights, results.

    `manifest.json` says what is where; PyTorch's tensors are the expected ones. Nothing is
    simulated.

    Examples:

    - `maccord compile resnet18 -o resnet18/`

    - `maccord compile resnet18.conv1 -o conv1/ --rows 8 --cols 8 --axi-bytes 8 --hex`

    - `maccord compile mynets.py:small --image cat.jpg -o small/`
    """
    from ..sim.cli_compile import CompileRequest, check, run
    from ..sim.inputs import Inputs

    if word_bytes and not hex_files:
        raise ValueError(f"word-bytes needs hex, got {word_bytes} without it")
    wanted, module = own_target((target,) if target else (), module)
    given = Inputs(
        *("", "", image, weights, calibration, seed, batch, module, strict),
        input=input_,
        weight_bits=weight_bits,
    )
    request = CompileRequest(
        target="".join(wanted),
        out=out,
        parameters=parameters_of(context),
        inputs=inputs_of(given, input_shape, mean, std, resize),
        word_bytes=word_bytes if hex_files else None,
        switches=open_switches(context),
    )
    check(request)
    run(request)
