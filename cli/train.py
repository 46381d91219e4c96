"""`maccord train`: networks for the user's data. Heavy dependencies are imported on use."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

__all__ = ["train"]

_RECIPE, _RUN = "Recipe", "Run"
_OF_RECIPES = ("epochs", "batch", "optimizer", "rate", "momentum", "decay", "every", "steps")
_OF_RECIPES += ("factor", "lowest_loss", "depth", "width")
_OF_DATA = ("init", "end_bits", "limit", "device", "threads")


def train(
    context: typer.Context,
    network: Annotated[
        str, typer.Argument(help="`resnet18`, `vgg16`, `squeezenet1_1`, `resnet50`, ...")
    ],
    data: Annotated[
        str,
        typer.Option(
            help="Data set: `aircraft:PATH` (FGVC-Aircraft's families), `folder:PATH` "
            "(`train/CLASS/`, `test/CLASS/`), `cifar10:PATH`, `cifar100:PATH`, or `digits` (built "
            "in). If not given, a reduced network is trained on the digits in seconds, once for "
            "each of `--weight-bits`."
        ),
    ] = "",
    init: Annotated[
        Path | None,
        typer.Option(
            help="Initial weights, with torchvision's names, e.g. its ImageNet weights; the last "
            "layer is replaced. Seeded weights if not given."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of results; build/train/NETWORK-DATA if not given."),
    ] = None,
    recipe: Annotated[
        str,
        typer.Option(
            help="`thesis` (default with `--data`), `qgen` (NiN and ResNet on small images), "
            "`qgen-imagenet` (others; from ImageNet's weights), `digits` (default without "
            "`--data`). The options below override its values.",
            rich_help_panel=_RECIPE,
        ),
    ] = "",
    epochs: Annotated[
        int | None,
        typer.Option(
            help="Total epochs; a larger number extends an earlier run.", rich_help_panel=_RECIPE
        ),
    ] = None,
    batch: Annotated[
        int | None, typer.Option(help="Images per step.", rich_help_panel=_RECIPE)
    ] = None,
    optimizer: Annotated[
        str | None, typer.Option(help="`sgd`, `adam` or `rmsprop`.", rich_help_panel=_RECIPE)
    ] = None,
    rate: Annotated[
        float | None, typer.Option(help="Initial learning rate.", rich_help_panel=_RECIPE)
    ] = None,
    momentum: Annotated[
        float | None, typer.Option(help="Momentum of the optimizer.", rich_help_panel=_RECIPE)
    ] = None,
    decay: Annotated[
        float | None, typer.Option(help="Weight decay.", rich_help_panel=_RECIPE)
    ] = None,
    every: Annotated[
        int | None,
        typer.Option(help="Epochs between learning rate decays.", rich_help_panel=_RECIPE),
    ] = None,
    steps: Annotated[
        str | None,
        typer.Option(
            help="Instead of `--every`: epochs after which the learning rate decays, "
            "comma-separated.",
            rich_help_panel=_RECIPE,
        ),
    ] = None,
    factor: Annotated[
        float | None, typer.Option(help="Learning rate decay factor.", rich_help_panel=_RECIPE)
    ] = None,
    lowest_loss: Annotated[
        bool | None,
        typer.Option(
            help="Whether to keep the epoch with the lowest training loss or the last one.",
            rich_help_panel=_RECIPE,
        ),
    ] = None,
    depth: Annotated[
        int | None, typer.Option(help="Blocks of a NiN.", rich_help_panel=_RECIPE)
    ] = None,
    width: Annotated[
        int | None,
        typer.Option(
            help="Channels of a ResNet's first convolution; of a NiN, in units of 25.",
            rich_help_panel=_RECIPE,
        ),
    ] = None,
    weight_bits: Annotated[
        str,
        typer.Option(
            help="8, 4 or 2: quantize weights in training, with learned steps (LSQ). 32: floating "
            "point, as if not given. Without `--data`, several, comma-separated.",
            rich_help_panel=_RECIPE,
        ),
    ] = "32",
    end_bits: Annotated[
        int | None,
        typer.Option(
            help="The same for the first and the last layer; 8 if not given.",
            rich_help_panel=_RECIPE,
        ),
    ] = None,
    learned_activations: Annotated[
        bool,
        typer.Option(
            "--learned-activations",
            help="Quantize activations in training, too, to 8 bits with learned steps, which the "
            "INT8 network takes over.",
            rich_help_panel=_RECIPE,
        ),
    ] = False,
    seed: Annotated[
        int,
        typer.Option(
            help="Seed of shuffling, dropout and initial weights.", rich_help_panel=_RECIPE
        ),
    ] = 0,
    limit: Annotated[
        int,
        typer.Option(
            help="Images per split, evenly spaced, for a trial run; 0: all.", rich_help_panel=_RUN
        ),
    ] = 0,
    device: Annotated[str, typer.Option(help="`cpu` or `cuda`.", rich_help_panel=_RUN)] = "cpu",
    threads: Annotated[
        int, typer.Option(help="Threads for reading and resizing images.", rich_help_panel=_RUN)
    ] = 4,
) -> None:
    """Train a network on your own data, with the recipe of a paper or your own.

    The thesis's recipe: stochastic gradient descent on cross-entropy with shuffled images, 250
    epochs, a learning rate of 0.001 that decays by a factor of 10 every 50. QGen's: 0.1, a weight
    decay of 0.0001, 300 epochs of NiN with decays after 100 and 200, or 200 of a ResNet with a
    base width of 16 and decays after 80 and 160; for ImageNet's networks 0.01, 120 epochs, decays
    after 30, 60 and 90.

    Each epoch ends with a checkpoint: if the run is killed, the same command resumes it and ends
    with the same weights. `OUT/weights.pt` can be passed to `maccord sim NETWORK --weights`;
    `OUT/log.csv` has one row per epoch.

    Examples:

    - `maccord train resnet18 --data aircraft:fgvc-aircraft-2013b --init resnet18-f37072fd.pth`

    - `maccord train squeezenet1_1 --data folder:photos --epochs 30 --device cuda`

    - `maccord train resnet18 --data digits --epochs 2 --limit 100 --weight-bits 4`

    - `maccord train nin --data cifar10:cifar-10 --recipe qgen --depth 2 --width 8 --weight-bits 2`

    - `maccord train nin --weight-bits 32,8,4,2`

    - `maccord train nin --weight-bits 4 --learned-activations`
    """
    widths = _widths(weight_bits)
    if not data and recipe in ("", "digits"):
        own = [name for name in (*_OF_RECIPES, *_OF_DATA) if name != "epochs"]
        given = [name for name in own if _is_given(context, name)]
        if given:
            option = given[0].replace("_", "-")
            raise ValueError(
                f"{option} must come with data or another recipe: that of the digits has its own"
            )
        from .train_digits import train_on_digits

        train_on_digits(network, widths, out, epochs, seed, learned_activations)
        return
    if len(widths) > 1:
        raise ValueError(f"weight-bits must be one number with data, got {weight_bits}")
    from ..nets.training.recipes import recipe_of
    from ..nets.training.settings import Settings
    from .train_data import train_on_data

    values = asdict(recipe_of(recipe or "thesis", network)) | {
        name: context.params[name] for name in _OF_RECIPES if _is_given(context, name)
    }
    values |= _decays(steps, every)
    total = values.pop("epochs")
    settings = Settings(
        seed=seed,
        limit=limit,
        weight_bits=widths[0],
        end_bits=end_bits,
        learned_activations=learned_activations,
        **values,
    )
    data = data or "digits"
    folder = out or Path("build/train") / f"{network}-{data.partition(':')[0]}"
    train_on_data(network, data, folder, settings, total, init, device, threads)


def _decays(steps: str | None, every: int | None) -> dict[str, Any]:
    """Return the user's schedule of the learning rate, if any."""
    if steps is not None and every is not None:
        raise ValueError(f"every or steps must be given, got both {every} and {steps}")
    if every is not None:
        return {"steps": ()}
    if steps is None:
        return {}
    parts = [part.strip() for part in steps.split(",")]
    if not all(part.isdecimal() for part in parts):
        raise ValueError(f"steps must be numbers of epochs, comma-separated, got {steps}")
    return {"steps": tuple(map(int, parts))}


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name != "DEFAULT"


def _widths(text: str) -> list[int | None]:
    """Parse widths; None is floating point."""
    found = [int(part) if part.isdecimal() else 0 for part in text.split(",")]
    if not set(found) <= {32, 8, 4, 2} or len(set(found)) < len(found):
        raise ValueError(f"weight-bits must be of 32, 8, 4 and 2, each once, got {text}")
    return [None if bits == 32 else bits for bits in found]
