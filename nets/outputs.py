"""What a network returns, as one row of numbers for each image."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

__all__ = ["rows"]


def rows(results: Any, count: int) -> npt.NDArray[np.float32]:  # noqa: ANN401
    """Return a network's results as one row for each image.

    Parameters
    ----------
    results : Tensor, or nested sequences and mappings of Tensor
        Each of shape (count, ...).
    count : int
        Images.

    Returns
    -------
    ndarray of shape (count, K), float32
        The results one behind the other; logits of shape (count, classes) are unchanged.

    Raises
    ------
    ValueError
        If a result is not a tensor with one part for each image.
    """
    return np.concatenate([_row(part, count) for part in _parts(results)], 1)


def _row(part: object, count: int) -> npt.NDArray[np.float32]:
    if not isinstance(part, torch.Tensor) or part.numel() % count:
        got = tuple(part.shape) if isinstance(part, torch.Tensor) else type(part).__name__
        raise ValueError(f"results must be tensors of {count} images, got {got}")
    plain = part.dequantize() if part.is_quantized else part
    return plain.reshape(count, -1).to(torch.float32).numpy()


def _parts(results: Any) -> list[Any]:  # noqa: ANN401
    if not isinstance(results, list | tuple | dict):
        return [results]
    values = results.values() if isinstance(results, dict) else results
    return [part for value in values for part in _parts(value)]
