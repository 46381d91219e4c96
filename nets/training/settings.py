"""Settings of a training on the user's data, and rows of its log."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

__all__ = ["OPTIMIZERS", "WIDTHS", "Epoch", "Settings"]

WIDTHS = (8, 4, 2)  # bits of a weight
OPTIMIZERS = ("sgd", "adam", "rmsprop")


@dataclass(frozen=True)
class Settings:
    """Settings of a training, besides network and data.

    Parameters
    ----------
    batch : int
        Images per step. An epoch's last, incomplete batch is dropped.
    rate : float
        Learning rate of the first epoch.
    momentum : float
        Of stochastic gradient descent and RMSProp.
    every : int
        Epochs between decays of the learning rate, if no `steps` are given.
    factor : float
        Decay factor of the learning rate.
    seed : int
        Seed of order, dropout and layers without weights from a file.
    limit : int
        Images per split, evenly spaced; 0 for all.
    weight_bits : int, optional
        8, 4 or 2: quantize weights in training, with learned steps (`lsq`). Not quantized by
        default.
    end_bits : int, optional
        The same for the first and the last layer; 8 by default.
    optimizer : str
        One of `OPTIMIZERS`.
    decay : float
        Weight decay: the L2 penalty's gradient in units of the weight, on all parameters.
    steps : tuple of int
        Numbers of epochs done after which the learning rate decays, ascending.
    lowest_loss : bool
        Whether the result is the epoch with the lowest training loss instead of the last one.
    depth, width : int, optional
        Size of the network, as for `sizes.resized`.
    learned_activations : bool
        Whether activations are quantized in training, too (`learned_steps`); with `weight_bits`.
    channels_last : bool
        Whether tensors lie in memory pixel by pixel: about twice as fast for small networks on a
        CPU, and rounded differently.

    Raises
    ------
    ValueError
        If one is out of range.
    """

    batch: int = 32
    rate: float = 0.001
    momentum: float = 0.9
    every: int = 50
    factor: float = 0.1
    seed: int = 0
    limit: int = 0
    weight_bits: int | None = None
    end_bits: int | None = None
    optimizer: str = "sgd"
    decay: float = 0.0
    steps: tuple[int, ...] = ()
    lowest_loss: bool = False
    depth: int | None = None
    width: int | None = None
    learned_activations: bool = False
    channels_last: bool = False

    def __post_init__(self) -> None:
        for name, bits in (("weight_bits", self.weight_bits), ("end_bits", self.end_bits)):
            if bits not in (None, *WIDTHS):
                raise ValueError(f"{name} must be one of {', '.join(map(str, WIDTHS))}, got {bits}")
        if self.end_bits is not None and self.weight_bits is None:
            raise ValueError(f"end_bits must come with weight_bits, got {self.end_bits} alone")
        if self.learned_activations and self.weight_bits is None:
            raise ValueError("learned_activations must come with weight_bits, got them alone")
        for name, least in (("batch", 2), ("every", 1), ("seed", 0), ("limit", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, got {getattr(self, name)}")
        if not 0 < self.rate < float("inf"):
            raise ValueError(f"rate must be a number above 0, got {self.rate}")
        if not 0 <= self.momentum < 1:
            raise ValueError(f"momentum must be from 0 to below 1, got {self.momentum}")
        if not 0 <= self.decay < 1:
            raise ValueError(f"decay must be from 0 to below 1, got {self.decay}")
        if self.optimizer not in OPTIMIZERS:
            raise ValueError(
                f"optimizer must be one of {', '.join(OPTIMIZERS)}, got {self.optimizer}"
            )
        if any(a >= b for a, b in pairwise((0, *self.steps))):
            got = ",".join(map(str, self.steps))
            raise ValueError(f"steps must be ascending numbers of epochs from 1, got {got}")
        if not 0 < self.factor <= 1:
            raise ValueError(f"factor must be above 0 and at most 1, got {self.factor}")


@dataclass(frozen=True)
class Epoch:
    """A row of the log.

    Parameters
    ----------
    epoch : int
        From 1.
    rate : float
        Learning rate.
    loss, accuracy : float
        Means over the training images, each with the weights at that step.
    test_accuracy : float
        After the epoch.
    """

    epoch: int
    rate: float
    loss: float
    accuracy: float
    test_accuracy: float
