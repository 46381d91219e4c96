"""`maccord train` on a data set of the user's, resumable."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..nets.training.settings import Epoch, Settings

__all__ = ["train_on_data"]


def train_on_data(
    name: str,
    data: str,
    out: Path,
    settings: Settings,
    epochs: int,
    init: Path | None,
    device: str,
    threads: int,
) -> None:
    """Check the arguments, train, and print where the results are.

    Parameters
    ----------
    name : str
        One of `nets.networks.NETWORKS`.
    data : str
        As for `nets.data.load.open_dataset`.
    out : Path
        Folder of results.
    settings : Settings
    epochs, init, device, threads
        As for `nets.training.finetune.finetune`.

    Raises
    ------
    ValueError
        If an argument is out of range, or `out` is the folder of another training.
    """
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
    from ..nets.sizes import resized
    from ..nets.training.finetune import CHECKPOINT, LOG, WEIGHTS, check_resumable, finetune
    from ..runtime.console import console, waiting

    network = architecture(name)
    _ = resized(network, depth=settings.depth, width=settings.width)
    check_writable("out", "folder", out, out / CHECKPOINT)
    check_resumable(out, network, settings)
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
