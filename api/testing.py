"""An assertion for users' tests: a network is bit-exact in RTL."""

from __future__ import annotations

from torch import nn

from ..compiler.features import with_features
from ..nets.examples import Images
from ..spec.parameters import Parameters
from .networks import quantize
from .simulation import Simulation, simulate

__all__ = ["assert_equal_in_rtl"]

_SMALL = Parameters(rows=4, cols=4, axi_bytes=8)  # builds twice as fast as 16 x 16


def assert_equal_in_rtl(
    model: nn.Module,
    images: Images,
    parameters: Parameters | None = None,
    *,
    weight_bits: str = "8",
) -> Simulation:
    """Quantize a network, run it in RTL, and compare every tensor with NumPy and PyTorch.

    The first test on an accelerator builds its model (about a minute), which is then cached.

    Parameters
    ----------
    model : Module
        In evaluation mode and traceable by ``torch.fx``.
    images : ndarray of shape (N, *input_shape), float32, or a tuple of them
        Normalized, of a network of several inputs one array for each, in order. Used for
        calibration and run as one batch.
    parameters : Parameters, optional
        The accelerator's parameters; by default a 4 x 4 array with the features that the network
        needs.
    weight_bits : str
        As for `quantize`.

    Returns
    -------
    Simulation
        For further assertions, e.g. on `cycles`.

    Raises
    ------
    AssertionError
        If a byte differs; the message names it.
    ValueError
        If PyTorch cannot quantize the network, or an operator is not supported.
    """
    network = quantize(model, images, weight_bits=weight_bits)
    chosen = parameters or with_features(_SMALL, [network.graph])
    found = simulate(network, images, chosen)
    if not found.equal:
        raise AssertionError("\n".join(found.problems))
    return found
