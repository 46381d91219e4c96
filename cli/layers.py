"""`maccord layers`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .inputs import Module, WeightBits, Weights, own_target
from .parameters import Cache

__all__ = ["layers"]


def layers(
    networks: Annotated[
        list[str] | None,
        typer.Argument(
            help="Networks, or globs of layers; an overview of the networks if not given."
        ),
    ] = None,
    module: Module = "",
    weights: Weights = None,
    weight_bits: WeightBits = "8",
    json: Annotated[Path | None, typer.Option(help="Write the table as JSON.")] = None,
    wide: Annotated[
        bool, typer.Option("--wide", help="Print all columns, whatever the terminal width.")
    ] = False,
    cache: Cache = None,
) -> None:
    """List the layers that can be simulated, and what the host computes in a whole network.

    Examples:

    - `maccord layers`

    - `maccord layers resnet18`

    - `maccord layers 'vgg16.classifier.*' --json layers.json`

    - `maccord layers --module mynets:small`

    - `maccord layers quantized.onnx`

    - `maccord layers swin_tiny`
    """
    from ..nets.transformer.names import TRANSFORMERS
    from ..runtime.files import check_writable
    from ..sim.inputs import Inputs, check_inputs, check_targets
    from ..sim.request import check_cache

    names, module = own_target(networks or (), module)
    others = tuple(name for name in names if name.partition(".")[0] not in TRANSFORMERS)
    if others or module or not names:
        check_targets(others, module)
    if json:
        check_writable("json", "file", json, json)
    check_cache()
    inputs = Inputs(module=module, weights=weights, weight_bits=weight_bits)
    check_inputs(inputs)
    from ..sim.cli_layers import run

    run(names, json, inputs, wide)
