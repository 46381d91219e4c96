"""What a network of several inputs is fed: each as a network of that input alone would be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ..nets.input_shapes import said
from .arrays import Array, is_array, read_inputs
from .feeding import Feed, Floats, feed, takes_images
from .input_files import files_of
from .inputs import MOST, Inputs
from .results import CLEAN

__all__ = ["Feeds", "feed_all"]

Shape = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Feeds:
    """Inputs of a run of a network of several; fields as in `Feed`, with an array for each input.

    Parameters
    ----------
    inputs : dict of str to tuple of ndarray of shape (N, ...)
    calibration : list of tuple of ndarray of shape (1, ...), float32
    source : str
        What each input is, in order.
    described : dict of str to str
    """

    inputs: dict[str, tuple[Array, ...]]
    calibration: list[tuple[Floats, ...]]
    source: str
    described: dict[str, str] = field(default_factory=dict)


def feed_all(
    asked: Inputs, shapes: Sequence[Shape], names: Sequence[str], network: str
) -> Feed | Feeds:
    """Return the inputs of a run of a user's own network.

    Perturbations change every input that is an image, each with a seed of its own. Where nothing is
    given, images are different photographs, and other inputs random numbers of different seeds.

    Parameters
    ----------
    asked : Inputs
        Options that `check_inputs` has accepted.
    shapes : sequence of tuple of int
        PyTorch's shape of each input, without N.
    names : sequence of str
        The network's names of its inputs, empty if it has none.
    network : str
        Name for error messages.

    Returns
    -------
    Feed, or Feeds
        Feeds for a network of several inputs.

    Raises
    ------
    ValueError
        If there is not one file for each input, a file does not fit its shape, files hold
        different numbers of inputs, or an option needs images.
    """
    files = files_of(asked.inputs, asked.input_names, names, len(shapes), network)
    calibration = _calibration(asked, len(shapes), network)
    if len(shapes) == 1:
        return feed(replace(asked, input=files[0], input_names=()), shapes[0], network)
    if asked.image:
        raise ValueError(
            f"image must be left out for {network}, which has {len(shapes)} inputs, as --input "
            f"takes images, too; got {asked.image}"
        )
    names = names[: len(shapes)] or [str(number + 1) for number in range(len(shapes))]
    singles = [_single(asked, *each) for each in zip(shapes, files, calibration, strict=True)]
    images = [takes_images(one, shape) for one, shape in zip(singles, shapes, strict=True)]
    _check_images(asked, images, shapes, network)
    batch = _batch(asked, singles, shapes, names, network)
    feeds = []
    for k, (one, shape) in enumerate(zip(singles, shapes, strict=True)):
        kept = one if images[k] else replace(one, perturb="", bbox="", mean=(), std=(), resize=())
        owner = f"input {names[k]} of {network}"
        feeds.append(feed(replace(kept, batch=batch), shape, owner, position=k))
    return _joined(feeds, singles, network)


def _single(asked: Inputs, shape: Shape, file: Path | None, calibration: Path | None) -> Inputs:
    """Return the options for one input."""
    return replace(
        asked, input=file, calibration=calibration, input_shape=shape, input_names=(),
        further_inputs=(), further_shapes=(), further_calibrations=(),
    )  # fmt: skip


def _calibration(asked: Inputs, count: int, network: str) -> list[Path | None]:
    given = asked.calibrations
    if given and len(given) != count:
        raise ValueError(
            f"calibration must be left out for {network}, or be given once for each input, so "
            f"{count}, got {len(given)}: {', '.join(map(str, given))}"
        )
    return list(given) or [None] * count


def _check_images(
    asked: Inputs, images: Sequence[bool], shapes: Sequence[Shape], network: str
) -> None:
    """Reject options that need an image, where no input is one."""
    if any(images):
        return
    for name in ("perturb", "mean", "std", "resize"):
        if getattr(asked, name):
            raise ValueError(
                f"{name} needs an image, got inputs of {' and '.join(map(said, shapes))} for "
                f"{network} that are none"
            )


def _batch(
    asked: Inputs,
    singles: Sequence[Inputs],
    shapes: Sequence[Shape],
    names: Sequence[str],
    network: str,
) -> int:
    """Return the number of images at a time: that of the arrays, which must agree, or the asked."""
    found: dict[str, int] = {}
    for one, shape, name in zip(singles, shapes, names, strict=True):
        if one.input and is_array(one.input):
            owner = f"input {name} of {network}"
            found[name] = len(read_inputs(one.input, shape, MOST["input"], "input", owner))
    if len(set(found.values())) > 1:
        counts = " and ".join(f"{count} of {name}" for name, count in found.items())
        raise ValueError(f"inputs of {network} must be equally many, got {counts}")
    batch = next(iter(found.values()), asked.batch)
    if asked.batch not in (1, batch):
        raise ValueError(
            f"batch must be left out with input, or be {batch}, the inputs in the files, "
            f"got {asked.batch}"
        )
    return batch


def _joined(feeds: Sequence[Feed], singles: Sequence[Inputs], network: str) -> Feeds:
    """Return one feed of tuples."""
    names = dict.fromkeys(name for each in feeds for name in each.inputs)
    inputs = {
        name: tuple(each.inputs.get(name, each.inputs[CLEAN]) for each in feeds) for name in names
    }
    lists = [each.calibration for each in feeds]
    rows = [each for each in lists if each is not None]
    given = [
        len(row)
        for row, one, clean in zip(rows, singles, inputs[CLEAN], strict=True)
        if one.calibration or (one.input and is_array(one.input) and clean.dtype == np.float32)
    ]
    if len(set(given)) > 1:
        raise ValueError(
            f"calibration inputs of {network} must be equally many, "
            f"got {' and '.join(map(str, given))}"
        )
    count = given[0] if given else max(map(len, rows))
    calibration = [tuple(row[index % len(row)] for row in rows) for index in range(count)]
    keys = dict.fromkeys(key for each in feeds for key in each.described)
    described = {
        key: "; ".join(dict.fromkeys(f.described[key] for f in feeds if key in f.described))
        for key in keys
    }
    described["shape"] = "; ".join(each.described["shape"] for each in feeds)
    return Feeds(inputs, calibration, ", ".join(each.source for each in feeds), described)
