"""`maccord export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .inputs import (
    Calibration,
    Image,
    InputShape,
    Mean,
    Module,
    Resize,
    Seed,
    Std,
    Weights,
    network_inputs,
    own_target,
)
from .parameters import Cache

__all__ = ["export"]


def export(
    target: Annotated[
        str,
        typer.Argument(help="A network: `resnet18`, `FILE.py:factory`, or a model file."),
    ] = "",
    onnx: Annotated[
        Path | None, typer.Option(help="ONNX file to write, in QDQ form, opset 17.")
    ] = None,
    module: Module = "",
    image: Image = None,
    weights: Weights = None,
    calibration: Calibration = None,
    seed: Seed = 0,
    input_shape: InputShape = None,
    mean: Mean = "",
    std: Std = "",
    resize: Resize = "",
    cache: Cache = None,
) -> None:
    """Write a quantized network as a file for other tools, and compare what they compute.

    ONNX Runtime runs the file on an image, and every tensor is compared with the network's own
    reference. Sums of two tensors are in fixed point in PyTorch and in floating point there, so
    that some codes may differ by one; the count is printed.

    Examples:

    - `maccord export resnet18 --onnx resnet18.onnx`

    - `maccord export mynets.py:small --onnx small.onnx --image cat.jpg`
    """
    from ..sim.export_request import ExportRequest, check

    if onnx is None:
        raise ValueError("onnx must name the file to write, got none: --onnx FILE")
    wanted, module = own_target((target,) if target else (), module)
    inputs = network_inputs(
        module=module,
        image=image,
        weights=weights,
        calibration=calibration,
        seed=seed,
        input_shape=input_shape,
        mean=mean,
        std=std,
        resize=resize,
    )
    request = ExportRequest(target="".join(wanted), path=onnx, inputs=inputs)
    check(request)
    from ..sim.cli_export import run

    run(request)
