"""Trains a network of the pool, and loads it: trained, at its start, with batch norm folded."""

from __future__ import annotations

import copy
import shutil
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn.utils import parametrize
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ..nets.checkpoint import load_checkpoint
from ..nets.data.dataset import Dataset
from ..nets.data.load import open_dataset
from ..nets.images import normalize
from ..nets.networks import Architecture, architecture
from ..nets.sizes import resized
from ..nets.spelling import trace
from ..nets.training import lsq
from ..nets.training.batches import spread
from ..nets.training.finetune import WEIGHTS, finetune
from ..nets.training.loop import save
from ..nets.training.settings import Settings
from ..nets.training.start import fresh
from .pool import FLOAT, Member

__all__ = ["Trained", "batch_of", "bin_widths", "folded", "initial", "network_of", "split"]
__all__ += ["train", "vector", "weights_of"]


@dataclass(frozen=True)
class Trained:
    """How a network of the pool is trained, and where its weights are.

    Parameters
    ----------
    member : Member
    data : str
        As for `nets.data.load.open_dataset`, with an absolute path.
    images : int
        Training images, evenly spaced; 0 for all.
    epochs, batch, seed : int
    folder : Path
        Absolute; holds the weights of the whole pool.
    """

    member: Member
    data: str
    images: int
    epochs: int
    batch: int
    seed: int
    folder: Path

    @property
    def weights(self) -> Path:
        """Checkpoint of the trained network, its weights quantized if they are."""
        return self.folder / f"{self.member.name}.pt"

    @property
    def architecture(self) -> Architecture:
        """The network, untrained."""
        return resized(architecture("nin"), depth=self.member.depth, width=self.member.width)

    @property
    def settings(self) -> Settings:
        """QGen's settings: the rate falls by 10 after a third and two thirds of the epochs."""
        thirds = tuple(sorted({max(1, self.epochs // 3), max(1, 2 * self.epochs // 3)}))
        return Settings(
            batch=self.batch,
            rate=self.member.rate,
            decay=self.member.decay,
            optimizer=self.member.optimizer,
            steps=thirds,
            lowest_loss=True,
            channels_last=True,
            seed=self.seed,
            limit=self.images,
            depth=self.member.depth,
            width=self.member.width,
            weight_bits=None if self.member.bits == FLOAT else self.member.bits,
        )


@lru_cache(maxsize=2)
def split(data: str, name: str) -> Dataset:
    """Return a split of a data set, opened once per process."""
    return open_dataset(data, name)


@lru_cache(maxsize=4)
def batch_of(data: str, name: str, limit: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return at most `limit` images of a split (0: all), evenly spaced, and their labels.

    Returns
    -------
    Tensor of shape (N, 3, size, size), float32, normalized, channels last in memory
    Tensor of shape (N,), int64
    """
    whole = split(data, name)
    chosen = spread(len(whole), limit)
    by = architecture("nin").normalization
    images = np.concatenate([normalize(whole.crop(int(index)), by) for index in chosen])
    tensor = torch.from_numpy(images).contiguous(memory_format=torch.channels_last)
    return tensor, torch.from_numpy(whole.labels[chosen])


class _First:
    """The first image of a data set: training tests nothing, as all is measured afterwards."""

    def __init__(self, data: Dataset) -> None:
        self.name, self.classes, self.size = data.name, data.classes, data.size
        self.labels, self.digest = data.labels[:1], data.digest
        self.crop, self.box = data.crop, data.box

    def __len__(self) -> int:
        return 1


def train(task: Trained) -> None:
    """Train a network and write its weights, unless they are there; resumes by epochs."""
    if task.weights.is_file():
        return
    folder = task.folder / f"{task.member.name}.training"
    train_split = split(task.data, "train")
    finetune(
        task.architecture,
        train_split,
        _First(train_split),
        folder,
        task.settings,
        epochs=task.epochs,
        threads=1,
    )
    state = torch.load(folder / WEIGHTS, weights_only=True)
    save(task.weights, state)
    shutil.rmtree(folder, ignore_errors=True)


def bin_widths(task: Trained) -> dict[str, float]:
    """Return the width of the bins of each layer's quantized weights; empty in floating point.

    It is the smallest distance of two of its weights, which are multiples of the step.
    """
    if task.member.bits == FLOAT:
        return {}
    kinds = (nn.Conv2d, nn.Linear)
    layers = [(n, m) for n, m in network_of(task).named_modules() if isinstance(m, kinds)]
    return {
        name: float(torch.diff(module.weight.detach().double().unique()).min())
        for name, module in layers
    }


def network_of(task: Trained) -> nn.Module:
    """Return the trained network, in evaluation mode, its weights quantized if they are."""
    return load_checkpoint(task.architecture, task.weights)


def initial(task: Trained) -> nn.Module:
    """Return the network as training found it: its first weights, quantized if they are."""
    classes = len(split(task.data, "train").classes)
    model = fresh(task.architecture, classes, task.seed)
    bits = task.settings.weight_bits
    if bits is not None:
        lsq.attach(model, lsq.widths(model, bits))
        lsq.detach(model)
    return model.eval()


def folded(model: nn.Module) -> nn.Module:
    """Return a copy with batch norm folded into the convolutions before it.

    Its tensors are channels last in memory, with which a CPU is two to four times as fast.

    Raises
    ------
    ValueError
        If weights are still parametrized, or a batch norm does not follow a convolution alone.
    """
    if any(parametrize.is_parametrized(module) for module in model.modules()):
        raise ValueError("model must have plain weights, got parametrized ones")
    found = copy.deepcopy(model).eval()
    for node in trace(found).graph.nodes:
        norm = found.get_submodule(str(node.target)) if node.op == "call_module" else None
        if not isinstance(norm, nn.BatchNorm2d):
            continue
        source = node.args[0]
        layer = found.get_submodule(str(source.target))
        if not isinstance(layer, nn.Conv2d) or len(source.users) > 1:
            raise ValueError(f"batch norm must follow a convolution alone, got {node.target}")
        found.set_submodule(str(source.target), fuse_conv_bn_eval(layer, norm))
        found.set_submodule(str(node.target), nn.Identity())
    for parameter in found.parameters():
        parameter.requires_grad_(False)
    return found.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def weights_of(model: nn.Module) -> list[torch.Tensor]:
    """Weights of convolutions and linear layers, without biases, in order."""
    kinds = (nn.Conv2d, nn.Linear)
    return [module.weight for module in model.modules() if isinstance(module, kinds)]


def vector(tensors: list[torch.Tensor]) -> npt.NDArray[np.float64]:
    """Concatenate tensors, flat."""
    return torch.cat([tensor.detach().flatten() for tensor in tensors]).double().numpy()
