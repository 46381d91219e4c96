"""`maccord layers`: lists the layers that can be simulated."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from ..golden.graph import Host
from ..nets.formats.files import is_model_file, network_name
from ..nets.transformer.names import TRANSFORMERS
from ..runtime.console import console, waiting
from ..runtime.files import atomic_write, check_writable
from ..runtime.tables import Column, fitting, print_wrapped, table_width
from .layer_rows import describe, describe_host
from .network.results import ON_HOST
from .overview import overview
from .recording import Choice, Inputs, chosen
from .transformer_layers import transformer_rows

__all__ = ["run"]


def _rows(choice: Choice) -> Iterator[dict[str, object]]:
    network = choice.network
    for name in choice.layers:
        yield describe(network.layers[name], network.shapes[name][0])
    if all(step.op != Host.op for step in network.steps):
        return
    tensors = network.graph.tensors
    for node in network.graph.nodes:
        if isinstance(node.operation, Host):
            yield describe_host(node.operation, tensors[node.inputs[0]].shape)


def run(networks: tuple[str, ...], path: Path | None, inputs: Inputs, wide: bool = False) -> None:
    """Print the layers of networks, or of globs of layers; write them as JSON too.

    Parameters
    ----------
    networks : tuple of str
        Names and globs. If empty: all layers of the user's own network, or else an overview of the
        built-in networks.
    path : Path, optional
    inputs : Inputs
        Whose weights, at what width.
    wide : bool
        Whether to print all columns.

    Raises
    ------
    ValueError
        If a network or a layer is unknown, the file cannot be written, or weights are given
        without a network.
    """
    if path:
        check_writable("json", "file", path, path)
    if not (networks or inputs.module):
        if inputs.weights or inputs.weight_bits != "8":
            what = inputs.weights or f"weight-bits {inputs.weight_bits}"
            raise ValueError(f"networks must be one with weights or their bits, got {what} alone")
        overview(path, wide)
        return
    own = inputs.module.rpartition(":")[2]
    if is_model_file(inputs.module):
        own = network_name(inputs.module)
    names = networks or (own,)
    targets = [n if "." in n else f"{n}.*" for n in names]
    with waiting(console(stderr=True), "loading the networks"):
        rows: list[dict]
        if any(name.partition(".")[0] in TRANSFORMERS for name in names):
            rows = list(transformer_rows(names, inputs))
        else:
            rows = [row for choice in chosen(targets, inputs) for row in _rows(choice)]
    _print(rows, wide)
    if path:
        with atomic_write(path) as temporary:
            temporary.write_text(json.dumps(rows, indent=2) + "\n")


def _padding(row: dict) -> str:
    """Return rows x columns of padding; where the end has another one, of begin and end."""
    begin, end = row["padding"], row["end_padding"]
    if begin == end:
        return "x".join(map(str, begin))
    return "x".join(f"{a}+{b}" for a, b in zip(begin, end, strict=True))


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
        Column("padding", [_padding(row) for row in rows], 5, left=True),
        Column("bits", [str(row["weight_bits"] or "") for row in rows], 7),
        Column("MACs", [f"{row['macs']:,}" for row in rows]),
        Column("runs on", [row["runs_on"] for row in rows], 6, left=True),
    ]
    out, width = console(), table_width(wide)
    table, hidden = fitting(out, columns, width)
    out.print(table)
    hosted = sum(row["runs_on"] == ON_HOST for row in rows)
    word = "operation" if hosted == 1 else "operations"
    beside = f", {hosted} {word} of the host" if hosted else ""
    print_wrapped(
        out,
        f"{len(rows) - hosted} layers{beside}, {sum(row['macs'] for row in rows):,} MACs",
        width,
    )
    if hidden:
        print_wrapped(out, f"--wide shows {', '.join(hidden)}", width)
