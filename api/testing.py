"""For the tests of users: one assertion that a network of theirs is the same in RTL."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from torch import nn

from ..spec.parameters import Parameters
from .networks import quantize
from .simulation import Simulation, simulate

__all__ = ["assert_equal_in_rtl"]

_SMALL = Parameters(rows=4, cols=4, axi_bytes=8)  # builds in half the time of 16 x 16


def assert_equal_in_rtl(
    model: nn.Module, images: npt.NDArray[np.float32], parameters: Parameters | None = None
) -> Simulation:
    """Quantize a network, run it in RTL, and compare every tensor with NumPy's and PyTorch's.

    The first test on an accelerator builds its model, a minute or so; it is then cached.

    Parameters
    ----------
    model : Module
        In evaluation mode, one that ``torch.fx`` can trace.
    images : ndarray of shape (N, 3, H, W), float32
        Normalized; all of them set the quantization ranges and run as one batch.
    parameters : Parameters, optional
        Of the accelerator; a 4 x 4 array by default.

    Returns
    -------
    Simulation
        For more assertions, as on its `cycles`.

    Raises
    ------
    AssertionError
        If a byte differs, saying which.
    ValueError
        If PyTorch cannot quantize the network, or the accelerator lacks an operator.
    """
    found = simulate(quantize(model, images), images, parameters or _SMALL)
    if not found.equal:
        raise AssertionError("\n".join(found.problems))
    return found
