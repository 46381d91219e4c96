"""Inputs of networks from ``.npy`` files: normalized floats, or codes of the quantized input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

__all__ = ["Array", "is_array", "read_inputs"]

Array = npt.NDArray[np.float32] | npt.NDArray[np.uint8]


def is_array(path: Path) -> bool:
    """Whether a file holds an array, not an image."""
    return path.suffix.lower() == ".npy"


def read_inputs(
    path: Path, shape: tuple[int, ...], most: int, what: str = "input", network: str = ""
) -> Array:
    """Read inputs, and check them against the network's shape.

    Parameters
    ----------
    path : Path
        ``.npy`` file of shape (N, *shape), or `shape` for one input. Floats are normalized inputs;
        uint8 are codes of the network's input quantization.
    shape : tuple of int
        PyTorch's shape of one input.
    most : int
        Largest N.
    what : str
        Name for error messages.
    network : str
        For error messages, too.

    Returns
    -------
    ndarray of shape (N, *shape), float32 or uint8

    Raises
    ------
    ValueError
        If the file is no such array; codes are refused for calibration, whose ranges they lack.
    """
    found = _loaded(path, what)
    if found.shape == shape:
        found = found[None]
    if found.shape[1:] != shape or not len(found):
        owner = f" for {network}" if network else ""
        raise ValueError(
            f"{what} must have shape (N, {', '.join(map(str, shape))}){owner}, "
            f"got {found.shape} in {path}"
        )
    if len(found) > most:
        raise ValueError(f"{what} must hold at most {most} inputs, got {len(found)} in {path}")
    if found.dtype == np.uint8:
        return found.astype(np.uint8, copy=False)
    with np.errstate(over="ignore"):
        floats = found.astype(np.float32)
    if not np.isfinite(floats).all():
        raise ValueError(f"{what} must be finite float32 numbers, got others in {path}")
    return floats


def _loaded(path: Path, what: str) -> npt.NDArray[np.generic]:
    """Return an array of floats, or of codes."""
    codes = "" if what == "calibration" else ", or of uint8 codes"
    wanted = f"{what} must be an .npy file of floats{codes}, got {path}"
    try:
        found = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        reason = getattr(error, "strerror", None) or "not an array of numbers"
        raise ValueError(f"{wanted}: {reason}") from None
    if not isinstance(found, np.ndarray):
        raise ValueError(f"{wanted}: several arrays")
    if found.dtype.kind != "f" and (not codes or found.dtype != np.uint8):
        raise ValueError(f"{wanted}: {found.dtype}")
    return found
