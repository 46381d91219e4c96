"""What a training on the user's data depends on, and what its log says."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Epoch", "Settings"]


@dataclass(frozen=True)
class Settings:
    """What a training depends on, apart from network and data.

    Parameters
    ----------
    batch : int
        Images per step. An epoch's last images that do not fill one are left out.
    rate : float
        Learning rate of the first epoch.
    momentum : float
    every : int
        Epochs after which the learning rate falls.
    factor : float
        By which it falls.
    seed : int
        Of what is drawn: order, dropout, layers without weights from a file.
    limit : int
        Images of each split, evenly spread; 0 for all.

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

    def __post_init__(self) -> None:
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
        Means over the training images, each as the network was when it saw them.
    test_accuracy : float
        After the epoch.
    """

    epoch: int
    rate: float
    loss: float
    accuracy: float
    test_accuracy: float
