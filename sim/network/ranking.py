"""The most likely classes of an image, and their names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

__all__ = ["BEST", "Ranked", "check_classes", "ranking", "read_classes"]

BEST = 5


@dataclass(frozen=True)
class Ranked:
    """A class.

    Parameters
    ----------
    index : int
        Index of the output.
    logit : float
    name : str
        Empty if no names are known.
    """

    index: int
    logit: float
    name: str = ""

    def __str__(self) -> str:
        return f"{self.index} ({self.name})" if self.name else str(self.index)


def ranking(logits: npt.NDArray[np.float32], names: tuple[str, ...] = ()) -> tuple[Ranked, ...]:
    """Return the `BEST` classes of an image, most likely first; ties by index.

    Parameters
    ----------
    logits : ndarray of shape (classes,), float32
    names : tuple of str
        Names of all classes; empty if unknown.

    Examples
    --------
    >>> [str(ranked) for ranked in ranking(np.float32([1, 3, 3]), ("cat", "dog", "cow"))]
    ['1 (dog)', '2 (cow)', '0 (cat)']
    """
    order = np.argsort(-logits, kind="stable")[:BEST]
    return tuple(Ranked(int(i), float(logits[i]), names[i] if names else "") for i in order)


def read_classes(path: Path) -> tuple[str, ...]:
    """Read class names, one per line, in output order.

    Raises
    ------
    ValueError
        If the file is not text, or a line is empty.
    """
    wanted = f"classes must be a text file with one name a line, got {path}"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ValueError(f"{wanted}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{wanted}: not a text in UTF-8") from None
    names = tuple(line.strip() for line in lines)
    if not all(names) or not names:
        raise ValueError(f"{wanted}: line {names.index('') + 1 if names else 1} is empty")
    return names


def check_classes(names: Sequence[str], network: str, outputs: int) -> None:
    """Reject class names whose number differs from a network's outputs.

    Raises
    ------
    ValueError
    """
    if names and len(names) != outputs:
        raise ValueError(
            f"classes must have a line for each of the {outputs} outputs of {network}, "
            f"got {len(names)}"
        )
