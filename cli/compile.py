"""`maccord compile`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .groups import grouped
from .inputs import network_inputs, own_target
from .parameters import Cache, Hardware, for_network

if TYPE_CHECKING:
    from ..sim.inputs import Inputs

__all__ = ["compile_target"]

_OUTPUT = "Output"


@grouped(inputs=network_inputs, hardware=for_network)
def compile_target(
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
    *,
    inputs: Inputs,
    hardware: Hardware,
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

    if word_bytes and not hex_files:
        raise ValueError(f"word-bytes needs hex, got {word_bytes} without it")
    wanted, module = own_target((target,) if target else (), inputs.module)
    request = CompileRequest(
        target="".join(wanted),
        out=out,
        parameters=hardware.parameters(),
        inputs=replace(inputs, module=module),
        word_bytes=word_bytes if hex_files else None,
        switches=hardware.switches,
    )
    check(request)
    run(request)
