"""Rows of `maccord layers`."""

from __future__ import annotations

from ..golden.graph import Conv2d, Host, Layer
from .network.results import ON_ACCELERATOR, ON_HOST

__all__ = ["describe", "describe_host"]


def describe(layer: Layer, input_shape: tuple[int, ...]) -> dict[str, object]:
    """Return a row of the table.

    Parameters
    ----------
    layer : Conv2d or Linear
    input_shape : tuple of int
        NHWC, or (N, features).

    Returns
    -------
    dict
        `layer`, `op`, `input_shape`, `output_shape`, `kernel`, `stride`, `padding`, `end_padding`,
        `dilation`, `groups`, `weight_bits`, `macs`, `runs_on`.
    """
    conv = isinstance(layer, Conv2d)
    return {
        "layer": layer.name,
        "op": layer.op,
        "input_shape": list(input_shape),
        "output_shape": list(layer.output_shape(input_shape)),
        "kernel": list(layer.weight.shape[2:]) if conv else [1, 1],
        "stride": list(layer.stride) if conv else [1, 1],
        "padding": list(layer.padding) if conv else [0, 0],
        "end_padding": list(layer.end_padding or layer.padding) if conv else [0, 0],
        "dilation": list(layer.dilation) if conv else [1, 1],
        "groups": layer.groups if conv else 1,
        "weight_bits": layer.weight_bits,
        "macs": layer.macs(input_shape),
        "runs_on": ON_ACCELERATOR,
    }


def describe_host(operation: Host, input_shape: tuple[int, ...]) -> dict[str, object]:
    """Return a row of the table for an operation of the host; fields as in `describe`."""
    one, none = [1, 1], [0, 0]
    return {
        "layer": operation.name,
        "op": f"host: {', '.join(operation.calls)}",
        "input_shape": list(input_shape),
        "output_shape": list(operation.output_shape(input_shape)),
        "kernel": one,
        "stride": one,
        "padding": none,
        "end_padding": none,
        "dilation": one,
        "groups": 1,
        "weight_bits": 0,
        "macs": 0,
        "runs_on": ON_HOST,
    }
