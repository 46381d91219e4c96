"""Everything an outsider needs to check a layer without this package: one `.npz` file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..golden.graph import Conv2d, Layer
from ..runtime.files import atomic_write

__all__ = ["write_dump"]

_Codes = npt.NDArray[np.uint8]


def write_dump(
    path: Path,
    layer: Layer,
    *,
    engine: str,
    x_q: _Codes,
    y_golden: _Codes,
    y_rtl: _Codes,
    y_torch: _Codes,
) -> None:
    """Write a layer's input, parameters and three outputs.

    Parameters
    ----------
    path : Path
        Written whole or not at all.
    layer : Conv2d or Linear
    engine : str
        PyTorch's quantized engine.
    x_q : ndarray of shape (N, H, W, I) or (N, I), uint8
    y_golden, y_rtl, y_torch : ndarray of shape (N, OH, OW, O) or (N, O), uint8

    Notes
    -----
    `layout` is ``NHWC``, or ``NC`` for a linear layer, whose geometry is that of a 1 x 1
    convolution: stride 1, padding 0, dilation 1, one group. `w_q` is OIHW, or OI.
    """
    conv = isinstance(layer, Conv2d)
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        np.savez(
            file,
            x_q=x_q,
            w_q=layer.weight,
            bias=layer.bias,
            bias_q=layer.bias_q,
            x_scale=np.float64(layer.input.scale),
            x_zero_point=np.int64(layer.input.zero_point),
            w_scales=layer.weight_scale,
            y_scale=np.float64(layer.output.scale),
            y_zero_point=np.int64(layer.output.zero_point),
            stride=np.array(layer.stride if conv else (1, 1)),
            padding=np.array(layer.padding if conv else (0, 0)),
            dilation=np.array(layer.dilation if conv else (1, 1)),
            groups=np.int64(layer.groups if conv else 1),
            y_golden=y_golden,
            y_rtl=y_rtl,
            y_torch=y_torch,
            layout=np.array("NHWC" if conv else "NC"),
            op=np.array(layer.op),
            engine=np.array(engine),
        )
