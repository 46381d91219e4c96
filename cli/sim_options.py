"""Options of `maccord sim` alone, each named as in `SimulationRequest`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .campaign import HOW
from .inputs import INPUT
from .parameters import ARRAY, MEMORY

if TYPE_CHECKING:
    from ..sim.memory import MemoryModel

__all__ = [
    "Bbox",
    "Classes",
    "DryRun",
    "Dump",
    "Gate",
    "Html",
    "Interrupts",
    "Jobs",
    "JsonFile",
    "Mhz",
    "Out",
    "Perturb",
    "Quiet",
    "Verbose",
    "Verilog",
    "Waves",
    "WavesLayer",
    "Wide",
    "Window",
    "memory_model",
]

_OUTPUT = "Output"

Perturb = Annotated[
    str,
    typer.Option(
        help="Perturbed inputs to run in addition to the clean one, comma-separated: "
        "`awgn:0.3`, `brownian:40`, `brownian-literal:40` (sigma), `vertical:4`, "
        "`horizontal:3` (streaks), `fog:3` and the 14 other common corruptions (severity).",
        rich_help_panel=INPUT,
    ),
]
Bbox = Annotated[
    str,
    typer.Option(
        help="Box x0,y0,x1,y1 of the streaks, in pixels of the 224 x 224 crop; the whole "
        "crop if not given.",
        rich_help_panel=INPUT,
    ),
]
Classes = Annotated[
    Path | None,
    typer.Option(
        help="Names of a network's outputs: a text file, one a line.",
        rich_help_panel=INPUT,
    ),
]
Verilog = Annotated[
    Path | None,
    typer.Option(
        help="Simulate this netlist, with the same ports, instead of the generated one.",
        rich_help_panel=ARRAY,
    ),
]
Gate = Annotated[
    str | None,
    typer.Option(
        metavar="FAMILY",
        help="Simulate the gate-level netlist after synthesis for a family: `ecp5` (slow; "
        "needs the extra `synth`).",
        rich_help_panel=ARRAY,
    ),
]
Waves = Annotated[
    bool, typer.Option("--waves", help="Write waveforms (slow).", rich_help_panel=_OUTPUT)
]
Window = Annotated[
    str | None,
    typer.Option(
        help="Cycles to write, FIRST:LAST; 0:10000 if not given.", rich_help_panel=_OUTPUT
    ),
]
WavesLayer = Annotated[
    str,
    typer.Option(
        help="Operation of a whole network from which `--window` counts: cycle 0 is when the "
        "tensor before it is complete in memory.",
        rich_help_panel=_OUTPUT,
    ),
]
JsonFile = Annotated[
    Path | None,
    typer.Option(
        help="JSON results: one object, or a list for several runs.", rich_help_panel=_OUTPUT
    ),
]
Dump = Annotated[
    Path | None,
    typer.Option(
        help="Inputs, parameters and all three outputs as `.npz`; for several runs, one file "
        "each, named after layer and perturbation.",
        rich_help_panel=_OUTPUT,
    ),
]
Out = Annotated[Path, typer.Option(help="Folder of results.", rich_help_panel=_OUTPUT)]
Html = Annotated[
    Path | None,
    typer.Option(
        help="One HTML report for all runs; if not given, one `NETWORK.html` per whole network.",
        rich_help_panel=_OUTPUT,
    ),
]
Mhz = Annotated[
    float,
    typer.Option(help="Clock used for frames per second.", rich_help_panel=_OUTPUT),
]
Interrupts = Annotated[
    str,
    typer.Option(
        help="`network`: one interrupt at the end; `layer`: also one after each operation.",
        rich_help_panel=_OUTPUT,
    ),
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Compile and print the timing model's cycles; do not simulate.",
        rich_help_panel=_OUTPUT,
    ),
]
Wide = Annotated[
    bool,
    typer.Option(
        "--wide",
        help="Print all table columns, whatever the terminal width.",
        rich_help_panel=_OUTPUT,
    ),
]
Verbose = Annotated[
    bool,
    typer.Option(
        "--verbose", "-v", help="Print commands, paths and seeds.", rich_help_panel=_OUTPUT
    ),
]
Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet", "-q", help="Print only the result and problems.", rich_help_panel=_OUTPUT
    ),
]
Jobs = Annotated[
    int, typer.Option(help="Runs in parallel; 0: one per processor.", rich_help_panel=HOW)
]

Parts = Annotated[
    int,
    typer.Option(
        help="Parts of a network that run side by side, each from the golden model's tensors; "
        "joined if neighbours agree on the stage that both run, in cycles and bytes.",
        rich_help_panel=HOW,
    ),
]


def memory_model(
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
) -> MemoryModel:
    """Return the simulated memory; a group of options."""
    from ..sim.memory import MemoryModel

    return MemoryModel(latency, stalls, stall_seed)
