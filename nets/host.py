"""Finds the regions of a converted network that the host has to compute."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import fx

from ..golden.graph import Quantization
from .examples import Example, fresh
from .framework import path_of
from .int8 import Step
from .int8_modules import is_conv1d, is_linear
from .layouts import Layout
from .reference import Interpreter
from .source_line import line_of
from .subtraction import difference_steps
from .unsupported import Unsupported

if TYPE_CHECKING:
    from .importer import Importer

__all__ = ["HostRegions"]

_DIMENSIONS = (2, 3, 4)  # of tensors that the graph can hold


@dataclass(frozen=True)
class _Value:
    """What a node computes: a quantized tensor, another tensor, or anything else."""

    quantization: Quantization | None
    shape: tuple[int, ...]
    channels_last: bool
    scores: bool  # one row of numbers for each image


class HostRegions:
    """Visits the nodes of a converted graph; what the importer refuses goes to the host.

    A refused call stays pending until a call that the accelerator runs, or the network's output,
    reads its result. Everything between that result and the quantized tensors before it then
    becomes one operation of the host.

    Parameters
    ----------
    importer : Importer
    example : tuple of Tensor of shape (1, ...)
        Any normalized inputs.
    asked : mapping of str to Unsupported
        Nodes that go to the host without being tried, with the reason.
    """

    def __init__(
        self, importer: Importer, example: Example, asked: Mapping[str, Unsupported]
    ) -> None:
        self.importer = importer
        self.example = example
        self.asked = asked
        self.pending: dict[fx.Node, Unsupported] = {}
        self._values: dict[str, _Value] = {}

    def visit(self, node: fx.Node) -> None:
        """Import one node, or leave it to the host."""
        importer, made = self.importer, []
        count = len(importer.steps)
        head = self.is_head(node)
        before = [each for each in self.region([node])[0] if each in self.pending] if head else []
        self.importer.heads.update([node] if head else [])
        try:
            if node.name in self.asked:
                raise self.asked[node.name]
            for source in importer.reads(node) if not head else ():
                if source in self.pending:
                    self.place(source, node)
                    made.append(source)
            importer.visit(node)
            if before:
                self.head(node, before)
        except Unsupported as error:
            del importer.steps[count:]
            for source in made:
                importer.parameters.pop(importer.names.pop(source))
            if node.op == "output":
                self.tail(node, error)
            else:
                self.pending[node] = error
        else:
            for source in made:
                del self.pending[source]

    def is_head(self, node: fx.Node) -> bool:
        """Whether the node quantizes an input, or what the host computes of inputs alone."""
        if node.target is not torch.quantize_per_tensor:
            return False
        _, reads, whole = self.region([node])
        return not reads and not whole

    def head(self, node: fx.Node, calls: list[fx.Node]) -> None:
        """Add to the input's step the calls before it."""
        names = [self.importer.called(each) for each in calls]
        fields = {"calls": names, "reason": self.reason(calls[0]), **self.laid(node)}
        step = self.importer.steps[-1]
        self.importer.steps[-1] = replace(step, arguments=step.arguments | fields)

    def reason(self, node: fx.Node) -> str:
        """Return why the accelerator does not run a call, and the call's line."""
        error = self.pending.get(node)
        return f"{error or node.name}{line_of(self.importer.graph_module, node.name)}"

    def value(self, node: fx.Node) -> _Value:
        """Return what the node computes for the example."""
        if not self._values:
            interpreter = Interpreter(self.importer.graph_module)
            for each, _, result in interpreter.execute(*fresh(self.example)):
                self._values[each.name] = _value(result)
        return self._values[node.name]

    def place(self, node: fx.Node, reader: fx.Node) -> None:
        """Make a pending call's result a tensor of the graph, which the host writes."""
        value, refused = self.value(node), self.pending[node]
        nodes, reads, whole = self.region([node])
        if value.quantization is None or reader.target == "dequantize":
            raise refused  # the reader is part of the region
        single = value.shape[:1] == self.example[0].shape[:1]
        if not single or len(value.shape) not in _DIMENSIONS or not reads or not whole:
            raise refused
        fields = {
            "scale": value.quantization.scale,
            "zero_point": value.quantization.zero_point,
            **self.laid(node),
        }
        step = self.step("host", nodes, reads, node.name, fields)
        self.importer.steps += self.in_hardware(step, nodes, reads) or [step]
        self.importer.names[node] = step.name
        self.importer.parameters[step.name] = value.quantization

    def in_hardware(
        self, step: Step, nodes: list[fx.Node], reads: list[fx.Node]
    ) -> list[Step] | None:
        """Return steps of the accelerator that compute a region of the host's, if there are any."""
        if len({self.value(each).shape for each in reads}) > 1 or step.node in self.asked:
            return None
        parameters = [self.importer.parameters[self.importer.names[each]] for each in reads]
        return difference_steps(self.importer.graph_module, step, nodes, reads, parameters)

    def laid(self, node: fx.Node) -> dict[str, Any]:
        """Return a result's layout, and its shape in the graph for one image."""
        shape = self.value(node).shape
        layouts = {2: Layout.ROWS, 4: Layout.IMAGE}
        layout = layouts.get(len(shape)) or self.wanted(node)
        return {"shape": list(layout.graph_shape(shape)[1:]), "layout": layout.value}

    def wanted(self, node: fx.Node) -> Layout:
        """Return the layout of a result of three dimensions that the next layer needs."""
        seen, todo = {node}, list(node.users)
        while todo:
            user = todo.pop(0)
            module = None
            if user.op == "call_module":
                module = self.importer.graph_module.get_submodule(str(user.target))
            if is_linear(module):
                return Layout.SEQUENCE
            if is_conv1d(module):
                return Layout.SIGNAL
            todo += [each for each in user.users if each not in seen]
            seen.update(user.users)
        return Layout.SIGNAL

    def tail(self, node: fx.Node, refused: Unsupported) -> None:
        """Leave everything behind the last codes to the host."""
        nodes, reads, whole = self.region(node.all_input_nodes)
        if not whole or not reads:
            first = next((each for each in nodes if each in self.pending), node)
            where = "no tensor of codes" if whole else "the image, in floating point"
            raise ValueError(
                f"{self.pending.get(first, refused)}; the host cannot run it either: it reads "
                f"{where}{line_of(self.importer.graph_module, first.name)}"
            )
        result = node.args[0]
        scores = isinstance(result, fx.Node) and self.value(result).scores
        self.importer.steps.append(self.step("tail", nodes, reads, node.name, {"scores": scores}))

    def step(
        self,
        op: str,
        nodes: list[fx.Node],
        reads: list[fx.Node],
        result: str,
        fields: dict[str, Any],
    ) -> Step:
        """Return the step of a region, named after its first call without hardware."""
        importer = self.importer
        named = [each for each in nodes if each.op.startswith("call_")]
        named = [each for each in named if importer.called(each) not in _CONVERSIONS]
        calls = [each for each in named if each in self.pending] or named
        first = (calls or nodes)[0]
        where = {
            "nodes": [each.name for each in nodes],
            "reads": [each.name for each in reads],
            "channels_last": [self.value(each).channels_last for each in reads],
            "calls": [importer.called(each) for each in calls],
            "reason": self.reason(first),
        }
        path = first.target if first.op == "call_module" else path_of(first, importer.called(first))
        inputs = tuple(importer.names[each] for each in reads)
        return Step(importer.name(str(path)), op, inputs, {**where, **fields}, result)

    def region(self, results: Iterable[fx.Node]) -> tuple[list[fx.Node], list[fx.Node], bool]:
        """Return what leads to some results from tensors of the graph.

        Returns
        -------
        nodes : list of Node
            In the graph's order.
        reads : list of Node
            The tensors of the graph that they read.
        whole : bool
            Whether nothing else is read, as an input before it is quantized.
        """
        found: set[fx.Node] = set()
        reads: set[fx.Node] = set()
        todo = list(results)
        whole = True
        while todo:
            node = todo.pop()
            if node in found or node in reads:
                continue
            if self.is_tensor(node):
                reads.add(node)
            elif node.op == "placeholder":
                whole = False
            else:
                found.add(node)
                todo += node.all_input_nodes
        order = list(self.importer.graph_module.graph.nodes)
        return [n for n in order if n in found], [n for n in order if n in reads], whole

    def is_tensor(self, node: fx.Node) -> bool:
        """Whether the node's result is a tensor of the graph."""
        importer = self.importer
        return importer.names.get(node) in importer.parameters and node not in importer.pads


_CONVERSIONS = ("dequantize", "quantize_per_tensor")


def _value(result: object) -> _Value:
    if not isinstance(result, torch.Tensor):
        return _Value(None, (), False, False)
    last = result.ndim > 2 and not result.is_contiguous()
    quantization = None
    if result.is_quantized:
        quantization = Quantization(result.q_scale(), result.q_zero_point())
    scores = result.ndim == 2 and result.shape[1] > 1 and result.is_floating_point()
    return _Value(quantization, tuple(result.shape), last, scores)
