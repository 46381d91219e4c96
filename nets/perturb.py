"""Perturbed inputs: noise and occlusions, by texts such as ``awgn:0.3,vertical:4``.

All of them act on a crop, red, green and blue scaled to 0..1, after resizing and cropping and
before the normalization with mean and standard deviation; the crop is not clamped afterwards.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
import numpy.typing as npt

from . import noise, streaks
from .streaks import Box

__all__ = ["PERTURBATIONS", "Perturbation", "parse", "parse_box"]

Crop = npt.NDArray[np.float32]


@dataclass(frozen=True)
class _Kind:
    """Legal levels of a perturbation: numbers above `low` (or from it on, if whole) to `high`."""

    high: float
    what: str
    whole: bool = False


PERTURBATIONS = {
    "awgn": _Kind(10, "standard deviation"),
    "brownian": _Kind(1000, "standard deviation"),
    "brownian-literal": _Kind(1000, "standard deviation"),
    "vertical": _Kind(50, "number of streaks", whole=True),
    "horizontal": _Kind(50, "number of streaks", whole=True),
}


def _digits(level: float) -> str:
    """All digits of a level, so that two levels never have one name."""
    return repr(float(level)).removesuffix(".0")


@dataclass(frozen=True)
class Perturbation:
    """One perturbation at one level.

    Parameters
    ----------
    kind : str
        Of `PERTURBATIONS`.
    level : float
        Standard deviation (white noise: in units of the crop, above 0 and up to 10; Brownian: of
        the white noise before its spectrum is shaped, up to 1000), or the number of streaks, 1 to
        50.

    Raises
    ------
    ValueError
        If the kind is unknown or the level out of range.
    """

    kind: str
    level: float

    def __post_init__(self) -> None:
        kind = PERTURBATIONS.get(self.kind)
        if kind is None:
            near = get_close_matches(self.kind, PERTURBATIONS, 1, cutoff=0.3)
            hint = f" (nearest: {near[0]})" if near else ""
            raise ValueError(
                f"perturbation must be one of {', '.join(PERTURBATIONS)}, got {self.kind!r}{hint}"
            )
        if kind.whole and not (1 <= self.level <= kind.high and self.level == int(self.level)):
            raise ValueError(
                f"{self.kind}'s {kind.what} must be a whole number between 1 and {kind.high:g}, "
                f"got {_digits(self.level)}"
            )
        if not 0 < self.level <= kind.high:
            raise ValueError(
                f"{self.kind}'s {kind.what} must be above 0 and at most {kind.high:g}, "
                f"got {_digits(self.level)}"
            )

    def __str__(self) -> str:
        return f"{self.kind}:{_digits(self.level)}"

    def rng(self, seed: int) -> np.random.Generator:
        """Random numbers that depend on the seed, the kind and the level only."""
        if seed < 0:
            raise ValueError(f"seed must be at least 0, got {seed}")
        level = int(np.float64(self.level).view(np.uint64))
        return np.random.default_rng([seed, zlib.crc32(self.kind.encode()), level])

    def apply(self, crop: Crop, seed: int = 0, box: Box | None = None) -> Crop:
        """The perturbed crop.

        Parameters
        ----------
        crop : ndarray of shape (H, W, 3), float32
            In 0..1; not changed.
        seed : int
            At least 0.
        box : tuple (x0, y0, x1, y1), optional
            Of the streaks, in pixels, x1 and y1 excluded; the whole crop by default. Noise covers
            the whole crop.

        Returns
        -------
        ndarray of the crop's shape, float32

        Raises
        ------
        ValueError
            If the box does not lie within the crop or the streaks do not fit.
        """
        rng = self.rng(seed)
        if self.kind == "awgn":
            return crop + noise.white(crop.shape, self.level, rng)
        if self.kind.startswith("brownian"):
            return crop + noise.brownian(
                crop.shape, self.level, rng, literal=self.kind == "brownian-literal"
            )
        return streaks.occlude(crop, int(self.level), rng, box, vertical=self.kind == "vertical")

    def deviation(self, crop: Crop, seed: int = 0, box: Box | None = None) -> float:
        """Standard deviation over all pixels of what `apply` changes, in units of the crop."""
        return float(np.std(self.apply(crop, seed, box) - crop))


def parse(text: str) -> list[Perturbation]:
    """Perturbations from a comma-separated list of ``kind:level``.

    Raises
    ------
    ValueError
        If an item is malformed, unknown or out of range.

    Examples
    --------
    >>> [str(perturbation) for perturbation in parse("awgn:0.30,vertical:4")]
    ['awgn:0.3', 'vertical:4']
    """
    perturbations = []
    for item in text.split(","):
        kind, _, level = item.strip().partition(":")
        try:
            number = float(level)
        except ValueError:
            if kind in PERTURBATIONS:
                raise ValueError(
                    f"perturbation must be kind:level with a number, as awgn:0.3, got {item!r}"
                ) from None
            number = 1.0  # the unknown kind is reported
        perturbations.append(Perturbation(kind, number))
    return perturbations


def parse_box(text: str) -> Box:
    """Bounding box from ``x0,y0,x1,y1``, in pixels of the crop, x1 and y1 excluded.

    Raises
    ------
    ValueError
        If it is not four whole numbers with x0 < x1 and y0 < y1.
    """
    try:
        x0, y0, x1, y1 = (int(part) for part in text.split(","))
    except ValueError:
        raise ValueError(f"bbox must be four whole numbers x0,y0,x1,y1, got {text!r}") from None
    streaks.check_box((x0, y0, x1, y1))
    return x0, y0, x1, y1
