"""`maccord layers`: lists the layers that can be simulated."""

from __future__ import annotations

import json
from pathlib import Path

from ..golden.graph import Conv2d, Layer
from ..nets.library import NETWORKS
from ..runtime.console import console, waiting
from ..runtime.files import atomic_write, check_writable
from ..runtime.tables import Column, fitting, print_wrapped, table_width
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


def run(networks: tuple[str, ...], path: Path | None, wide: bool = False) -> None:
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
    _print(rows, wide)
    if path:
        with atomic_write(path) as temporary:
            temporary.write_text(json.dumps(rows, indent=2) + "\n")


def _print(rows: list[dict], wide: bool) -> None:
    def sizes(key: str, skip: int = 0) -> list[str]:
        return ["x".join(map(str, row[key][skip:])) for row in rows]

    columns = [
        Column("layer", [row["layer"] for row in rows], left=True),
        Column("op", [row["op"] for row in rows], left=True),
        Column("input", sizes("input_shape", 1), 1, left=True),
        Column("output", sizes("output_shape", 1), 2, left=True),
        Column("kernel", sizes("kernel"), 3, left=True),
        Column("stride", sizes("stride"), 4, left=True),
        Column("padding", sizes("padding"), 5, left=True),
        Column("MACs", [f"{row['macs']:,}" for row in rows]),
    ]
    out, width = console(), table_width(wide)
    table, hidden = fitting(out, columns, width)
    out.print(table)
    print_wrapped(out, f"{len(rows)} layers, {sum(row['macs'] for row in rows):,} MACs", width)
    if hidden:
        print_wrapped(out, f"--wide shows {', '.join(hidden)}", width)
