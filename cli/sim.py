"""`maccord sim`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .inputs import (
    INPUT,
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
    ARRAY,
    MEMORY,
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

if TYPE_CHECKING:
    from ..sim.request import Gate

__all__ = ["sim"]

_OUTPUT = "Output"
_MHZ = 200.0


def sim(
    context: typer.Context,
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            help="A network, chained from image to logits: `resnet18`; layers, run separately: "
            "`resnet18.conv1`, `'resnet18.layer1.*'`; a network of your own: `FILE.py:factory` "
            "or a quantized `.onnx`, `.tflite` or `.pt2` file; or several."
        ),
    ] = None,
    module: Module = "",
    batch: Batch = 1,
    perturb: Annotated[
        str,
        typer.Option(
            help="Perturbed inputs to run in addition to the clean one, comma-separated: "
            "`awgn:0.3`, `brownian:40`, `brownian-literal:40` (sigma), `vertical:4`, "
            "`horizontal:3` (streaks), `fog:3` and the 14 other common corruptions (severity).",
            rich_help_panel=INPUT,
        ),
    ] = "",
    bbox: Annotated[
        str,
        typer.Option(
            help="Box x0,y0,x1,y1 of the streaks, in pixels of the 224 x 224 crop; the whole "
            "crop if not given.",
            rich_help_panel=INPUT,
        ),
    ] = "",
    image: Image = None,
    weights: Weights = None,
    calibration: Calibration = None,
    classes: Annotated[
        Path | None,
        typer.Option(
            help="Names of a network's outputs: a text file, one a line.",
            rich_help_panel=INPUT,
        ),
    ] = None,
    seed: Seed = 0,
    strict: Strict = False,
    weight_bits: WeightBits = "8",
    input_shape: InputShape = None,
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
    latency: Annotated[
        int, typer.Option(help="Memory latency, cycles.", rich_help_panel=MEMORY)
    ] = 30,
    stalls: Annotated[
        float,
        typer.Option(
            help="Probability, 0 to 0.9, that a memory channel stalls in a given cycle.",
            rich_help_panel=MEMORY,
        ),
    ] = 0.0,
    stall_seed: Annotated[
        int, typer.Option(help="Seed of the stalls.", rich_help_panel=MEMORY)
    ] = 0,
    verilog: Annotated[
        Path | None,
        typer.Option(
            help="Simulate this netlist, with the same ports, instead of the generated one.",
            rich_help_panel=ARRAY,
        ),
    ] = None,
    gate: Annotated[
        str | None,
        typer.Option(
            metavar="FAMILY",
            help="Simulate the gate-level netlist after synthesis for a family: `ecp5` (slow; "
            "needs the extra `synth`).",
            rich_help_panel=ARRAY,
        ),
    ] = None,
    waves: Annotated[
        bool, typer.Option("--waves", help="Write waveforms (slow).", rich_help_panel=_OUTPUT)
    ] = False,
    window: Annotated[
        str | None,
        typer.Option(
            help="Cycles to write, FIRST:LAST; 0:10000 if not given.", rich_help_panel=_OUTPUT
        ),
    ] = None,
    waves_layer: Annotated[
        str,
        typer.Option(
            help="Operation of a whole network from which `--window` counts: cycle 0 is when the "
            "tensor before it is complete in memory.",
            rich_help_panel=_OUTPUT,
        ),
    ] = "",
    json: Annotated[
        Path | None,
        typer.Option(
            help="JSON results: one object, or a list for several runs.", rich_help_panel=_OUTPUT
        ),
    ] = None,
    dump: Annotated[
        Path | None,
        typer.Option(
            help="Inputs, parameters and all three outputs as `.npz`; for several runs, one file "
            "each, named after layer and perturbation.",
            rich_help_panel=_OUTPUT,
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of results.", rich_help_panel=_OUTPUT)] = Path(
        "build/sim"
    ),
    html: Annotated[
        Path | None,
        typer.Option(
            help="One HTML report for all runs; if not given, one `NETWORK.html` per whole "
            "network.",
            rich_help_panel=_OUTPUT,
        ),
    ] = None,
    mhz: Annotated[
        float,
        typer.Option(help="Clock used for frames per second.", rich_help_panel=_OUTPUT),
    ] = _MHZ,
    interrupts: Annotated[
        str,
        typer.Option(
            help="`network`: one interrupt at the end; `layer`: also one after each operation.",
            rich_help_panel=_OUTPUT,
        ),
    ] = "network",
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Compile and print the timing model's cycles; do not simulate.",
            rich_help_panel=_OUTPUT,
        ),
    ] = False,
    wide: Annotated[
        bool,
        typer.Option(
            "--wide",
            help="Print all table columns, whatever the terminal width.",
            rich_help_panel=_OUTPUT,
        ),
    ] = False,
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose", "-v", help="Print commands, paths and seeds.", rich_help_panel=_OUTPUT
        ),
    ] = False,
    quiet: Annotated[
        bool,
        typer.Option(
            "--quiet", "-q", help="Print only the result and problems.", rich_help_panel=_OUTPUT
        ),
    ] = False,
    jobs: Annotated[
        int, typer.Option(help="Runs in parallel; 0: one per processor.", rich_help_panel=_OUTPUT)
    ] = 0,
    cache: Cache = None,
) -> None:
    """Run networks or layers in Verilator; compare them byte for byte with NumPy and PyTorch.

    Examples:

    - `maccord sim resnet18`

    - `maccord sim resnet18.conv1`

    - `maccord sim 'squeezenet1_1.features.3.*' --rows 32 --cols 8`

    - `maccord sim resnet18.conv1 --perturb awgn:0.3,vertical:4 --image cat.jpg`

    - `maccord sim mynets.py:small --batch 4`

    - `maccord sim quantized.onnx --image cat.jpg --perturb awgn:0.3`

    - `maccord sim quantized.tflite --dry-run`

    - `maccord sim converted.pt2 --image cat.jpg`

    - `maccord sim mynets.py:keywords --input-shape 1,49,10 --input recorded.npy`

    - `maccord sim mynets.py:cifar --input-shape 3,32,32 --mean 0.5 --std 0.25 --image cat.jpg`

    - `maccord sim vgg16 --rows 32 --cols 32 --dry-run`

    - `maccord sim resnet18.fc --rows 4 --cols 4 --gate ecp5`
    """
    from ..sim.inputs import Inputs
    from ..sim.memory import MemoryModel
    from ..sim.request import SimulationRequest, check

    gates = None if gate is None else _gate(gate)
    wanted, module = own_target(targets or (), module)
    given = Inputs(
        *(perturb, bbox, image, weights, None, seed, batch, module, strict),
        weight_bits=weight_bits,
    )
    request = SimulationRequest(
        targets=wanted,
        parameters=parameters_of(context, family=gate),
        inputs=inputs_of(given, input_shape, input_, calibration, mean, std, resize),
        memory=MemoryModel(latency, stalls, stall_seed),
        verilog=verilog,
        gate=gates,
        waves=waves,
        window=None if window is None else _cycles(window),
        waves_layer=waves_layer,
        json=json,
        dump=dump,
        out=out,
        jobs=jobs,
        mhz=mhz,
        interrupts=interrupts,
        html=html,
        classes=classes,
        wide=wide,
        dry_run=dry_run,
        verbose=verbose,
        quiet=quiet,
        switches=open_switches(context),
    )
    check(request)
    from ..runtime.pool import prepare

    prepare()  # before PyTorch is imported, which takes a while
    from ..sim.cli_sim import run

    raise typer.Exit(run(request))


def _gate(family: str) -> Gate:
    from ..sim.request import Gate
    from ..synth.gate_families import FAMILIES

    if family not in FAMILIES:
        raise ValueError(f"gate must be one of {', '.join(FAMILIES) or 'none'}, got {family!r}")
    return Gate(family, FAMILIES[family])


def _cycles(text: str) -> tuple[int, int]:
    first, _, last = text.partition(":")
    if not (first.isdecimal() and last.isdecimal()):
        raise ValueError(f"window must be two cycles, FIRST:LAST, got {text!r}")
    return int(first), int(last)
