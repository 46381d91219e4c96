"""Settings of a training on the user's data, and rows of its log."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["WIDTHS", "Epoch", "Settings"]

WIDTHS = (8, 4, 2)  # bits of a weight


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
    every : int
        Epochs between learning rate decays.
    factor : float
        Decay factor.
    seed : int
        Seed of order, dropout and layers without weights from a file.
    limit : int
        Images per split, evenly spaced; 0 for all.
    weight_bits : int, optional
        8, 4 or 2: quantize weights in training, with learned steps (`lsq`). Not quantized by
        default.
    end_bits : int, optional
        The same for the first and the last layer; 8 by default.

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

    def __post_init__(self) -> None:
        for name, bits in (("weight_bits", self.weight_bits), ("end_bits", self.end_bits)):
            if bits not in (None, *WIDTHS):
                raise ValueError(f"{name} must be one of {', '.join(map(str, WIDTHS))}, got {bits}")
        if self.end_bits is not None and self.weight_bits is None:
            raise ValueError(f"end_bits must come with weight_bits, got {self.end_bits} alone")
        for name, least in (("batch", 2), ("every", 1), ("seed", 0), ("limit", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, got {getattr(self, name)}")
        if not 0 < self.rate < float("inf"):
            raise ValueError(f"rate must be a number above 0, got {self.rate}")
        if not 0 <= self.momentum < 1:
            raise ValueError(f"momentum must be from 0 to below 1, got {self.momentum}")
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
