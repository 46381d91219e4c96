"""Options for a network's weights, inputs and preprocessing, each named as in `Inputs`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..sim.inputs import Inputs

__all__ = ["INPUT", "Batch", "Calibration", "Image", "Input", "InputShape", "Mean", "Module"]
__all__ += [
    "Resize",
    "Seed",
    "Std",
    "Strict",
    "WeightBits",
    "Weights",
    "network_inputs",
    "numbers",
    "own_target",
]

INPUT = "Input"

Module = Annotated[
    str,
    typer.Option(
        help="`package.module:factory` or `FILE.py:factory` of a network of your own, or an "
        "`.onnx`, `.tflite` or `.pt2` file.",
        rich_help_panel=INPUT,
    ),
]
Batch = Annotated[
    int,
    typer.Option(
        help="Images at a time, at most 256: the one given, then crops of the built-in "
        "photographs.",
        rich_help_panel=INPUT,
    ),
]
Image = Annotated[
    Path | None,
    typer.Option(help="Image file; a photograph is built in.", rich_help_panel=INPUT),
]
Weights = Annotated[
    Path | None,
    typer.Option(
        help="Checkpoint with torchvision's names, or timm's of transformers, of torch.save or "
        "safetensors; seeded weights if not given.",
        rich_help_panel=INPUT,
    ),
]
Calibration = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="PATH",
        help="Image, folder of images, or `.npy` file of inputs that set the quantization ranges; "
        "photographs, the floats of `--input`, or random numbers if not given. Once for each input "
        "of a network of several.",
        rich_help_panel=INPUT,
    ),
]
Seed = Annotated[
    int,
    typer.Option(
        help="Seed of weights and perturbations. Cycles and equality are the same on every "
        "processor; seeded weights, and so the logits, are not.",
        rich_help_panel=INPUT,
    ),
]
WeightBits = Annotated[
    str,
    typer.Option(
        help="Width at which the hardware stores and moves weights: `auto`, the narrowest of 8, 4 "
        "and 2 that each layer's codes fit, or one of these for all layers. Results are the same.",
        rich_help_panel=INPUT,
    ),
]
Strict = Annotated[
    bool,
    typer.Option(
        "--strict",
        help="Refuse operators that the accelerator lacks; otherwise the host computes them.",
        rich_help_panel=INPUT,
    ),
]
InputShape = Annotated[
    list[str] | None,
    typer.Option(
        metavar="C,H,W",
        help="Shape of one input of your own network, also `C,L`, `L,C` or `K`; if not given, "
        "INPUT_SHAPE of its file, or 3,224,224. Once for each input of a network of several.",
        rich_help_panel=INPUT,
    ),
]
Input = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        metavar="[NAME=]FILE",
        help="`.npy` file of inputs (N, C, H, W), or as the network's shape is: floats are "
        "normalized numbers, uint8 the codes of the quantized input. Or an image, as `--image`. "
        "Once for each input of a network of several, in the order of its `forward` or by name.",
        rich_help_panel=INPUT,
    ),
]
Mean = Annotated[
    str,
    typer.Option(
        help="Mean of your network's images, of pixels in 0..1: one number, or red,green,blue; "
        "ImageNet's if neither mean nor std is given, for grey 0.",
        rich_help_panel=INPUT,
    ),
]
Std = Annotated[
    str,
    typer.Option(
        help="Standard deviation of your network's images, as `--mean`; for grey 1.",
        rich_help_panel=INPUT,
    ),
]
Resize = Annotated[
    str,
    typer.Option(
        metavar="SIDE",
        help="Size of your network's images before the center crop: the short side in pixels, or "
        "HxW; if not given, the crop is 7/8 of it.",
        rich_help_panel=INPUT,
    ),
]


def own_target(targets: Sequence[str], module: str) -> tuple[tuple[str, ...], str]:
    """Return targets and module, for a target that stands for the module.

    Such a target is ``FILE.py:factory``, or a model file.

    Raises
    ------
    ValueError
        If there are two modules, or a file without a factory.
    """
    from ..nets.formats.files import is_model_file

    for target in targets:
        if target.endswith(".py"):
            raise ValueError(
                f"target must be FILE.py:factory, got {target} without the function or class that "
                "makes the network"
            )
    files = [target for target in targets if ".py:" in target or is_model_file(target)]
    if len(files) + bool(module) > 1:
        given = ", ".join([*files, *filter(None, [module])])
        raise ValueError(
            f"network of your own must be one at a time, a file or FILE.py:factory, got {given}"
        )
    others = tuple(target for target in targets if target not in files)
    return (others, files[0]) if files else (others, module)


def network_inputs(
    module: Module = "",
    batch: Batch = 1,
    image: Image = None,
    weights: Weights = None,
    calibration: Calibration = None,
    seed: Seed = 0,
    strict: Strict = False,
    weight_bits: WeightBits = "8",
    input_shape: InputShape = None,
    input_: Input = None,
    mean: Mean = "",
    std: Std = "",
    resize: Resize = "",
) -> Inputs:
    """Return a network's weights, inputs and preprocessing; a group of options.

    Raises
    ------
    ValueError
        If an option that is a list is none.
    """
    from ..nets.input_shapes import parse_shape
    from ..sim.input_files import split_name
    from ..sim.inputs import Inputs

    sides = resize.split("x") if resize else []
    if len(sides) > 2 or not all(side.isdecimal() for side in sides):
        raise ValueError(f"resize must be SIDE or HxW in pixels, got {resize!r}")
    shapes = [parse_shape(text) for text in input_shape or ()]
    names, paths = zip(*map(split_name, input_ or ()), strict=True) if input_ else ((), ())
    calibrations = list(calibration or ())
    return Inputs(
        module=module,
        batch=batch,
        image=image,
        weights=weights,
        seed=seed,
        strict=strict,
        weight_bits=weight_bits,
        input=paths[0] if paths else None,
        further_inputs=tuple(paths[1:]),
        input_names=tuple(names),
        input_shape=shapes[0] if shapes else (),
        further_shapes=tuple(shapes[1:]),
        calibration=calibrations[0] if calibrations else None,
        further_calibrations=tuple(calibrations[1:]),
        mean=numbers("mean", mean),
        std=numbers("std", std),
        resize=tuple(map(int, sides)),
    )


def numbers(name: str, text: str) -> tuple[float, ...]:
    """Return the numbers of an option; none for an empty text.

    Raises
    ------
    ValueError
        If they are not numbers.
    """
    try:
        return tuple(float(part) for part in text.split(",")) if text else ()
    except ValueError:
        raise ValueError(f"{name} must be one number, or three, got {text!r}") from None
