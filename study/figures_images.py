"""Figure 2.4 of Langille 2024: examples of the perturbations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .figures_style import new_figure, png, style
from .rows import CLEAN, level_text
from .tables import NAMES

__all__ = ["Demonstration", "demonstrations"]


@dataclass(frozen=True, eq=False)
class Demonstration:
    """A perturbed crop.

    Parameters
    ----------
    perturbation : str
    level : float
    crop : ndarray of shape (H, W, 3), float32
        Shown clamped to 0..1, otherwise unchanged.
    """

    perturbation: str
    level: float
    crop: npt.NDArray[np.float32]


def demonstrations(shown: Sequence[Demonstration]) -> bytes:
    """Plot the crops, one row per perturbation, beginning with the clean crop.

    Parameters
    ----------
    shown : sequence of Demonstration
        At least one; rows and columns in the order given.

    Returns
    -------
    bytes
        PNG.
    """
    clean = [each for each in shown if each.perturbation == CLEAN]
    rows: dict[str, list[Demonstration]] = {}
    for each in shown:
        if each.perturbation != CLEAN:
            rows.setdefault(each.perturbation, [*clean]).append(each)
    rows = rows or {CLEAN: clean}
    columns = max(map(len, rows.values()))
    with style():
        figure = new_figure(0.8 + 1.35 * columns, 0.2 + 1.55 * len(rows))
        grid = figure.subplots(len(rows), columns, squeeze=False)
        for axes in grid.flat:
            axes.set_axis_off()
        for line, own in zip(grid, rows.values(), strict=True):
            for axes, each in zip(line, own, strict=False):
                axes.imshow(np.clip(each.crop, 0, 1), interpolation="nearest")
                label = NAMES.get(each.perturbation, each.perturbation)
                level = "" if each.perturbation == CLEAN else level_text(each.level)
                axes.set_title(f"{label}\n{level}", fontsize=7)
        return png(figure)
