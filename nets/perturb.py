"""Perturbed inputs: noise and occlusions, by texts such as ``awgn:0.3,vertical:4``.

A comma separates inputs, a plus sign composes one input: ``awgn:0.3+vertical:4`` is noise, then
streaks on top of it.

All of them act on a crop, red, green and blue scaled to 0..1, after resizing and cropping and
before the normalization with mean and standard deviation; the crop is not clamped afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
import numpy.typing as npt

from . import noise, streaks
from .seeding import generator
from .streaks import Box

__all__ = [
    "PERTURBATIONS",
    "Composition",
    "Perturbation",
    "parse",
    "parse_box",
]

Crop = npt.NDArray[np.float32]

_PLUS = re.compile(r"\+(?!\d)")  # not that of 1e+3 or awgn:+1


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

    @property
    def parts(self) -> tuple[Perturbation, ...]:
        """The perturbations applied one after another: this one."""
        return (self,)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of the parts."""
        return tuple(part.kind for part in self.parts)

    def apply(
        self,
        crop: Crop,
        seed: int = 0,
        box: Box | None = None,
        *,
        image: int | None = None,
        draw: int = 0,
    ) -> Crop:
        """Return the perturbed crop.

        Random numbers depend on the seed, the image, the draw, the kind and the level only.

        Parameters
        ----------
        crop : ndarray of shape (H, W, 3), float32
            In 0..1; not changed.
        seed : int
            At least 0.
        box : tuple (x0, y0, x1, y1), optional
            Of the streaks, in pixels, x1 and y1 excluded; the whole crop by default. Noise covers
            the whole crop.
        image : int, optional
            Index of the image in its data set, 0 to 2**32 - 2: each has random numbers of its own,
            independent of those of other images, of other seeds and of no index.
        draw : int
            Tells apart several independent draws for one image, 0 to 2**32 - 1.

        Returns
        -------
        ndarray of the crop's shape, float32

        Raises
        ------
        ValueError
            If the seed, the image or the draw is out of range, the box does not lie within the crop
            or the streaks do not fit.
        """
        return self._perturbed(crop[None], [image], seed, [box], draw)[0]

    def apply_batch(
        self,
        crops: Crop,
        images: Sequence[int] | npt.NDArray[np.integer],
        seed: int = 0,
        boxes: Sequence[Box | None] | npt.NDArray[np.integer] | None = None,
        *,
        draw: int = 0,
    ) -> Crop:
        """Several perturbed crops, the bytes that `apply` gives for each.

        Parameters
        ----------
        crops : ndarray of shape (N, H, W, 3), float32
            In 0..1; not changed.
        images : sequence of N int
            Their indices in the data set.
        seed : int
        boxes : sequence of N tuples or ndarray of shape (N, 4), optional
            One each.
        draw : int

        Returns
        -------
        ndarray of the crops' shape, float32

        Raises
        ------
        ValueError
            As `apply`, and if there is not one index and one box for each crop.
        """
        places = [None] * len(crops) if boxes is None else [_box(box) for box in boxes]
        for what, found in (("images", len(images)), ("boxes", len(places))):
            if found != len(crops):
                raise ValueError(f"{what} must be one for each of {len(crops)} crops, got {found}")
        return self._perturbed(crops, [int(image) for image in images], seed, places, draw)

    def _perturbed(
        self,
        crops: Crop,
        images: Sequence[int | None],
        seed: int,
        boxes: Sequence[Box | None],
        draw: int,
    ) -> Crop:
        for index, part in enumerate(self.parts):
            repeat = self.parts[:index].count(part)
            rngs = [
                generator(part.kind, part.level, seed, (image, draw, repeat)) for image in images
            ]
            crops = _apply(part, crops, rngs, boxes)
        return crops

    def deviation(
        self,
        crop: Crop,
        seed: int = 0,
        box: Box | None = None,
        *,
        image: int | None = None,
        draw: int = 0,
    ) -> float:
        """Return the standard deviation over all pixels of what `apply` changes, in crop units."""
        return float(np.std(self.apply(crop, seed, box, image=image, draw=draw) - crop))


@dataclass(frozen=True, init=False)
class Composition(Perturbation):
    """Several perturbations of one input, applied from left to right.

    Each part draws what it draws alone, so that ``awgn:0.3+vertical:4`` has the noise of
    ``awgn:0.3``; a part that is there a second time draws anew. `kind` is the parts' kinds with
    ``+`` between, `level` that of the first part.

    Parameters
    ----------
    parts : sequence of Perturbation
        At least two.

    Raises
    ------
    ValueError
        If there are fewer.
    """

    sequence: tuple[Perturbation, ...]

    def __init__(self, parts: Sequence[Perturbation]) -> None:
        if len(parts) < 2:
            raise ValueError(f"composition must be of at least 2 perturbations, got {len(parts)}")
        flat = tuple(part for composed in parts for part in composed.parts)
        object.__setattr__(self, "kind", "+".join(part.kind for part in flat))
        object.__setattr__(self, "level", flat[0].level)
        object.__setattr__(self, "sequence", flat)

    def __str__(self) -> str:
        return "+".join(str(part) for part in self.sequence)

    @property
    def parts(self) -> tuple[Perturbation, ...]:
        """The perturbations in the order in which they are applied."""
        return self.sequence


def _apply(
    part: Perturbation,
    crops: Crop,
    rngs: Sequence[np.random.Generator],
    boxes: Sequence[Box | None],
) -> Crop:
    shape = (crops.shape[1], crops.shape[2], crops.shape[3])
    if part.kind == "awgn":
        return crops + noise.white_batch(shape, part.level, rngs)
    if part.kind.startswith("brownian"):
        literal = part.kind == "brownian-literal"
        return crops + noise.brownian_batch(shape, part.level, rngs, literal=literal)
    vertical = part.kind == "vertical"
    return streaks.occlude_batch(crops, int(part.level), rngs, boxes, vertical=vertical)


def _box(box: Sequence[int] | npt.NDArray[np.integer] | None) -> Box | None:
    if box is None:
        return None
    x0, y0, x1, y1 = (int(side) for side in box)
    return x0, y0, x1, y1


def parse(text: str) -> list[Perturbation]:
    """Perturbations from a comma-separated list of ``kind:level``, composed with ``+``.

    Raises
    ------
    ValueError
        If an item is malformed, unknown or out of range.

    Examples
    --------
    >>> [str(perturbation) for perturbation in parse("awgn:0.30+vertical:4,brownian:40")]
    ['awgn:0.3+vertical:4', 'brownian:40']
    """
    return [_item(item) for item in text.split(",")]


def _item(text: str) -> Perturbation:
    parts = [_part(part) for part in _PLUS.split(text)]
    return parts[0] if len(parts) == 1 else Composition(parts)


def _part(text: str) -> Perturbation:
    kind, _, level = text.strip().partition(":")
    try:
        number = float(level)
    except ValueError:
        if kind in PERTURBATIONS:
            raise ValueError(
                f"perturbation must be kind:level with a number, as awgn:0.3, got {text!r}"
            ) from None
        number = 1.0  # the unknown kind is reported
    return Perturbation(kind, number)


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
