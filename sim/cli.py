"""The command line. Everything heavy is imported by the command that needs it."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from importlib.metadata import version
from math import inf
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Annotated

import typer

from .cli_about import cache, compare, doctor
from .cli_parameters import (
    ARRAY,
    MEMORY,
    Accumulators,
    ActivationBytes,
    AxiBytes,
    Cache,
    Cols,
    Family,
    Lanes,
    LineCells,
    OutputBytes,
    Rows,
    WeightBytes,
    parameters_of,
)

if TYPE_CHECKING:
    from .request import Gate

__all__ = ["GATES", "app", "main"]

app = typer.Typer(
    name="maccord",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="An INT8 accelerator whose RTL, NumPy model and PyTorch kernels agree bit for bit.\n\n"
    "Start with `maccord sim resnet18.conv1`.",
    epilog="Exit codes: 0 every compared byte agreed, 1 mismatch, 2 bad input, 3 the simulation "
    "could not run or hung, 130 interrupted, 143 terminated.",
)

#: What `--gate` takes, entered by whoever can synthesize: by family, `request.Gate.synthesize`.
GATES: dict[str, Callable[[str, Callable[[str], None]], str]] = {}

_INTERRUPTED, _TERMINATED = 130, 143
_INPUT, _OUTPUT = "Input", "Output"
_MHZ = 200.0
_COMPLETING = "_MACCORD_COMPLETE"  # set by a shell that wants to complete a word


@app.command()
def sim(
    context: typer.Context,
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            help="A network, chained from image to logits: `resnet18`; layers, side by side: "
            "`resnet18.conv1`, `'resnet18.layer1.*'`; or several."
        ),
    ] = None,
    module: Annotated[
        str,
        typer.Option(
            help="`package.module:factory` of a network of your own, for images of 3 x 224 x 224.",
            rich_help_panel=_INPUT,
        ),
    ] = "",
    batch: Annotated[
        int,
        typer.Option(
            help="Images at a time, at most 256: the one given, then crops of the built-in "
            "photographs.",
            rich_help_panel=_INPUT,
        ),
    ] = 1,
    perturb: Annotated[
        str,
        typer.Option(
            help="Perturbed inputs to run next to the clean one, comma-separated: "
            "`awgn:0.3`, `brownian:40`, `brownian-literal:40` (sigma), `vertical:4`, "
            "`horizontal:3` (streaks).",
            rich_help_panel=_INPUT,
        ),
    ] = "",
    bbox: Annotated[
        str,
        typer.Option(
            help="Box x0,y0,x1,y1 of the streaks, in pixels of the 224 x 224 crop; the whole "
            "crop if not given.",
            rich_help_panel=_INPUT,
        ),
    ] = "",
    image: Annotated[
        Path | None,
        typer.Option(help="Image file; a photograph is built in.", rich_help_panel=_INPUT),
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(
            help="Checkpoint with torchvision's names; seeded weights if not given.",
            rich_help_panel=_INPUT,
        ),
    ] = None,
    calibration: Annotated[
        Path | None,
        typer.Option(
            help="Image, or folder of images, that set the quantization ranges; built in if not "
            "given.",
            rich_help_panel=_INPUT,
        ),
    ] = None,
    seed: Annotated[
        int,
        typer.Option(
            help="Seed of weights and perturbations. Cycles and equality are the same on every "
            "processor; seeded weights, and so the logits, are not.",
            rich_help_panel=_INPUT,
        ),
    ] = 0,
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
    latency: Annotated[
        int, typer.Option(help="Cycles until memory answers.", rich_help_panel=MEMORY)
    ] = 30,
    stalls: Annotated[
        float,
        typer.Option(
            help="Probability, 0 to 0.9, that a memory channel pauses in a cycle.",
            rich_help_panel=MEMORY,
        ),
    ] = 0.0,
    stall_seed: Annotated[
        int, typer.Option(help="Seed of the pauses.", rich_help_panel=MEMORY)
    ] = 0,
    verilog: Annotated[
        Path | None,
        typer.Option(
            help="Simulate this netlist, of the same ports, in place of the generated one.",
            rich_help_panel=ARRAY,
        ),
    ] = None,
    gate: Annotated[
        str | None,
        typer.Option(
            metavar="FAMILY",
            help="Simulate the netlist that synthesis for a family makes of the generated one: "
            "`ecp5` (slow; needs the extra `synth`).",
            rich_help_panel=ARRAY,
        ),
    ] = None,
    waves: Annotated[
        bool, typer.Option("--waves", help="Record waves (slow).", rich_help_panel=_OUTPUT)
    ] = False,
    window: Annotated[
        str | None,
        typer.Option(
            help="Cycles of the waves, FIRST:LAST; 0:10000 if not given.", rich_help_panel=_OUTPUT
        ),
    ] = None,
    json: Annotated[
        Path | None,
        typer.Option(help="Results: an object, or a list of several.", rich_help_panel=_OUTPUT),
    ] = None,
    dump: Annotated[
        Path | None,
        typer.Option(
            help="Inputs, parameters and all three outputs as `.npz`; with several runs, "
            "one file each, named after the layer and the perturbation.",
            rich_help_panel=_OUTPUT,
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of results.", rich_help_panel=_OUTPUT)] = Path(
        "build/sim"
    ),
    html: Annotated[
        Path | None,
        typer.Option(
            help="Report, one file; if not given, `NETWORK.html` of each whole network.",
            rich_help_panel=_OUTPUT,
        ),
    ] = None,
    mhz: Annotated[
        float,
        typer.Option(help="Clock that frames per second are given for.", rich_help_panel=_OUTPUT),
    ] = _MHZ,
    interrupts: Annotated[
        str,
        typer.Option(
            help="`network`: one interrupt at the end; `layer`: one more after each operation.",
            rich_help_panel=_OUTPUT,
        ),
    ] = "network",
    jobs: Annotated[
        int, typer.Option(help="Runs at a time; 0: one a processor.", rich_help_panel=_OUTPUT)
    ] = 0,
    cache: Cache = None,
) -> None:
    """Run networks or layers in Verilator; compare with NumPy and PyTorch byte for byte.

    Examples:

    - `maccord sim resnet18`

    - `maccord sim resnet18.conv1`

    - `maccord sim 'squeezenet1_1.features.3.*' --rows 32 --cols 8`

    - `maccord sim resnet18.conv1 --perturb awgn:0.3,vertical:4 --image cat.jpg`

    - `maccord sim --module mynets:small --batch 4`

    - `maccord sim resnet18.fc --rows 4 --cols 4 --gate ecp5`
    """
    from .inputs import Inputs
    from .memory import MemoryModel
    from .request import Request, check

    gates = None if gate is None else _gate(gate)
    request = Request(
        targets=tuple(targets or ()),
        parameters=parameters_of(context, family=gate),
        inputs=Inputs(perturb, bbox, image, weights, calibration, seed, batch, module),
        memory=MemoryModel(latency, stalls, stall_seed),
        verilog=verilog,
        gate=gates,
        waves=waves,
        window=None if window is None else _cycles(window),
        json=json,
        dump=dump,
        out=out,
        jobs=jobs,
        mhz=mhz,
        interrupts=interrupts,
        html=html,
    )
    check(request)
    from .pool import prepare

    prepare()  # before PyTorch is imported, which takes a while
    from .cli_sim import run

    raise typer.Exit(run(request))


def _gate(family: str) -> Gate:
    from .request import Gate

    if family not in GATES:
        raise ValueError(f"gate must be one of {', '.join(GATES) or 'none'}, got {family!r}")
    return Gate(family, GATES[family])


def _cycles(text: str) -> tuple[int, int]:
    first, _, last = text.partition(":")
    if not (first.isdecimal() and last.isdecimal()):
        raise ValueError(f"window must be two cycles, FIRST:LAST, got {text!r}")
    return int(first), int(last)


@app.command()
def layers(
    networks: Annotated[
        list[str] | None, typer.Argument(help="Networks, or globs of layers; all if not given.")
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Write the table as JSON.")] = None,
    cache: Cache = None,
) -> None:
    """List the layers that can be simulated.

    Examples:

    - `maccord layers resnet18`

    - `maccord layers 'vgg16.classifier.*' --json layers.json`
    """
    from .inputs import check_targets
    from .request import check_cache, check_writable

    names = tuple(networks or ())
    check_targets(names, "")
    if json:
        check_writable("json", "file", json, json)
    check_cache()
    from .cli_layers import run

    run(names, json)


@app.command()
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
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder; made if missing.")] = Path(
        "build/verilog"
    ),
) -> None:
    """Write the accelerator as one Verilog file, the very text that `sim` simulates.

    Example: `maccord verilog --rows 32 --cols 8 -o rtl/`
    """
    from .request import check_cache, check_writable

    parameters = parameters_of(context)
    check_writable("out", "folder", out, out / "probe")
    check_cache()
    from .netlist import write_netlist

    for path in write_netlist(parameters, out):
        typer.echo(path)


@app.command()
def bench(
    json: Annotated[Path, typer.Option(help="Where the figures go.")] = Path("build/bench.json"),
    seconds: Annotated[
        float, typer.Option(help="Least time that each side of a ratio is measured for.")
    ] = 2.0,
) -> None:
    """Measure ratios, side by side in one run.

    cocotb against a plain C++ loop over the same model; the golden model against PyTorch's
    qnnpack kernels on ResNet-18's layers; and against NumPy's int64 matrix product.
    """
    if not 0 < seconds < inf:
        raise ValueError(f"seconds must be above 0 and finite, got {seconds:g}")
    from .request import check_cache, check_writable

    check_writable("json", "file", json, json)
    check_cache()
    from .bench import run

    run(json, seconds)


for command in (cache, doctor, compare):
    app.command()(command)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"maccord {version('maccord')}")
        raise typer.Exit


@app.callback()
def _whole(
    show: Annotated[
        bool,
        typer.Option("--version", help="Print it.", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line: errors are one sentence on stderr, and an exit code."""
    sys.exit(_guarded())


class _Signals:
    """Ends the command on SIGTERM as an interrupt does, so that children are killed.

    Attributes
    ----------
    terminated : bool
        Whether SIGTERM came.
    """

    def __init__(self) -> None:
        self.terminated = False
        signal.signal(signal.SIGTERM, self._terminate)

    def _terminate(self, number: int, frame: FrameType | None) -> None:
        self.terminated = True
        raise KeyboardInterrupt

    def said(self) -> int:
        """Say how the command was ended; return its exit code."""
        if self.terminated:
            return _say("terminated", _TERMINATED)
        return _say("interrupted", _INTERRUPTED)


def _guarded() -> int:
    from .errors import SimulationError, ToolchainError, os_error_sentence

    signals = _Signals()
    try:
        code = app(standalone_mode=False) or 0
        return signals.said() if code == _INTERRUPTED else code
    except typer.TyperException as error:  # an unknown option, a word where a number is wanted
        return _say(error.format_message(), error.exit_code)
    except (ValueError, ToolchainError) as error:
        return _say(str(error), 2)
    except OSError as error:
        return _say(os_error_sentence(error), 2)
    except SimulationError as error:
        return _say(str(error), 3)
    except (KeyboardInterrupt, typer.Abort):
        return signals.said()
    except (
        SystemExit
    ):  # of Typer's completion, or of no command of ours: nothing was compared, whatever its code
        if _COMPLETING in os.environ:
            raise
        return _say(f"sys.exit was called{_place(sys.exc_info()[2])}; nothing was compared", 3)
    except Exception as error:  # a mistake of ours: Python would exit with 1, as for a mismatch
        if os.environ.get("MACCORD_DEBUG"):
            traceback.print_exc()
        return _say(f"internal error, please report: {type(error).__name__}: {error}", 3)


def _place(trace: TracebackType | None) -> str:
    last = traceback.extract_tb(trace)[-1:]
    return "".join(f" in {frame.filename}, line {frame.lineno}" for frame in last)


def _say(sentence: str, code: int) -> int:
    if sentence:
        typer.echo(f"maccord: {' '.join(sentence.split())}", err=True)
    return code
