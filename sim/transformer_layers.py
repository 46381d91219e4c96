"""`maccord layers` of transformers: their operations, which run chained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from ..golden.graph import Conv2d, Linear, Network, Node
from ..golden.operations.tensor_product import TensorProduct
from ..nets.transformer.names import TRANSFORMERS
from ..nets.transformer.quantized import load
from ..nets.weight_widths import with_weight_bits
from .inputs import Inputs
from .layer_rows import describe
from .network.results import ON_ACCELERATOR

__all__ = ["transformer_rows"]


def transformer_rows(targets: Sequence[str], inputs: Inputs) -> Iterator[dict[str, object]]:
    """Yield a row for each operation of transformers, fields as in `layer_rows.describe`.

    Parameters
    ----------
    targets : sequence of str
        Names of transformers, or globs of operations of one.
    inputs : Inputs
        Whose weights, at what width.

    Raises
    ------
    ValueError
        If a name is of no transformer, a glob matches nothing, or the weights do not fit.
    """
    others = [name for name in targets if name.partition(".")[0] not in TRANSFORMERS]
    if others:
        raise ValueError(f"networks beside a transformer must be transformers, got {others[0]}")
    for target in targets:
        name = target.partition(".")[0]
        graph = load(name, inputs.weights, inputs.seed).graph
        rows = [
            row
            for row in _rows(graph, inputs.weight_bits)
            if target == name or fnmatchcase(str(row["layer"]), target)
        ]
        if not rows:
            raise ValueError(
                f"layer must be an operation that maccord layers {name} lists, got {target!r}"
            )
        yield from rows


def _rows(graph: Network, bits: str) -> Iterator[dict[str, object]]:
    operations = {node.name: node.operation for node in graph.nodes}
    layers = {name: op for name, op in operations.items() if isinstance(op, Conv2d | Linear)}
    layers = with_weight_bits(layers, bits)
    for node in graph.nodes:
        shapes = [graph.tensors[name].shape for name in node.inputs]
        if node.name in layers:
            row = describe(layers[node.name], shapes[0])
        else:
            row = _other(node, shapes)
        yield row | {"runs_on": ON_ACCELERATOR}


def _other(node: Node, shapes: list[tuple[int, ...]]) -> dict[str, object]:
    """Return the row of an operation without weights."""
    operation, one, none = node.operation, [1, 1], [0, 0]
    macs = operation.macs(*shapes) if isinstance(operation, TensorProduct) else 0
    return {
        "layer": node.name,
        "op": operation.op,
        "input_shape": list(shapes[0]),
        "output_shape": list(operation.output_shape(*shapes)),
        "kernel": one,
        "stride": one,
        "padding": none,
        "end_padding": none,
        "dilation": one,
        "groups": 1,
        "weight_bits": 0,
        "macs": macs,
    }
