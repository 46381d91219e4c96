"""`maccord layers`: what can be simulated."""

from __future__ import annotations

import json
from pathlib import Path

from rich.table import Table

from ..golden.graph import Conv2d, Layer
from ..nets.library import NETWORKS
from ..runtime.console import console, waiting
from ..runtime.files import atomic_write, check_writable
from .recording import Inputs, chosen

__all__ = ["describe", "run"]


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
        `dilation`, `groups`, `macs`.
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
        "macs": layer.macs(input_shape),
    }


def run(networks: tuple[str, ...], path: Path | None) -> None:
    """Print the layers of networks, or of globs of layers; write them as JSON too.

    Raises
    ------
    ValueError
        If a network or a layer is unknown, or the file cannot be written.
    """
    if path:
        check_writable("json", "file", path, path)
    targets = [n if "." in n else f"{n}.*" for n in networks or tuple(NETWORKS)]
    with waiting(console(stderr=True), "loading the networks"):
        rows = [
            describe(choice.network.layers[name], choice.network.shapes[name][0])
            for choice in chosen(targets, Inputs())
            for name in choice.layers
        ]
    console().print(_table(rows))
    if path:
        with atomic_write(path) as temporary:
            temporary.write_text(json.dumps(rows, indent=2) + "\n")


def _table(rows: list[dict]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("layer", "op", "input", "output", "kernel", "stride", "padding", "MACs"):
        right = name == "MACs"
        table.add_column(name, no_wrap=True, justify="right" if right else "left")
    for row in rows:
        shapes = (row[key][1:] for key in ("input_shape", "output_shape"))
        geometry = (row[key] for key in ("kernel", "stride", "padding"))
        cells = ["x".join(map(str, sizes)) for sizes in (*shapes, *geometry)]
        table.add_row(row["layer"], row["op"], *cells, f"{row['macs']:,}")
    table.caption = f"{len(rows)} layers, {sum(row['macs'] for row in rows):,} MACs"
    table.caption_justify = "left"
    return table
