"""Writes a `.npz` file with all data for an independent check of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..compiler.fusion import fused
from ..golden.graph import Conv2d, Linear, Lookup, Node, Quantization
from ..golden.operations.conv_transpose2d import ConvTranspose2d
from ..runtime.files import atomic_write
from .network.task import NetworkRecording
from .network.tensors import torch_tensor

__all__ = ["write_dump"]

Codes = npt.NDArray[np.uint8]
Fields = dict[str, Any]  # arrays and NumPy scalars

_GEOMETRY = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1}
_OTHERS = ("kernel", "stride", "padding", "dilation", "ceil_mode", "low", "high")


def write_dump(
    path: Path, recorded: NetworkRecording, golden: Mapping[str, Codes], rtl: Mapping[str, Codes]
) -> None:
    """Write inputs, parameters and three outputs of a layer, or of every tensor of a network.

    Parameters
    ----------
    path : Path
        Written atomically.
    recorded : NetworkRecording
    golden, rtl : mapping of str to ndarray, uint8
        Tensors by name, of the golden model and of the RTL.

    Notes
    -----
    For a single layer: `x_q`, `w_q`, `bias`, `bias_q`, `x_scale`, `x_zero_point`, `w_scales`,
    `y_scale`, `y_zero_point`, `stride`, `padding`, `dilation`, `groups`, `y_golden`, `y_rtl`,
    `y_torch`, `layout`, `op`, `engine`. `layout` is ``NHWC``, or ``NC`` for a linear layer, whose
    geometry is that of a 1 x 1 convolution: stride 1, padding 0, dilation 1, one group. `w_q` is
    OIHW, or OI. `end_padding` is present if bottom and right padding differ from `padding`, and
    `output_padding` for a transposed convolution, whose `w_q` is OIHW, too.

    For a network: ``TENSOR/FIELD``, with the same fields for the tensors of layers, and `bounds`,
    the smallest and largest code, if a clamp is fused, and `table`, the code that replaces each
    code, if a lookup is. Other operations have `y_scale`,
    `y_zero_point`, `y_golden`, `y_rtl`, `y_torch`, `layout`, `op`, `engine`, and what there is of
    `kernel`, `stride`, `padding`, `dilation`, `ceil_mode`, `low`, `high` and `table`. Each has
    `inputs`, the names of the tensors that it reads, in place of `x_q` where it is no layer. The
    image is ``NETWORK.input/x_q``, with `x_scale` and `x_zero_point`; of several inputs each is
    ``NETWORK.input.NAME/x_q``. A tensor that the RTL did not
    complete has no `y_rtl`, and there is no `y_torch` if the reference was not asked.
    """
    network = fused(recorded.network)
    fields: Fields = {}
    for node in network.nodes:
        found = _fields(node, golden)
        found |= {"engine": np.array(recorded.engine)}
        if not recorded.not_asked:
            found["y_torch"] = torch_tensor(network, recorded.tensors, node.name)
        found |= {"y_rtl": rtl[node.name]} if node.name in rtl else {}
        if recorded.layer:
            fields = found
            break
        found |= {"inputs": np.array(node.inputs)}
        fields |= {f"{node.name}/{name}": value for name, value in found.items()}
    else:
        for source, x_q in zip(network.sources, recorded.inputs, strict=True):
            given = {"x_q": x_q, **_quantization("x", source.quantization)}
            fields |= {f"{source.name}/{name}": value for name, value in given.items()}
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **fields)  # pyright: ignore[reportArgumentType]


def _fields(node: Node, golden: Mapping[str, Codes]) -> Fields:
    """Return the fields of a tensor common to both kinds of dump, except further outputs."""
    operation, y = node.operation, golden[node.name]
    table = operation if isinstance(operation, Lookup) else node.table
    found: Fields = {
        "y_golden": y,
        "layout": np.array("NHWC" if y.ndim == 4 else "NC"),
        "op": np.array(operation.op),
        **_quantization("y", node.quantization),
    }
    if table is not None:
        found["table"] = table.table
    if not isinstance(operation, Conv2d | Linear):
        names = [name for name in _OTHERS if hasattr(operation, name)]
        return found | {name: np.array(getattr(operation, name)) for name in names}
    found |= {
        "x_q": golden[node.inputs[0]],
        "w_q": operation.weight,
        "bias": operation.bias,
        "bias_q": operation.bias_q,
        "w_scales": operation.weight_scale,
        **_quantization("x", operation.input),
    }
    if isinstance(operation, Conv2d) and operation.end_padding is not None:
        found["end_padding"] = np.array(operation.end_padding)
    if isinstance(operation, ConvTranspose2d):
        found["output_padding"] = np.array(operation.output_padding)
    if operation.limits != (0, 255):
        found["bounds"] = np.array(operation.bounds)
    return found | {
        name: np.array(getattr(operation, name, usual)) for name, usual in _GEOMETRY.items()
    }


def _quantization(name: str, of: Quantization) -> Fields:
    return {
        f"{name}_scale": np.float64(of.scale),
        f"{name}_zero_point": np.int64(of.zero_point),
    }
