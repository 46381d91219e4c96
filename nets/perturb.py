"""Perturbations: noise, occlusions, corruptions, from texts such as ``awgn:0.3,vertical:4,fog:3``.

A comma separates inputs; a plus sign composes perturbations of one input: ``awgn:0.3+vertical:4``
is noise, then streaks on top of it.

All act on an RGB crop scaled to 0..1, after resizing and cropping and before normalization with
mean and standard deviation. Noise and occlusions do not clamp the crop; corruptions (see
`corruptions`) round it to 8 bits first, and end in 8 bits.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
import numpy.typing as npt

from . import noise, streaks
from .corruptions.tables import KINDS as CORRUPTIONS
from .seeding import generator
from .streaks import Box

__all__ = [
    "ADVERSARIAL",
    "PERTURBATIONS",
    "Composition",
    "Perturbation",
    "parse",
    "parse_box",
]

Crop = npt.NDArray[np.float32]

_PLUS = re.compile(r"\+(?!\d)")  # except in numbers, as 1e+3 or awgn:+1


@dataclass(frozen=True)
class _Kind:
    """Valid levels of a perturbation: above `low` (or from `low`, if integers) up to `high`."""

    high: float
    what: str
    whole: bool = False


ADVERSARIAL = ("fgsm", "pgd")  # need the network: `adversarial.attack` applies them
PERTURBATIONS = {
    "awgn": _Kind(10, "standard deviation"),
    "brownian": _Kind(1000, "standard deviation"),
    "brownian-literal": _Kind(1000, "standard deviation"),
    "vertical": _Kind(50, "number of streaks", whole=True),
    "horizontal": _Kind(50, "number of streaks", whole=True),
    **{kind: _Kind(5, "severity", whole=True) for kind in CORRUPTIONS},
    **{kind: _Kind(1, "largest change") for kind in ADVERSARIAL},
}


def _digits(level: float) -> str:
    """Format a level with all digits, so that names are unique."""
    return repr(float(level)).removesuffix(".0")


@dataclass(frozen=True)
class Perturbation:
    """One perturbation at one level.

    Parameters
    ----------
    kind : str
        One of `PERTURBATIONS`.
    level : float
        Standard deviation (white noise: in crop units, above 0 and up to 10; Brownian: of the white
        noise before spectral shaping, up to 1000), the number of streaks, 1 to 50, a
        corruption's severity, 1 to 5, or an attack's largest change, in crop units, up to 1.

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
        """The perturbations applied in sequence: only this one."""
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

        Random numbers depend only on seed, image, draw, kind and level.

        Parameters
        ----------
        crop : ndarray of shape (H, W, 3), float32
            In 0..1; not modified.
            seed : int
                At least 0.
        box : tuple (x0, y0, x1, y1), optional
            Bounding box of the streaks, in pixels, x1 and y1 exclusive; the whole crop by default.
            All others always cover the whole crop.
        image : int, optional
            Index of the image in its data set, 0 to 2**32 - 2. Random numbers of different images,
            seeds, or with and without an index are independent.
        draw : int
            Number of the independent draw for this image, 0 to 2**32 - 1.

        Returns
        -------
        ndarray of the crop's shape, float32

        Raises
        ------
        ValueError
            If the seed, the image or the draw is out of range, the box exceeds the crop, the
            streaks do not fit, or the perturbation needs a network.
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
        """Perturb several crops, with results identical to `apply` on each.

        Parameters
        ----------
        crops : ndarray of shape (N, H, W, 3), float32
            In 0..1; not changed.
        images : sequence of N int
            Indices in the data set.
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
            As `apply`, and if the numbers of crops, indices and boxes differ.
        """
        places = [None] * len(crops) if boxes is None else [_box(box) for box in boxes]
        for what, found in (("images", len(images)), ("boxes", len(places))):
            if found != len(crops):
                raise ValueError(f"{what} must be one for each of {len(crops)} crops, got {found}")
        return self._perturbed(crops, [int(image) for image in images], seed, places, draw)

    @property
    def adversarial(self) -> bool:
        """Whether it needs the network: `adversarial.attack` applies it."""
        return self.kind in ADVERSARIAL

    def _perturbed(
        self,
        crops: Crop,
        images: Sequence[int | None],
        seed: int,
        boxes: Sequence[Box | None],
        draw: int,
    ) -> Crop:
        if self.adversarial:
            raise ValueError(
                f"{self.kind} needs a trained network and labels: maccord study and maccord "
                "generalize have them"
            )
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
        """Return the standard deviation over all pixels of the change by `apply`, in crop units."""
        return float(np.std(self.apply(crop, seed, box, image=image, draw=draw) - crop))


@dataclass(frozen=True, init=False)
class Composition(Perturbation):
    """Several perturbations of one input, applied from left to right.

    Each part draws the same random numbers as alone, so ``awgn:0.3+vertical:4`` has the noise of
    ``awgn:0.3``; a repeated part draws new ones. `kind` is the parts' kinds joined by ``+``,
    `level` that of the first part.

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
        for part in flat:
            if part.adversarial:
                raise ValueError(f"{part} must stand alone, got it in a composition")
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
    if part.kind in CORRUPTIONS:
        from .corruptions.apply import corrupt  # slow import

        return corrupt(crops, part.kind, int(part.level), rngs)
    vertical = part.kind == "vertical"
    return streaks.occlude_batch(crops, int(part.level), rngs, boxes, vertical=vertical)


def _box(box: Sequence[int] | npt.NDArray[np.integer] | None) -> Box | None:
    if box is None:
        return None
    x0, y0, x1, y1 = (int(side) for side in box)
    return x0, y0, x1, y1


def parse(text: str) -> list[Perturbation]:
    """Parse a comma-separated list of ``kind:level``, composed with ``+``.

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
        number = 1.0  # the error reports the unknown kind
    return Perturbation(kind, number)


def parse_box(text: str) -> Box:
    """Parse a bounding box ``x0,y0,x1,y1``, in pixels of the crop, x1 and y1 exclusive.

    Raises
    ------
    ValueError
        If it is not four integers with x0 < x1 and y0 < y1.
    """
    try:
        x0, y0, x1, y1 = (int(part) for part in text.split(","))
    except ValueError:
        raise ValueError(f"bbox must be four whole numbers x0,y0,x1,y1, got {text!r}") from None
    streaks.check_box((x0, y0, x1, y1))
    return x0, y0, x1, y1
