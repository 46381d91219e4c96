"""Resumable training on the user's data: cross-entropy, shuffled images, no augmentation.

Langille 2024, section 3.2, starts from ImageNet weights and a new last layer. `recipes` has its
settings and QGen's.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from ...runtime.cache import digest
from ...runtime.files import atomic_write
from ..data.dataset import Dataset
from ..devices import usable_device
from ..networks import Architecture
from ..sizes import resized
from . import lsq
from .activations import attach_activations
from .batches import Batches, spread
from .loop import save, train_pass
from .settings import Epoch, Settings
from .start import fresh, pretrained

__all__ = ["CHECKPOINT", "LOG", "WEIGHTS", "check_resumable", "finetune"]

CHECKPOINT, LOG, WEIGHTS = "checkpoint.pt", "log.csv", "weights.pt"
_STATE = "state_dict"  # the key of the weights for `checkpoint.load_checkpoint`
_LATENT = "latent"  # the key of weights before quantization, and of their steps
_KEPT = "kept"  # the key of the weights with the lowest loss
_DEFAULTS = asdict(Settings())  # of settings that older checkpoints lack
_SMALLEST = {"vgg16": 224, "vgg19": 224}  # their linear layers read images of 7 x 7


def _nothing(*_: object) -> None:
    """Default callback, which does nothing."""


class _Training:
    """A network in training, with all state of a checkpoint."""

    def __init__(
        self, model: nn.Module, settings: Settings, device: torch.device, first: torch.Tensor
    ) -> None:
        self.settings = settings
        self.device = device
        bits = settings.weight_bits
        chosen = {} if bits is None else lsq.widths(model, bits, ends=settings.end_bits or 8)
        self.project = lsq.attach(model, chosen) if chosen else _nothing
        self.model = model.to(device)
        if settings.channels_last:
            self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if settings.learned_activations:
            attach_activations(self.model, first)
            self.model.to(device)
        self.optimizer = _optimizer(self.model, settings)
        self.schedule = _schedule(self.optimizer, settings)
        self.criterion = nn.CrossEntropyLoss()
        self.shuffler = torch.Generator().manual_seed(settings.seed)
        self.log: list[Epoch] = []
        self.kept: dict[str, torch.Tensor] = {}  # weights of the epoch with the lowest loss

    def order(self, count: int) -> Iterator[npt.NDArray[np.int64]]:
        """Yield the image positions of each batch of an epoch."""
        batch = min(self.settings.batch, count)
        places = torch.randperm(count, generator=self.shuffler).numpy()
        for start in range(0, count - batch + 1, batch):
            yield places[start : start + batch]

    def epoch(self, train: Batches, test: Batches, step: Callable[[int, int], object]) -> None:
        """Train on all images once, then test."""
        rate = self.optimizer.param_groups[0]["lr"]
        steps = max(len(train) // self.settings.batch, 1)
        done = iter(range(1, steps + 1))
        loss, accuracy = train_pass(
            self.model,
            train(self.order(len(train))),
            self.criterion,
            self.optimizer,
            lambda: (self.project(), step(next(done), steps)),
        )
        self.schedule.step()
        row = Epoch(len(self.log) + 1, rate, loss, accuracy, self.tested(test))
        if self.settings.lowest_loss and all(loss < before.loss for before in self.log):
            self.kept = {name: value.clone() for name, value in self.weights().items()}
        self.log.append(row)

    @torch.no_grad()
    def tested(self, test: Batches) -> float:
        """Return the accuracy on the test images."""
        self.model.eval()
        places = np.arange(len(test))
        right = 0
        for images, labels in test(np.array_split(places, -(-len(test) // self.settings.batch))):
            right += int((self.model(images).argmax(1) == labels).sum())
        return right / len(test)

    def state(self) -> dict[str, Any]:
        """Return the complete state as plain values and tensors."""
        generators = {"torch": torch.get_rng_state(), "shuffler": self.shuffler.get_state()}
        if self.device.type == "cuda":
            generators["cuda"] = torch.cuda.get_rng_state(self.device)
        latent = {} if self.settings.weight_bits is None else {_LATENT: self.model.state_dict()}
        kept = {_KEPT: self.kept} if self.settings.lowest_loss else {}
        return (
            latent
            | kept
            | {
                _STATE: self.weights(),
                "optimizer": self.optimizer.state_dict(),
                "schedule": self.schedule.state_dict(),
                "generators": generators,
                "log": [asdict(row) for row in self.log],
            }
        )

    def weights(self) -> dict[str, torch.Tensor]:
        """Return the network's parameters, on the CPU; quantized ones if they are."""
        return _on_cpu(lsq.quantized_state(self.model))

    def result(self) -> dict[str, torch.Tensor]:
        """Return the weights of the last epoch, or of the one with the lowest loss."""
        return self.kept if self.settings.lowest_loss else self.weights()

    def restore(self, state: dict[str, Any]) -> None:
        """Resume from a checkpoint."""
        self.model.load_state_dict(state.get(_LATENT, state[_STATE]))
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        torch.set_rng_state(state["generators"]["torch"])
        self.shuffler.set_state(state["generators"]["shuffler"])
        if self.device.type == "cuda" and "cuda" in state["generators"]:
            torch.cuda.set_rng_state(state["generators"]["cuda"], self.device)
        self.log = [Epoch(**row) for row in state["log"]]
        self.kept = state.get(_KEPT, {})


def _optimizer(model: nn.Module, settings: Settings) -> torch.optim.Optimizer:
    parameters, rate, decay = model.parameters(), settings.rate, settings.decay
    if settings.optimizer == "adam":
        return torch.optim.Adam(parameters, rate, weight_decay=decay)
    kind = torch.optim.SGD if settings.optimizer == "sgd" else torch.optim.RMSprop
    return kind(parameters, lr=rate, momentum=settings.momentum, weight_decay=decay)


def _schedule(
    optimizer: torch.optim.Optimizer, settings: Settings
) -> torch.optim.lr_scheduler.LRScheduler:
    if settings.steps:
        return torch.optim.lr_scheduler.MultiStepLR(optimizer, settings.steps, settings.factor)
    return torch.optim.lr_scheduler.StepLR(optimizer, settings.every, settings.factor)


def _on_cpu(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: value.cpu() for name, value in state.items()}


def check_resumable(out: Path, architecture: Architecture, settings: Settings) -> None:
    """Refuse a folder of another training, as far as that can be told without the data.

    Raises
    ------
    ValueError
        If it has a checkpoint of another network or other settings; the message names the first.
    """
    _read(out / CHECKPOINT, {"network": architecture.name, **asdict(settings)})


def _read(path: Path, about: dict[str, Any]) -> dict[str, Any] | None:
    """Read the checkpoint, if any; it must belong to the same training."""
    if not path.exists():
        return None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        given = state["about"]
    except Exception as error:  # unpickling other files can raise any exception
        reason = getattr(error, "strerror", None) or "not a checkpoint of a training"
        raise ValueError(f"out must hold no other files, got {path}: {reason}") from None
    for name, value in about.items():
        found = given.get(name, _DEFAULTS.get(name))
        if found != value:
            raise ValueError(
                f"out must be a new folder or that of a training alike, got {path.parent}, "
                f"whose {name} is {found} instead of {value}"
            )
    return state


def _write_log(path: Path, log: list[Epoch]) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([field.name for field in fields(Epoch)])
    writer.writerows(tuple(asdict(row).values()) for row in log)
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        file.write(text.getvalue().encode())


@contextmanager
def _repeatable(seed: int, device: torch.device) -> Iterator[None]:
    """Seed the generators and use deterministic CUDA kernels; restore the settings afterwards."""
    flags = torch.backends.cudnn.flags(benchmark=False, deterministic=True)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []), flags:
        torch.manual_seed(seed)
        yield


def finetune(
    architecture: Architecture,
    train: Dataset,
    test: Dataset,
    out: Path,
    settings: Settings,
    *,
    epochs: int = 250,
    init: Path | None = None,
    device: str = "cpu",
    threads: int = 4,
    on_step: Callable[[int, int], object] = _nothing,
    on_epoch: Callable[[Epoch], object] = _nothing,
    on_resume: Callable[[int], object] = _nothing,
) -> Path:
    """Train a network, resuming from an earlier call with the same folder.

    After each epoch a checkpoint is written: network, optimizer, schedule, random generators, log.
    A killed and resumed training ends with the same weights as an uninterrupted one.

    Parameters
    ----------
    architecture : Architecture
    train, test : Dataset
        With the same classes.
    out : Path
        Folder for `CHECKPOINT`, `LOG` and `WEIGHTS`.
    settings : Settings
    epochs : int
        Total epochs, including those of earlier calls; a larger number extends a training.
    init : Path, optional
        Initial weights, with torchvision's names.
    device : str
        "cpu" or "cuda". Resuming is exact on the CPU with a fixed number of torch's threads.
    threads : int
        Threads that prepare images.
    on_step, on_epoch : callable
        Called after each step with its number and the steps per epoch, and after each epoch when
        its checkpoint is written; on resuming, called for the last completed epoch.
    on_resume : callable
        Called with the number of completed epochs on resuming from a checkpoint.

    Returns
    -------
    Path
        Path of the weights, a state dict with torchvision's names.

    Raises
    ------
    ValueError
        If the device, the classes, the weight file or the checkpoint in `out` does not fit, if
        `epochs` is less than the epochs done, or if the loss diverges.
    """
    where = usable_device(device)
    if epochs < 1:
        raise ValueError(f"epochs must be at least 1, got {epochs}")
    if train.classes != test.classes:
        raise ValueError("classes must be the same in both splits, got others in test")
    least = _SMALLEST.get(architecture.name, 0)
    if train.size < least:
        raise ValueError(
            f"images for {architecture.name} must be at least {least} pixels wide, "
            f"got {train.size} in {train.name}"
        )
    architecture = resized(architecture, depth=settings.depth, width=settings.width)
    classes = len(train.classes)
    about = {
        "network": architecture.name,
        "data": digest(train.digest, test.digest),
        "init": "none" if init is None else digest(init),
        **asdict(settings),
    }
    state = _read(out / CHECKPOINT, about)
    if init is None or state is not None:
        model = fresh(architecture, classes, settings.seed)
    else:
        model = pretrained(architecture, classes, init, settings.seed)
    by = architecture.normalization
    images, tests = (
        Batches(data, spread(len(data), settings.limit), threads, where, by)
        for data in (train, test)
    )
    try:
        with _repeatable(settings.seed, where):
            places = np.arange(min(settings.batch, len(images)))
            training = _Training(model, settings, where, next(images([places]))[0])
            if state is not None:
                training.restore(state)
                done = len(training.log)
                if done > epochs:
                    raise ValueError(
                        f"epochs must be at least {done}, which are done in {out}, got {epochs}"
                    )
                on_resume(done)
                on_epoch(training.log[-1])
            while len(training.log) < epochs:
                training.epoch(images, tests, on_step)
                save(out / CHECKPOINT, {**training.state(), "about": about})
                _write_log(out / LOG, training.log)
                on_epoch(training.log[-1])
    finally:
        images.close()
        tests.close()
    _write_log(out / LOG, training.log)
    save(out / WEIGHTS, training.result())
    return out / WEIGHTS
