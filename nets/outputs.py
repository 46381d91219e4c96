"""Results of a network: one tensor, or several in tuples, lists and dictionaries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

__all__ = ["flat", "rows", "tensors_of"]


def flat(result: Any, label: str = "") -> Iterator[tuple[str, Any]]:  # noqa: ANN401
    """Yield the parts of a nested result with their labels.

    Examples
    --------
    >>> list(flat({"boxes": (1, 2), "scores": 3}))
    [('boxes.0', 1), ('boxes.1', 2), ('scores', 3)]
    >>> list(flat(4))
    [('', 4)]
    """
    if isinstance(result, dict):
        parts = [(str(key), part) for key, part in result.items()]
    elif isinstance(result, tuple | list):
        parts = [(str(index), part) for index, part in enumerate(result)]
    else:
        yield label, result
        return
    for key, part in parts:
        yield from flat(part, f"{label}.{key}" if label else key)


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
    return np.concatenate([_row(part, count) for _, part in flat(results)], 1)


def _row(part: object, count: int) -> npt.NDArray[np.float32]:
    if not isinstance(part, torch.Tensor) or part.numel() % count:
        got = tuple(part.shape) if isinstance(part, torch.Tensor) else type(part).__name__
        raise ValueError(f"results must be tensors of {count} images, got {got}")
    plain = part.dequantize() if part.is_quantized else part
    return plain.reshape(count, -1).to(torch.float32).numpy()


def tensors_of(result: Any, network: str) -> list[torch.Tensor]:  # noqa: ANN401
    """Return the tensors of a nested result, dequantized.

    Raises
    ------
    ValueError

    Raises
    ------
    ValueError
        If there is none, or a part is not a tensor.
    """
    parts = list(flat(result))
    for label, part in parts:
        if not isinstance(part, torch.Tensor):
            where = f" at {label}" if label else ""
            raise ValueError(
                f"{network}: results must be tensors, in tuples, lists or dictionaries, "
                f"got {type(part).__name__}{where}"
            )
    if not parts:
        raise ValueError(f"{network}: network must return at least one tensor, got none")
    return [part.dequantize() if part.is_quantized else part for _, part in parts]
