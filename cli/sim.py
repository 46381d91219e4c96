"""`maccord sim`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import sim_options as option
from .campaign import Scheduler
from .groups import grouped
from .inputs import network_inputs, own_target
from .parameters import Cache, Hardware, for_network

if TYPE_CHECKING:
    from ..sim.inputs import Inputs
    from ..sim.memory import MemoryModel
    from ..sim.request import Gate

__all__ = ["sim"]


@grouped(inputs=network_inputs, hardware=for_network, memory=option.memory_model)
def sim(
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            help="A network, chained from image to logits: `resnet18`; layers, run separately: "
            "`resnet18.conv1`, `'resnet18.layer1.*'`; a network of your own: `FILE.py:factory` "
            "or a quantized `.onnx`, `.tflite` or `.pt2` file; or several."
        ),
    ] = None,
    *,
    inputs: Inputs,
    perturb: option.Perturb = "",
    bbox: option.Bbox = "",
    classes: option.Classes = None,
    hardware: Hardware,
    memory: MemoryModel,
    verilog: option.Verilog = None,
    gate: option.Gate = None,
    waves: option.Waves = False,
    window: option.Window = None,
    waves_layer: option.WavesLayer = "",
    json: option.JsonFile = None,
    dump: option.Dump = None,
    out: option.Out = Path("build/sim"),
    html: option.Html = None,
    mhz: option.Mhz = 200.0,
    interrupts: option.Interrupts = "network",
    dry_run: option.DryRun = False,
    wide: option.Wide = False,
    verbose: option.Verbose = False,
    quiet: option.Quiet = False,
    jobs: option.Jobs = 0,
    parts: option.Parts = 1,
    scheduler: Scheduler = "processes",
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
    from ..sim.request import SimulationRequest, check

    gates = None if gate is None else _gate(gate)
    wanted, module = own_target(targets or (), inputs.module)
    request = SimulationRequest(
        targets=wanted,
        parameters=hardware.parameters(family=gate),
        inputs=replace(inputs, module=module, perturb=perturb, bbox=bbox),
        memory=memory,
        verilog=verilog,
        gate=gates,
        waves=waves,
        window=None if window is None else _cycles(window),
        waves_layer=waves_layer,
        json=json,
        dump=dump,
        out=out,
        jobs=jobs,
        parts=parts,
        scheduler=scheduler,
        mhz=mhz,
        interrupts=interrupts,
        html=html,
        classes=classes,
        wide=wide,
        dry_run=dry_run,
        verbose=verbose,
        quiet=quiet,
        switches=hardware.switches,
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
