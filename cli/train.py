"""`maccord train`: networks for the user's data. Heavy dependencies are imported on use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..nets.training.settings import Epoch, Settings

__all__ = ["train"]

_RECIPE, _RUN = "Recipe", "Run"
_SETTINGS = ("init", "epochs", "batch", "rate", "momentum", "every", "factor", "end_bits", "limit")
_SETTINGS += ("device", "threads")


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
    epochs: Annotated[
        int,
        typer.Option(
            help="Total epochs; a larger number extends an earlier run.", rich_help_panel=_RECIPE
        ),
    ] = 250,
    batch: Annotated[int, typer.Option(help="Images per step.", rich_help_panel=_RECIPE)] = 32,
    rate: Annotated[
        float, typer.Option(help="Initial learning rate.", rich_help_panel=_RECIPE)
    ] = 0.001,
    momentum: Annotated[
        float,
        typer.Option(help="Momentum of stochastic gradient descent.", rich_help_panel=_RECIPE),
    ] = 0.9,
    every: Annotated[
        int, typer.Option(help="Epochs between learning rate decays.", rich_help_panel=_RECIPE)
    ] = 50,
    factor: Annotated[
        float, typer.Option(help="Learning rate decay factor.", rich_help_panel=_RECIPE)
    ] = 0.1,
    weight_bits: Annotated[
        str,
        typer.Option(
            help="8, 4 or 2: quantize weights in training, with learned steps (LSQ); activations "
            "get their INT8 scales after training. 32: floating point, as if not given. Without "
            "`--data`, several, comma-separated.",
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
    """Train a network on your own data with the thesis's recipe.

    Stochastic gradient descent on cross-entropy with shuffled images, 250 epochs, a learning rate
    of 0.001 that decays by a factor of 10 every 50. Each epoch ends with a checkpoint: if the run
    is killed, the same command resumes it and ends with the same weights.

    `OUT/weights.pt` can be passed to `maccord sim NETWORK --weights`; `OUT/log.csv` has one row
    per epoch.

    Examples:

    - `maccord train resnet18 --data aircraft:fgvc-aircraft-2013b --init resnet18-f37072fd.pth`

    - `maccord train squeezenet1_1 --data folder:photos --epochs 30 --device cuda`

    - `maccord train resnet18 --data digits --epochs 2 --limit 100`

    - `maccord train resnet18 --data digits --epochs 2 --limit 100 --weight-bits 4`

    - `maccord train nin --weight-bits 32,8,4,2`
    """
    widths = _widths(weight_bits)
    if not data:
        given = [name for name in _SETTINGS if _is_given(context, name)]
        _run_digits(network, widths, given, out, epochs if "epochs" in given else None, seed)
        return
    if len(widths) > 1:
        raise ValueError(f"weight-bits must be one number with data, got {weight_bits}")
    from ..nets.training.settings import Settings

    recipe = (batch, rate, momentum, every, factor, seed, limit)
    settings = Settings(*recipe, weight_bits=widths[0], end_bits=end_bits)
    folder = out or Path("build/train") / f"{network}-{data.partition(':')[0]}"
    _run(network, data, folder, settings, epochs, init, device, threads)


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name != "DEFAULT"


def _widths(text: str) -> list[int | None]:
    """Parse widths; None is floating point."""
    found = [int(part) if part.isdecimal() else 0 for part in text.split(",")]
    if not set(found) <= {32, 8, 4, 2} or len(set(found)) < len(found):
        raise ValueError(f"weight-bits must be of 32, 8, 4 and 2, each once, got {text}")
    return [None if bits == 32 else bits for bits in found]


def _run_digits(
    network: str,
    widths: list[int | None],
    given: list[str],
    out: Path | None,
    epochs: int | None,
    seed: int,
) -> None:
    """Train on the built-in digits, and print accuracies by width."""
    from ..nets.training.digit_names import check_network_on_digits
    from ..runtime.files import check_writable

    check_network_on_digits(network)
    other = [name for name in given if name != "epochs"]
    if other:
        option = other[0].replace("_", "-")
        raise ValueError(f"{option} must come with data: the recipe for the digits has its own")
    if epochs is not None and epochs < 1:
        raise ValueError(f"epochs must be at least 1, got {epochs}")
    folder = out or Path("build/train") / f"{network}-digits"
    check_writable("out", "folder", folder, folder / "probe")
    from rich.markup import escape

    from ..nets.training.embedded import CALIBRATION, DIGIT, FACTORIES, train_widths
    from ..runtime.console import console
    from ..runtime.tables import Column, fitting, table_width

    err, out_ = console(stderr=True), console()

    def said(name: str, epoch: int, total: int, loss: float) -> None:
        err.print(f"{name}: epoch {epoch} of {total}, loss {loss:.4f}", soft_wrap=True)

    rows = train_widths(network, widths, folder, seed=seed, epochs=epochs, progress=said)
    columns = [
        Column("network", [row.name for row in rows], left=True),
        Column("weights", [f"{row.weight_bits or 32} bits" for row in rows]),
        Column("float activations", [f"{row.float_top1:.1%}" for row in rows]),
        Column("INT8", [f"{row.int8_top1:.1%}" for row in rows]),
    ]
    out_.print(fitting(out_, columns, table_width(False))[0])
    factory = rows[-1].name.replace("-", "_")
    out_.print(
        f"maccord sim {escape(str(folder / FACTORIES))}:{factory} --weight-bits auto "
        f"--calibration {escape(str(folder / CALIBRATION))} "
        f"--image {escape(str(folder / DIGIT))} --input-shape 3,32,32 --resize 32x32",
        soft_wrap=True,
    )


def _run(
    name: str,
    data: str,
    out: Path,
    settings: Settings,
    epochs: int,
    init: Path | None,
    device: str,
    threads: int,
) -> None:
    """Check the arguments, train, and print where the results are."""
    from ..nets.data.kinds import check_data
    from ..nets.devices import check_device
    from ..runtime.files import check_writable
    from ..sim.names import check_network
    from ..study.request import check_file

    check_network(name)
    check_device(device)
    if epochs < 1:
        raise ValueError(f"epochs must be at least 1, got {epochs}")
    if threads < 1:
        raise ValueError(f"threads must be at least 1, got {threads}")
    if init is not None:
        check_file("init", init)
    check_data(data)
    check_writable("out", "folder", out, out / "probe")
    from rich.markup import escape

    from ..nets.data.load import open_dataset
    from ..nets.networks import architecture
    from ..nets.training.finetune import CHECKPOINT, LOG, WEIGHTS, finetune
    from ..runtime.console import console, waiting
    from ..runtime.files import check_writable

    network = architecture(name)
    check_writable("out", "folder", out, out / CHECKPOINT)
    err = console(stderr=True)
    with waiting(err, "reading the data set"):
        images, tests = (open_dataset(data, split) for split in ("train", "test"))
    watch = _Watch(err.is_terminal, epochs)
    try:
        with watch:
            finetune(
                *(network, images, tests, out, settings),
                epochs=epochs,
                init=init,
                device=device,
                threads=threads,
                on_step=watch.step,
                on_epoch=watch.epoch,
                on_resume=lambda done: err.print(
                    f"resumed: {done} of {epochs} epochs were done before", soft_wrap=True
                ),
            )
    except KeyboardInterrupt:
        err.print(f"{watch.done} of {epochs} epochs are done; the same command goes on from there")
        raise
    console().print(f"{escape(str(out / WEIGHTS))}: weights; {escape(str(out / LOG))}: log")


class _Watch:
    """A progress bar on a terminal; elsewhere one line per epoch.

    Attributes
    ----------
    done : int
        Epochs.
    """

    def __init__(self, moving: bool, epochs: int) -> None:
        from rich.progress import (
            BarColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        from ..runtime.console import console

        self._err = console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        columns += (TextColumn("left"), TimeRemainingColumn(elapsed_when_finished=False))
        self._progress = Progress(*columns, console=self._err, transient=True, disable=not moving)
        self._bar = self._progress.add_task(f"epoch 1 of {epochs}", total=epochs)
        self._moving = moving
        self._epochs = epochs
        self.done = 0

    def __enter__(self) -> _Watch:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def step(self, step: int, steps: int) -> None:
        """Advance the bar by one step."""
        self._progress.update(self._bar, completed=self.done + step / steps)

    def epoch(self, row: Epoch) -> None:
        """Report an epoch's loss and accuracies."""
        self.done = row.epoch
        said = (
            f"epoch {row.epoch} of {self._epochs}: loss {row.loss:.4f}, "
            f"accuracy {row.accuracy:.1%}, test {row.test_accuracy:.1%}"
        )
        self._progress.update(self._bar, completed=row.epoch, description=said)
        if not self._moving:
            self._err.print(said)
