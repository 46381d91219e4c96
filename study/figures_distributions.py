"""Figures 2.2 and 2.3 of Langille 2024: a convolution's weights and activations, as densities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.stats import gaussian_kde

from .figures_style import COLOURS, new_figure, png, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Distribution", "density", "distributions"]

_POINTS = 512
_VALUES = 20_000  # sufficient for a density; more are slow


@dataclass(frozen=True, eq=False)
class Distribution:
    """A convolution's float and quantized values; arrays of any shape.

    Parameters
    ----------
    layer : str
    weights, activations : ndarray, floating point
    weight_codes : ndarray, int8
    activation_codes : ndarray, uint8
    """

    layer: str
    weights: npt.NDArray[np.floating]
    activations: npt.NDArray[np.floating]
    weight_codes: npt.NDArray[np.int8]
    activation_codes: npt.NDArray[np.uint8]


def density(
    values: npt.NDArray[np.generic],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Gaussian kernel density estimate, bandwidth by Scott's rule, of up to 20,000 values.

    Larger arrays are subsampled evenly.

    Parameters
    ----------
    values : ndarray
        With at least two different values.

    Returns
    -------
    points, estimate : ndarray of shape (512,), float64

    Raises
    ------
    ValueError
        If all values are equal.
    """
    flat = values.reshape(-1).astype(np.float64)
    flat = flat[:: max(1, -(-flat.size // _VALUES))]
    if flat.size < 2 or flat.min() == flat.max():
        raise ValueError(f"values must be at least two different numbers, got {flat[:2]}")
    estimate = gaussian_kde(flat)
    margin = 3 * float(np.sqrt(estimate.covariance[0, 0]))
    points = np.linspace(flat.min() - margin, flat.max() + margin, _POINTS)
    return points, estimate(points)


def distributions(values: Distribution, *, quantized: bool) -> bytes:
    """Plot figure 2.2 or, if `quantized`, figure 2.3; return PNG."""
    if quantized:
        panels = {"weight codes": values.weight_codes, "activation codes": values.activation_codes}
    else:
        panels = {"weights": values.weights, "activations": values.activations}
    with style():
        figure = new_figure(8, 3.4)
        grid = figure.subplots(1, 2)
        for axes, (name, array) in zip(grid, panels.items(), strict=True):
            _panel(axes, array, COLOURS["int8" if quantized else "frozen"])
            axes.set_title(name)
            axes.set_xlabel("code" if quantized else "value")
        grid[0].set_ylabel("density")
        figure.suptitle(values.layer, fontsize=10)
        return png(figure)


def _panel(axes: Axes, array: npt.NDArray[np.generic], colour: str) -> None:
    points, estimate = density(array)
    axes.plot(points, estimate, color=colour)
    axes.fill_between(points, estimate, color=colour, alpha=0.15, linewidth=0)
    axes.set_ylim(bottom=0)
    numbers = array.reshape(-1).astype(np.float64)
    text = f"mean {numbers.mean():.3g}\nst. dev. {numbers.std():.3g}\n{numbers.size:,} values"
    axes.text(0.98, 0.97, text, transform=axes.transAxes, ha="right", va="top", fontsize=8)
