"""Channel shuffle of uint8 codes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..operations.shuffle import Shuffle

__all__ = ["check_shuffle", "shuffle"]


def check_shuffle(operation: Shuffle, shape: tuple[int, ...]) -> None:
    """Raise ValueError unless the groups divide the channels."""
    if operation.groups < 1 or shape[-1] % operation.groups:
        raise ValueError(
            f"{operation.name}: groups must divide {shape[-1]} channels, got {operation.groups}"
        )


def shuffle(x_q: npt.NDArray[np.uint8], operation: Shuffle) -> npt.NDArray[np.uint8]:
    """Interleave the groups' channels.

    Parameters
    ----------
    x_q : ndarray of shape (N, H, W, C), uint8
    operation : Shuffle

    Returns
    -------
    ndarray of shape (N, H, W, C), uint8

    Raises
    ------
    ValueError
        If x_q has another dtype, or the groups do not divide its channels.

    Examples
    --------
    >>> from ..quantization import Quantization
    >>> x_q = np.arange(6, dtype=np.uint8).reshape(1, 1, 1, 6)
    >>> shuffle(x_q, Shuffle("shuffle", Quantization(1.0, 0), 3)).ravel()
    array([0, 2, 4, 1, 3, 5], dtype=uint8)
    """
    check_shuffle(operation, x_q.shape)
    if x_q.dtype != np.uint8:
        raise ValueError(f"x_q must be uint8, got {x_q.dtype}")
    return np.ascontiguousarray(x_q[..., operation.sources(x_q.shape[-1])])
