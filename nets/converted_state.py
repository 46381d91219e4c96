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
        Keyed by state key, with the suffix ``/codes``, ``/scale``, ``/scales`` or ``/axis`` for
        quantized weights and a number for the elements of a pair.
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
        if value.qscheme() == torch.per_tensor_affine:
            arrays[f"{key}/scale"] = np.array(value.q_scale())
        else:
            arrays[f"{key}/scales"] = value.q_per_channel_scales().numpy()
            arrays[f"{key}/axis"] = np.array(value.q_per_channel_axis())
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
        codes = arrays[f"{key}/codes"]
        if f"{key}/scale" in arrays:
            scale = float(arrays[f"{key}/scale"])
            return torch._make_per_tensor_quantized_tensor(  # pyright: ignore[reportPrivateImportUsage]
                torch.from_numpy(np.array(codes)), scale, 0
            )
        return per_channel(codes, arrays[f"{key}/scales"], int(arrays[f"{key}/axis"]))
    if isinstance(value, torch.Tensor):
        return torch.from_numpy(np.array(arrays[key]))
    return value
