"""Functions of one code in PT2E programs: tables, filled by ExecuTorch itself.

Where it is not installed, PyTorch's kernels in floating point fill them; the two may differ at
ties.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.fx import Graph, GraphModule, Node

from ...golden.kernels.quantize import dequantize
from ...golden.quantization import Quantization
from .codes import quantized
from .pt2_runtime import ExecuTorch, not_asked
from .pt2_values import operator

if TYPE_CHECKING:
    from .pt2_importer import Pt2Importer

__all__ = ["UNARY", "table_of"]

#: Operators whose results depend on one element each.
UNARY = ("elu", "gelu", "hardsigmoid", "hardswish", "leaky_relu", "sigmoid", "silu", "tanh")
UNARY += ("hardsigmoid_", "hardswish_", "leaky_relu_", "silu_", "elu_")
_SHAPE = (1, 1, 16, 16)  # every code once
_INT8 = (-128, 127, torch.int8)


def table_of(
    importer: Pt2Importer, nodes: Sequence[Node], kind: Quantization, output: Quantization
) -> dict[str, Any]:
    """Return a table as a step's arguments.

    Parameters
    ----------
    importer : Pt2Importer
    nodes : sequence of Node
        A chain of operators; none requantizes.
    kind, output : Quantization
        Of the codes that it reads, and of the table.

    Raises
    ------
    Unsupported
        If ExecuTorch's results depend on a code's place in the tensor.
    """
    written = {"scale": output.scale, "zero_point": output.zero_point}
    if not_asked():
        return written | {"table": _by_pytorch(nodes, kind, output).tolist()}
    program = _program(nodes, kind, output)
    codes = np.arange(256, dtype=np.uint8).reshape(_SHAPE)
    runtime = ExecuTorch(program, importer.network)
    found = _looked_up(program, runtime, codes, kind)
    if not np.array_equal(found, _looked_up(program, runtime, codes[..., ::-1, ::-1], kind)):
        importer.refuse(nodes[0], f"{operator(nodes[0])} must give each code one result")
    return written | {"table": found.tolist()}


def _by_pytorch(
    nodes: Sequence[Node], kind: Quantization, output: Quantization
) -> npt.NDArray[np.uint8]:
    """Return the table of a chain that PyTorch computes."""
    graph = Graph()
    last = graph.placeholder("x")
    for node in nodes:
        before = last
        last = graph.node_copy(node, lambda _, x=before: x)
    graph.output(last)
    codes = np.arange(256, dtype=np.uint8).reshape(_SHAPE)
    with torch.no_grad():
        found = GraphModule(nn.Module(), graph)(torch.from_numpy(dequantize(codes, kind)))
    return quantized(found.numpy(), output).ravel()


def _looked_up(
    program: torch.export.ExportedProgram,
    runtime: ExecuTorch,
    codes: npt.NDArray[np.uint8],
    kind: Quantization,
) -> npt.NDArray[np.uint8]:
    """Return ExecuTorch's results for each code."""
    ends = [n.name for n in program.graph.nodes if operator(n) == "quantize_per_tensor"]
    read, made = (
        tensor.view(np.uint8).ravel() ^ np.uint8(128)
        for tensor in runtime.run([dequantize(np.ascontiguousarray(codes), kind)], ends)
    )
    table = np.empty(256, np.uint8)
    table[read] = made
    if not np.array_equal(read, codes.ravel()):
        raise ValueError("codes must be those that their real values are quantized to")
    return table


def _program(
    nodes: Sequence[Node], kind: Quantization, output: Quantization
) -> torch.export.ExportedProgram:
    """Return a chain as a program of its own, between its quantizations."""
    graph, ops = Graph(), torch.ops.quantized_decomposed
    source, end = ((q.scale, q.zero_point - 128, *_INT8) for q in (kind, output))
    read = graph.call_function(ops.quantize_per_tensor.default, (graph.placeholder("x"), *source))
    last = graph.call_function(ops.dequantize_per_tensor.default, (read, *source))
    for node in nodes:
        before = last
        last = graph.node_copy(node, lambda _, x=before: x)
    graph.output(graph.call_function(ops.quantize_per_tensor.default, (last, *end)))
    return torch.export.export(GraphModule(nn.Module(), graph), (torch.zeros(_SHAPE),))
