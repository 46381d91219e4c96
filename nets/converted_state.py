"""Converts a converted network's state to plain arrays and back (see `framework.rebuild`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import fx

from .framework import qnnpack
from .int8_modules import per_channel

__all__ = ["load_arrays", "state_arrays"]

Arrays = dict[str, np.ndarray]


def state_arrays(converted: fx.GraphModule) -> Arrays:
    """Return all tensors of a converted network's state.

    Parameters
    ----------
    converted : GraphModule
        From `framework.convert`.

    Returns
    -------
    dict of str to ndarray
        Keyed by state key, with the suffix ``/codes`` or ``/scales`` for quantized weights and a
        number for the elements of a pair.
    """
    arrays: Arrays = {}
    for key, value in converted.state_dict().items():
        _write(key, value, arrays)
    return arrays


def _write(key: str, value: Any, arrays: Arrays) -> None:
    if isinstance(value, tuple):
        for number, part in enumerate(value):
            _write(f"{key}/{number}", part, arrays)
    elif isinstance(value, torch.Tensor) and value.is_quantized:
        arrays[f"{key}/codes"] = value.int_repr().numpy()
        arrays[f"{key}/scales"] = value.q_per_channel_scales().numpy()
    elif isinstance(value, torch.Tensor):
        arrays[key] = value.detach().numpy()


def load_arrays(rebuilt: fx.GraphModule, arrays: Mapping[str, np.ndarray]) -> None:
    """Load a state's values into a network of the same structure.

    Parameters
    ----------
    rebuilt : GraphModule
        From `framework.rebuild`.
    arrays : mapping of str to ndarray
        From `state_arrays`.

    Raises
    ------
    KeyError
        If an array is missing.
    """
    with qnnpack():
        state = rebuilt.state_dict()  # its metadata has the version of PyTorch's keys
        for key, value in state.items():
            state[key] = _read(key, value, arrays)
        rebuilt.load_state_dict(state)


def _read(key: str, value: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    """Return the stored value of a key, with the type of the rebuilt network's value."""
    if isinstance(value, tuple):
        return tuple(_read(f"{key}/{n}", part, arrays) for n, part in enumerate(value))
    if isinstance(value, torch.Tensor) and value.is_quantized:
        return per_channel(arrays[f"{key}/codes"], arrays[f"{key}/scales"])
    if isinstance(value, torch.Tensor):
        return torch.from_numpy(np.array(arrays[key]))
    return value
