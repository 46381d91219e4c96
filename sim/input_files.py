"""Files for the inputs of a network, by order or by name: ``a.npy``, ``left=a.npy``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

__all__ = ["files_of", "split_name"]


def split_name(text: str) -> tuple[str, Path]:
    """Split ``NAME=FILE``; the name is empty if there is none.

    Examples
    --------
    >>> split_name("left=a.npy"), split_name("a.npy")
    (('left', PosixPath('a.npy')), ('', PosixPath('a.npy')))
    """
    name, equals, path = text.partition("=")
    if not equals or not name.isidentifier() or Path(text).is_file():
        return "", Path(text)
    return name, Path(path)


def files_of(
    paths: Sequence[Path], names: Sequence[str], known: Sequence[str], count: int, network: str
) -> list[Path | None]:
    """Return the file of each input, in the network's order; None for all if none is given.

    Parameters
    ----------
    paths : sequence of Path
    names : sequence of str
        Of the input that each path is for, empty where it is given by order.
    known : sequence of str
        The network's own names of its inputs; may be more than there are, or empty.
    count : int
        Inputs of the network.
    network : str
        Name for error messages.

    Raises
    ------
    ValueError
        Unless there is one file for each input.
    """
    if not paths:
        return [None] * count
    known = known[:count]
    given = [f"{n}={path}" if n else str(path) for n, path in zip(names, paths, strict=True)]
    for name, text in zip(names, given, strict=True):
        if name and name not in known:
            wanted = f"one of {', '.join(known)}" if known else "left out, as inputs have no names"
            raise ValueError(f"name of input of {network} must be {wanted}, got {text}")
        if names.count(name) > 1 and name:
            raise ValueError(f"input {name} of {network} must be given once, got {text} again")
    if any(names) and not all(names):
        raise ValueError(f"input must be named for all files or none, got {', '.join(given)}")
    if len(paths) != count:
        each = f", once for each of {', '.join(known)}" if count > 1 and known else ""
        times = "once" if count == 1 else f"{count} times"
        raise ValueError(
            f"input must be given {times} for {network}{each}, got {len(paths)}: {', '.join(given)}"
        )
    if not any(names):
        return list(paths)
    by_name = dict(zip(names, paths, strict=True))
    return [by_name[name] for name in known]
