"""Parts of PT2E programs that the host computes: ExecuTorch runs them as programs of their own.

A part begins with the quantize and dequantize nodes of what it reads, as in the whole program, so
that XNNPACK takes the same operators. Where ExecuTorch is not installed, PyTorch computes it in
floating point.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.fx import Graph, GraphModule, Node

from ...golden.kernels.quantize import dequantize
from ...golden.quantization import Quantization
from ..int8 import Step
from ..layouts import Layout
from .codes import plain_order, quantized, unsigned
from .kept import Kept
from .pt2_runtime import ExecuTorch, not_asked
from .pt2_values import NO_PADS, Floats, Real, operator, path_of

if TYPE_CHECKING:
    from .pt2_importer import Pt2Importer, Work

__all__ = ["Pt2Region", "import_hosted", "import_tail"]

Codes = npt.NDArray[np.uint8]

_LAYOUTS = {2: Layout.ROWS, 3: Layout.SIGNAL, 4: Layout.IMAGE}
_INT8 = (-128, 127, torch.int8)


@dataclass(eq=False)
class Pt2Region:
    """The function of a `Host` operation, and of a network's end: a part of a program.

    Parameters
    ----------
    data : bytes
        Of ``torch.export.save``; it reads real values of codes.
    name : str
        Of the network, for messages.
    sources : tuple of Quantization
        Of the inputs.
    output : Quantization, optional
        None of an end in floating point.
    layout : Layout
        PyTorch's, of the result.
    layouts : tuple of Layout
        PyTorch's, of each input.
    orders : tuple of (H, W, C) or None
        Sizes of flattened images whose codes are channels last, of each input.
    """

    data: bytes
    name: str
    sources: tuple[Quantization, ...]
    output: Quantization | None
    layout: Layout
    layouts: tuple[Layout, ...] = ()
    orders: tuple[tuple[int, ...] | None, ...] = ()
    _kept: Kept[tuple[Any, Lock]] = field(default_factory=Kept, repr=False)

    def placed(
        self, layouts: Sequence[Layout], orders: Sequence[tuple[int, ...] | None]
    ) -> Pt2Region:
        """Return the function for inputs of these layouts and orders."""
        fixed = self.data, self.name, self.sources, self.output, self.layout
        return Pt2Region(*fixed, tuple(layouts), tuple(orders))

    def _load(self) -> tuple[Any, Lock]:
        program = torch.export.load(io.BytesIO(self.data))
        runs = program.module(check_guards=False) if not_asked() else ExecuTorch(program, self.name)
        return runs, Lock()

    def __call__(self, given: Sequence[Codes]) -> Any:  # noqa: ANN401
        """Return codes in the graph's layout, or rows of float32; images run one by one."""
        places = zip(given, self.layouts, self.orders, self.sources, strict=True)
        reals = [
            dequantize(plain_order(codes, layout, order), source)
            for codes, layout, order, source in places
        ]
        runs, turn = self._kept.get(self._load)
        with turn:  # the golden model runs beside the RTL
            images = zip(*reals, strict=True)
            found = np.concatenate([_run(runs, [x[None] for x in image]) for image in images])
        if self.output is None:
            return found.reshape(len(found), -1)
        floats = found.dtype == np.float32
        codes = quantized(found, self.output) if floats else unsigned(found)
        return self.layout.to_graph(codes)


def _run(runs: Any, inputs: list[npt.NDArray[np.float32]]) -> npt.NDArray[Any]:  # noqa: ANN401
    if isinstance(runs, ExecuTorch):
        return runs.run(inputs)[0]
    with torch.no_grad():
        return runs(*(torch.from_numpy(x) for x in inputs))[0].numpy()


def import_hosted(importer: Pt2Importer, work: Work, reason: str) -> Real:
    """Let the host compute what stands between codes.

    Raises
    ------
    ValueError
        If it cannot, either.
    """
    result = work.nodes[-1]
    layout, shape = _layout(result, reason)
    end = None if not_asked() else work.output
    data, reads = _part(importer, work.nodes, result, end, reason)
    sources = tuple(importer.kinds[read.step] for read in reads)
    arguments = {
        "scale": work.output.scale,
        "zero_point": work.output.zero_point,
        "shape": list(layout.graph_shape(shape)[1:]),
        "layout": layout.value,
        "calls": [operator(node) for node in work.nodes],
        "reason": reason,
        "region": Pt2Region(data, importer.network, sources, work.output, layout),
    }
    name = importer.name(path_of(work.nodes[0]))
    return importer.add("host", tuple(reads), arguments, work.output, name, work.end.name)


def import_tail(importer: Pt2Importer, node: Node, value: Floats) -> None:
    """Let the host compute the network's only result, in floating point, from the last codes."""
    first = value.nodes[0]
    reason = (
        f"{importer.network}.{path_of(first)}: results must be quantized, got {operator(first)}"
    )
    data, reads = _part(importer, value.nodes, node, None, reason)
    sources = tuple(importer.kinds[read.step] for read in reads)
    arguments = {
        "calls": [operator(each) for each in value.nodes],
        "scores": len(node.meta["val"].shape) == 2,
        "reason": reason,
        "region": Pt2Region(data, importer.network, sources, None, Layout.ROWS),
    }
    inputs = tuple(read.step for read in reads)
    importer.steps.append(Step(importer.name(path_of(first)), "tail", inputs, arguments, ""))


def _layout(node: Node, reason: str) -> tuple[Layout, tuple[int, ...]]:
    shape = tuple(int(size) for size in node.meta["val"].shape)
    if len(shape) not in _LAYOUTS or shape[0] != 1:
        raise ValueError(
            f"{reason}; the host cannot run it either: its result must have 2 to 4 dimensions, "
            f"the first 1, got {shape}"
        )
    return _LAYOUTS[len(shape)], shape


def _part(
    importer: Pt2Importer,
    nodes: Sequence[Node],
    result: Node,
    end: Quantization | None,
    reason: str,
) -> tuple[bytes, list[Real]]:
    """Return nodes as a program of its own, saved, and what it reads."""
    part = _Part(importer, reason)
    for node in nodes:
        part.copied(node)
    last = part.copied(result)
    if end is not None:
        quantize = torch.ops.quantized_decomposed.quantize_per_tensor.default
        last = part.graph.call_function(quantize, (last, *_numbers(end)))
    part.graph.output((last,))
    program = torch.export.export(GraphModule(part.root, part.graph), tuple(part.examples))
    buffer = io.BytesIO()
    torch.export.save(program, buffer)
    return buffer.getvalue(), list(part.reads)


class _Part:
    """Copies nodes of a program into a graph whose inputs are quantized real values."""

    def __init__(self, importer: Pt2Importer, reason: str) -> None:
        self.importer, self.reason = importer, reason
        self.graph, self.root = Graph(), nn.Module()
        self.reads: dict[Real, Node] = {}
        self.examples: list[torch.Tensor] = []
        self._copies: dict[Node, Node] = {}

    def copied(self, node: Node) -> Node:
        """Return the copy of a node, behind copies of all that it reads."""
        if node in self._copies:
            return self._copies[node]
        value, constant = self.importer.values.get(node), self.importer.constant(node)
        if isinstance(value, Real):
            made = self._read(value, node)
        elif constant is not None:
            self.root.register_buffer(node.name, constant)
            made = self.graph.get_attr(node.name)
        else:
            made = self.graph.node_copy(node, self.copied)
        self._copies[node] = made
        return made

    def _read(self, value: Real, node: Node) -> Node:
        if value.pads != NO_PADS:
            raise ValueError(f"{self.reason}; the host cannot run it either: it reads a padding")
        if value not in self.reads:
            ops, kind = torch.ops.quantized_decomposed, self.importer.kinds[value.step]
            given = self.graph.placeholder(f"x{len(self.reads)}")
            codes = self.graph.call_function(
                ops.quantize_per_tensor.default, (given, *_numbers(kind))
            )
            self.reads[value] = self.graph.call_function(
                ops.dequantize_per_tensor.default, (codes, *_numbers(kind))
            )
            self.examples.append(torch.zeros(tuple(node.meta["val"].shape)))
        return self.reads[value]


def _numbers(kind: Quantization) -> tuple[Any, ...]:
    return kind.scale, kind.zero_point - 128, *_INT8
