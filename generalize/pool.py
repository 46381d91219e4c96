"""The pool of networks: NiN over five hyperparameters, as in QGen's appendix B.3.

The full pool has 3**5 settings for each precision, with QGen's values. The small one, for the
built-in digits, has two values each and the half of the 2**5 settings whose number of second values
is even: each pair of hyperparameters is balanced.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

__all__ = ["BITS", "FLOAT", "POOLS", "Member", "members", "precision", "settings"]

FLOAT = 32
BITS = (FLOAT, 8, 4, 2)
POOLS = ("tiny", "small", "full")

_Levels = dict[str, Sequence[object]]
_SMALL_RATES = {"sgd": (0.1, 0.05), "adam": (0.01, 0.005), "rmsprop": (0.002, 0.001)}
_FULL_RATES = {
    "sgd": (0.1, 0.05, 0.01),
    "adam": (0.001, 0.0005, 0.0001),
    "rmsprop": (0.001, 0.0005, 0.0001),
}
_DEEP = "cifar100"  # the data with networks deeper by one


@dataclass(frozen=True)
class Member:
    """A network of the pool.

    Parameters
    ----------
    optimizer : str
    rate, decay : float
        First learning rate, and weight decay.
    width, depth : int
        Of NiN.
    bits : int
        Of the weights; 32 for floating point.
    """

    optimizer: str
    rate: float
    decay: float
    width: int
    depth: int
    bits: int = FLOAT

    @property
    def setting(self) -> str:
        """The hyperparameters, the same for all precisions."""
        size = f"{self.depth}x{self.width}"
        return f"nin-{size}-{self.optimizer}-{self.rate:g}-{self.decay:g}"

    @property
    def name(self) -> str:
        """Unique name, also of files.

        Examples
        --------
        >>> Member("sgd", 0.1, 1e-4, 10, 4, 8).name
        'nin-4x10-sgd-0.1-0.0001-w8'
        """
        return f"{self.setting}-w{self.bits}"


def precision(bits: int) -> str:
    """Name of a precision.

    Examples
    --------
    >>> [precision(bits) for bits in BITS]
    ['FP32', 'W8', 'W4', 'W2']
    """
    return "FP32" if bits == FLOAT else f"W{bits}"


def settings(pool: str, data: str) -> list[Member]:
    """Return the pool's settings, in floating point.

    Parameters
    ----------
    pool : str
        One of `POOLS`.
    data : str
        Kind of data set: CIFAR-100's networks are deeper in the full pool.

    Examples
    --------
    >>> [len(settings(pool, "digits")) for pool in POOLS]
    [2, 16, 243]
    """
    if pool == "full":
        depths = (3, 4, 5) if data.startswith(_DEEP) else (2, 3, 4)
        choices = product(_FULL_RATES, range(3), (0.0, 1e-4, 2e-4), (8, 10, 12), depths)
        return [
            Member(optimizer, _FULL_RATES[optimizer][rate], decay, width, depth)
            for optimizer, rate, decay, width, depth in choices
        ]
    found = []
    for places in product(range(2), repeat=5):
        if sum(places) % 2 == 0:
            first, rate, decay, width, depth = places
            optimizer = ("sgd", "adam")[first]
            rates = _SMALL_RATES[optimizer]
            found.append(
                Member(optimizer, rates[rate], (1e-4, 0.0)[decay], (1, 2)[width], (2, 3)[depth])
            )
    return found[:: len(found) // 2] if pool == "tiny" else found


def members(pool: str, data: str, bits: Sequence[int] = BITS) -> list[Member]:
    """Return all networks of a pool: each setting at each precision."""
    return [
        Member(one.optimizer, one.rate, one.decay, one.width, one.depth, width)
        for one in settings(pool, data)
        for width in bits
    ]
