"""Runs an operation of the host; the kernel is the framework's, not a golden one."""

from __future__ import annotations

import numpy as np

from ..operations.host import Codes, Host

__all__ = ["host"]


def host(*arguments: Codes | Host) -> Codes:
    """Compute output codes with the operation's own function.

    Parameters
    ----------
    *arguments : ndarray, ..., Host
        The codes of each input, uint8, then the operation.

    Returns
    -------
    ndarray, uint8
        Of the operation's output shape.

    Raises
    ------
    ValueError
        If the function returns another shape or dtype.

    Examples
    --------
    >>> from ..quantization import Quantization
    >>> codes = Quantization(1.0, 0)
    >>> negated = Host("net.neg", (codes,), codes, (2,), lambda given: 255 - given[0])
    >>> host(np.array([[1, 2]], np.uint8), negated)
    array([[254, 253]], dtype=uint8)
    """
    *inputs, operation = arguments
    assert isinstance(operation, Host)
    given = [codes for codes in inputs if isinstance(codes, np.ndarray)]
    found = operation.function(given)
    wanted = operation.output_shape(*(codes.shape for codes in given))
    if found.dtype != np.uint8 or found.shape != wanted:
        raise ValueError(
            f"{operation.name}: the host must return uint8 of shape {wanted}, got {found.dtype} "
            f"of {found.shape}"
        )
    return found
