"""From PyTorch's converted network to the integer graph."""

from __future__ import annotations

import operator as python_operator
from collections.abc import Callable

import torch
from torch import nn

from ..golden import overflow
from ..golden.graph import Layer, Quantization
from .framework import layer_of
from .int8 import Step

__all__ = ["import_network"]


class _Importer:
    """Walks a converted graph; keeps each value's quantization parameters on the way."""

    def __init__(self, graph_module: torch.fx.GraphModule, network: str) -> None:
        self.graph_module = graph_module
        self.network = network
        self.steps: list[Step] = []
        self.layers: dict[str, Layer] = {}
        self.names: dict[torch.fx.Node, str] = {}  # of the steps that hold the nodes' values
        self.parameters: dict[str, Quantization] = {}

    def add(
        self, node: torch.fx.Node, op: str, arguments: dict, quantization: Quantization | None
    ) -> None:
        """Append a step for the node."""
        inputs = tuple(self.names[source] for source in self.sources(node))
        self.steps.append(Step(node.name, op, inputs, arguments))
        self.names[node] = node.name
        if quantization is not None:
            self.parameters[node.name] = quantization

    def sources(self, node: torch.fx.Node) -> list[torch.fx.Node]:
        """Nodes of tensors that the node reads."""
        return [source for source in node.all_input_nodes if source.op != "get_attr"]

    def quantization(self, scale: object, zero_point: object) -> Quantization:
        """Parameters that two nodes fetch from buffers."""
        assert isinstance(scale, torch.fx.Node) and isinstance(zero_point, torch.fx.Node)
        values = [
            getattr(self.graph_module, str(node.target)).item() for node in (scale, zero_point)
        ]
        return Quantization(float(values[0]), int(values[1]))

    def source_quantization(self, node: torch.fx.Node) -> Quantization:
        """Parameters of the node's first input."""
        return self.parameters[self.names[self.sources(node)[0]]]

    def visit(self, node: torch.fx.Node) -> None:
        """Import one node."""
        if node.op == "placeholder":
            self.names[node] = "input"
        elif node.op == "call_module":
            self.visit_module(node, self.graph_module.get_submodule(str(node.target)))
        elif node.op in ("call_function", "call_method"):
            self.visit_function(node)

    def visit_module(self, node: torch.fx.Node, module: nn.Module) -> None:
        """Import a quantized layer, a pool or an identity."""
        source = self.source_quantization(node)
        name = f"{self.network}.{node.target}"
        layer = layer_of(module, name, source)
        if layer is not None:
            overflow.verify(layer)
            self.layers[name] = layer
            self.add(node, "layer", {"name": name}, layer.output)
        elif isinstance(module, nn.MaxPool2d):
            keys = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")
            self.add(node, "max_pool", {key: getattr(module, key) for key in keys}, source)
        elif isinstance(module, nn.AdaptiveAvgPool2d):
            size = module.output_size
            pair = [size, size] if isinstance(size, int | None) else list(size)
            self.add(node, "avg_pool", {"output_size": pair}, source)
        elif isinstance(module, nn.Dropout | nn.Identity):
            self.names[node] = self.names[self.sources(node)[0]]
        else:
            raise ValueError(f"{name}: module must be one that maccord knows, got {module}")

    def visit_function(self, node: torch.fx.Node) -> None:
        """Import an operator without weights."""
        handlers: dict[object, Callable[[torch.fx.Node], None]] = {
            torch.quantize_per_tensor: self._quantize,
            torch.ops.quantized.add: self._add,
            torch.ops.quantized.add_relu: self._add,
            torch.cat: self._cat,
            torch.flatten: self._flatten,
            "dequantize": lambda node: self.add(node, "dequantize", {}, None),
        }
        if node.target not in handlers:
            raise ValueError(
                f"{self.network}: operator must be one that maccord knows, got {node.target}"
            )
        handlers[node.target](node)

    def _quantize(self, node: torch.fx.Node) -> None:
        quantization = self.quantization(*node.args[1:3])
        arguments = {"scale": quantization.scale, "zero_point": quantization.zero_point}
        self.add(node, "quantize", arguments, quantization)

    def _add(self, node: torch.fx.Node) -> None:
        quantization = self.quantization(*node.args[2:4])
        arguments = {"scale": quantization.scale, "zero_point": quantization.zero_point}
        op = "add" if node.target is torch.ops.quantized.add else "add_relu"
        self.add(node, op, arguments, quantization)

    def _cat(self, node: torch.fx.Node) -> None:
        found = {self.parameters[self.names[source]] for source in self.sources(node)}
        if len(found) != 1:
            raise ValueError(
                f"{self.network}.{node.name}: inputs of cat must share scale and zero point, "
                f"got {sorted(found, key=python_operator.attrgetter('scale'))}"
            )
        dim = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim", 0)
        self.add(node, "cat", {"dim": dim}, found.pop())

    def _flatten(self, node: torch.fx.Node) -> None:
        start = node.args[1] if len(node.args) > 1 else node.kwargs.get("start_dim", 0)
        self.add(node, "flatten", {"start_dim": start}, self.source_quantization(node))


def import_network(
    graph_module: torch.fx.GraphModule, network: str
) -> tuple[list[Step], dict[str, Layer]]:
    """Steps and layers of a converted network.

    Parameters
    ----------
    graph_module : GraphModule
        From `framework.convert`.
    network : str
        Put before each module's path: ``resnet18`` gives ``resnet18.layer1.0.conv1``.

    Returns
    -------
    steps : list of Step
    layers : dict of str to Layer
        In order of execution, each proved free of overflow.

    Raises
    ------
    ValueError
        If a module or operator is not known, or a layer's accumulator could overflow.
    """
    importer = _Importer(graph_module, network)
    for node in graph_module.graph.nodes:
        importer.visit(node)
    return importer.steps, importer.layers
