"""Imports PyTorch's converted network as steps and layers."""

from __future__ import annotations

import operator as python_operator
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NoReturn

import torch
from torch import nn

from ..golden import overflow
from ..golden.graph import Layer, Quantization
from .examples import Example
from .flattened import is_flatten, take_flat
from .framework import path_of
from .functions import Functions
from .host import HostRegions
from .import_inputs import input_arguments, input_label
from .import_parts import note_part, take_part
from .int8 import Step
from .int8_modules import NO_PADS, Pads, is_conv1d, is_convolution, layer_of
from .operator_names import FUNCTIONS, MODULES, SIGNATURES
from .pads import padding_of
from .pairs import PAIRS, import_pair
from .parts import PARTS
from .results import TRANSPOSES, import_results, import_transpose
from .source_line import LINE
from .unquantized import REASON
from .unsupported import Unsupported

__all__ = ["Importer", "import_network"]

# inplace: `spelling` has removed other readers; other arguments are rejected where they matter
_DROPPED = ("inplace", "return_indices", "count_include_pad")
_NO_PADDING = (None, 0, (0,), [0], (0, 0), [0, 0])


class Importer:
    """Walks a converted graph and tracks the quantization parameters of each value."""

    def __init__(self, graph_module: torch.fx.GraphModule, network: str) -> None:
        self.graph_module = graph_module
        self.network = network
        self.steps: list[Step] = []
        self.layers: dict[str, Layer] = {}
        self.names: dict[torch.fx.Node, str] = {}  # step that holds each node's value
        self.parameters: dict[str, Quantization] = {}
        self.floats: dict[torch.fx.Node, tuple[torch.fx.Node, Pads]] = {}  # source, padding
        self.flat: dict[torch.fx.Node, torch.fx.Node] = {}  # flattened numbers, and what of
        self.pads: dict[torch.fx.Node, Pads] = {}  # padding of codes; the name is the source's
        self.parts: dict[torch.fx.Node, torch.fx.Node] = {}  # part of floats, and their source
        self.heads: set[torch.fx.Node] = set()  # quantize what the host computes of the inputs
        self.functions = Functions(graph_module)

    def name(self, path: str) -> str:
        """Return a new step's name: network name and path, numbered if already used."""
        taken = {step.name for step in self.steps}
        name, count = f"{self.network}.{path}", 0
        while name in taken or name == self.network:
            count += 1
            name = f"{self.network}.{path}_{count}"
        return name

    def add(
        self,
        node: torch.fx.Node,
        op: str,
        arguments: dict,
        quantization: Quantization | None,
        name: str | None = None,
    ) -> None:
        """Append a step for the node, named after the enclosing module."""
        if name is None:
            word = op.removesuffix("_relu").removesuffix("_scalar")
            name = self.name(path_of(node, word))
        inputs = tuple(self.names[source] for source in self.sources(node))
        self.steps.append(Step(name, op, inputs, arguments, node.name))
        self.names[node] = name
        if quantization is not None:
            self.parameters[name] = quantization

    def sources(self, node: torch.fx.Node) -> list[torch.fx.Node]:
        """Nodes of the tensors that the node reads, with repetitions."""
        args = node.args[0] if node.args and isinstance(node.args[0], list | tuple) else node.args
        return [arg for arg in args if isinstance(arg, torch.fx.Node) and arg in self.names]

    def no_pads(self, node: torch.fx.Node) -> None:
        """Reject a padded input, which only convolutions support."""
        if any(source in self.pads for source in self.sources(node)):
            call = str(node.target) if node.op == "call_module" else path_of(node, node.name)
            raise Unsupported(
                f"{self.network}.{call}: input must be a tensor without "
                "padding of its own, got one that pad made: only convolutions read such a one",
                node.name,
            )

    def quantization(self, scale: object, zero_point: object) -> Quantization:
        """Quantization parameters that two nodes fetch from buffers."""
        assert isinstance(scale, torch.fx.Node)
        assert isinstance(zero_point, torch.fx.Node)
        values = [
            getattr(self.graph_module, str(node.target)).item() for node in (scale, zero_point)
        ]
        try:
            return Quantization(float(values[0]), int(values[1]))
        except ValueError as error:
            raise ValueError(f"{scale.target}: {error}") from None

    def source_quantization(self, node: torch.fx.Node) -> Quantization:
        """Quantization parameters of the node's first input, which must be quantized."""
        sources = self.sources(node)
        if not sources or self.names[sources[0]] not in self.parameters:
            self.refuse(node)
        return self.parameters[self.names[sources[0]]]

    def called(self, node: torch.fx.Node) -> str:
        """Name of the module's class, function or method that the node calls."""
        target: Any = node.target
        if node.op == "call_module":
            return type(self.graph_module.get_submodule(target)).__name__
        return getattr(target, "__name__", str(target)).removeprefix("quantized.")

    def refuse(self, node: torch.fx.Node) -> NoReturn:
        """Raise Unsupported for an unknown operator."""
        path = str(node.target) if node.op == "call_module" else path_of(node, self.called(node))
        if node.meta.get(REASON):
            raise Unsupported(f"{self.network}.{path}: {node.meta[REASON]}", node.name)
        raise Unsupported(
            f"{self.network}.{path}: operator must be one that maccord knows on quantized "
            f"tensors, got {self.called(node)}",
            node.name,
        )

    def visit(self, node: torch.fx.Node) -> None:
        """Import one node."""
        if node.meta.get(REASON):
            self.refuse(node)
        if node in self.functions.inner:
            return
        if node in self.functions.ends and node.target not in PAIRS:
            self.function(node)
            return
        module = None
        if node.op == "call_module":
            module = self.graph_module.get_submodule(str(node.target))
        if self.is_pad(node):
            self._pad(node, module)
            return
        if node.target in PARTS:
            note_part(self, node)
            return
        if is_flatten(self, node):
            self.flat[node] = _first(node)
            return
        if not is_convolution(module) and not self.feeds_pads(node):
            self.no_pads(node)
        if node.op == "placeholder":
            self.names[node] = input_label(node)
        elif module is not None:
            self.visit_module(node, module)
        elif node.op in ("call_function", "call_method"):
            self.visit_function(node)
        elif node.op == "output":
            import_results(self, node)

    def visit_module(self, node: torch.fx.Node, module: nn.Module) -> None:
        """Import a quantized layer, a pool, an activation or an identity."""
        source = self.source_quantization(node)
        name = self.name(str(node.target))
        pads = self.pads.get(self.sources(node)[0], NO_PADS)
        layer = layer_of(module, name, source, pads)
        if layer is not None:
            overflow.verify(layer)
            self.layers[name] = layer
            arguments = {"name": name} if pads == NO_PADS else {"name": name, "pads": pads}
            arguments |= {"signal": True} if is_conv1d(module) else {}
            self.add(node, "layer", arguments, layer.output, name)
            return
        for kind, op in MODULES:
            if isinstance(module, kind):
                values = {key: getattr(module, key, None) for key in SIGNATURES[op]}
                self.plain(node, op, values, name)
                return
        self.refuse(node)

    def visit_function(self, node: torch.fx.Node) -> None:
        """Import an operator without weights."""
        handlers: dict[object, Callable[[torch.fx.Node], None]] = {
            torch.quantize_per_tensor: self._quantize,
            **dict.fromkeys(PAIRS, partial(import_pair, self)),
            "dequantize": self._dequantize,
            **dict.fromkeys(("view", "reshape", torch.reshape), self._reshape),
            **dict.fromkeys(TRANSPOSES, partial(import_transpose, self)),
            **dict.fromkeys(("size", getattr, python_operator.getitem), self._size),
        }
        if node.target in handlers:
            handlers[node.target](node)
        elif node.target in FUNCTIONS:
            op = FUNCTIONS[node.target]
            values = dict(zip(SIGNATURES[op], node.args[1:], strict=False)) | node.kwargs
            self.plain(node, op, values)
        else:
            self.refuse(node)

    def plain(
        self, node: torch.fx.Node, op: str, values: dict[str, Any], name: str | None = None
    ) -> None:
        """Append a step whose output has the quantization of its first input."""
        source = self.source_quantization(node)
        if op == "identity":
            self.names[node] = self.names[self.sources(node)[0]]
            return
        if values.get("return_indices"):
            self.refuse(node)
        if values.get("count_include_pad") is False and values.get("padding") not in _NO_PADDING:
            raise ValueError(
                f"{name or self.name(path_of(node, op))}: count_include_pad of {op} must be True "
                "where there is padding, got False: PyTorch's INT8 kernel always counts it"
            )
        arguments = {
            key: list(value) if isinstance(value, list | tuple) else value
            for key, value in values.items()
            if key not in _DROPPED and value is not None
        }
        if any(isinstance(value, torch.fx.Node) for value in arguments.values()):
            self.refuse(node)
        self.add(node, op, arguments, source, name)

    def function(self, node: torch.fx.Node) -> None:
        """Import a function of one code as its table."""
        function = self.functions.ends[node]
        self.no_pads(function.nodes[0])
        lines = (each.meta.get(LINE) for each in reversed(function.nodes))
        node.meta[LINE] = next(filter(None, lines), "")
        source = self.source_quantization(function.nodes[0])
        name = self.name(function.path)
        values, output = self.functions.table(function, name, source)
        self.steps.append(Step(name, "lookup", (self.names[function.source],), values, node.name))
        self.names[node], self.parameters[name] = name, output

    def reads(self, node: torch.fx.Node) -> list[torch.fx.Node]:
        """Nodes whose results the node's step reads."""
        function = self.functions.ends.get(node)
        return [function.source] if function else node.all_input_nodes

    def _pad(self, node: torch.fx.Node, module: nn.Module | None) -> None:
        """Note zeros around dequantized codes, which are to be quantized again."""
        source, before = self.floats.get(_first(node), (None, NO_PADS))
        widths, mode, value = padding_of(node, module)
        if source is None:
            self.refuse(node)
        if mode != "constant" or value or min(widths) < 0 or len(widths) > 4:
            raise Unsupported(
                f"{self.network}.{path_of(node, node.name)}: pad must put zeros around an image "
                f"of four dimensions, got widths {widths}, mode {mode} and value {value}",
                node.name,
            )
        left, right, top, bottom = (*widths, 0, 0)[:4]
        rows, columns = before
        pads = ((rows[0] + top, rows[1] + bottom), (columns[0] + left, columns[1] + right))
        self.floats[node] = (source, pads)

    def _requantize(self, node: torch.fx.Node) -> None:
        """Take padded numbers back as the codes that they were."""
        source, pads = self.floats[_first(node)]
        name = self.names[source]
        if self.quantization(*node.args[1:3]) != self.parameters[name]:
            self.refuse(node)
        self.names[node] = name
        self.pads[node] = pads

    def _quantize(self, node: torch.fx.Node) -> None:
        if node.args[0] in self.floats:
            self._requantize(node)
            return
        if node.args[0] in self.parts:
            take_part(self, node)
            return
        if node.args[0] in self.flat:
            take_flat(self, node)
            return
        if node.args[0].op == "get_attr":  # type: ignore[union-attr]
            self._refuse_constant(node)
        if _first(node).op != "placeholder" and node not in self.heads:
            self.refuse(node)  # a preceding operator runs in floating point
        quantization = self.quantization(*node.args[1:3])
        arguments = {"scale": quantization.scale, "zero_point": quantization.zero_point}
        arguments |= input_arguments(node)
        self.add(node, "quantize", arguments, quantization, self.name(input_label(node)))

    def _refuse_constant(self, node: torch.fx.Node) -> NoReturn:
        """Refuse the call that reads a tensor of the network's own as an operand."""
        user = next(iter(node.users))
        path = str(user.target) if user.op == "call_module" else path_of(user, self.called(user))
        raise Unsupported(
            f"{self.network}.{path}: inputs must be tensors that the network computes, or numbers, "
            f"got the constant tensor {_first(node).target}",
            user.name,
        )

    def _dequantize(self, node: torch.fx.Node) -> None:
        """Note the codes, which paddings or the network's output read as numbers."""
        self.source_quantization(node)
        source = self.sources(node)[0]
        self.floats[node] = (source, self.pads.get(source, NO_PADS))

    def feeds_pads(self, node: torch.fx.Node) -> bool:
        """Whether the node dequantizes codes that only paddings and parts read."""
        read = all(user.target in PARTS or self.is_pad(user) for user in node.users)
        return node.target == "dequantize" and read

    def is_pad(self, node: torch.fx.Node) -> bool:
        """Whether the node is a padding."""
        if node.op == "call_module":
            module = self.graph_module.get_submodule(str(node.target))
            return isinstance(module, nn.ConstantPad1d | nn.ConstantPad2d)
        return node.target is nn.functional.pad

    def _reshape(self, node: torch.fx.Node) -> None:
        """Import a reshape to one row per image: (N, -1) with N its size, or (-1, K)."""
        args = node.args[1:]
        shape = list(args[0]) if len(args) == 1 and isinstance(args[0], list | tuple) else [*args]
        if len(shape) != 2:
            self.refuse(node)
        source = self.source_quantization(node)
        if isinstance(shape[0], torch.fx.Node) and shape[1] == -1:
            self.add(node, "flatten", {"start_dim": 1}, source)
        elif shape[0] == -1 and isinstance(shape[1], int):
            self.add(node, "reshape", {"shape": shape}, source)
        else:
            self.refuse(node)

    def _size(self, node: torch.fx.Node) -> None:
        """Ignore a size, which is not a tensor; only `_reshape` reads it."""
        source = node.args[0]
        tensor = source in self.names
        if not tensor and not (
            isinstance(source, torch.fx.Node) and source.target in ("size", getattr)
        ):
            self.refuse(node)
        allowed = {
            "size": (node.args[1:] in ((), (0,))),
            getattr: node.args[1:] == ("shape",),
            python_operator.getitem: not tensor and node.args[1:] == (0,),
        }
        if not allowed[node.target]:
            self.refuse(node)


def _first(node: torch.fx.Node) -> Any:  # noqa: ANN401
    """Return a node's first argument."""
    return node.args[0]


def import_network(
    graph_module: torch.fx.GraphModule,
    network: str,
    example: Example | None = None,
    hosted: Mapping[str, Unsupported] | None = None,
) -> tuple[list[Step], dict[str, Layer]]:
    """Return steps and layers of a converted network.

    Parameters
    ----------
    graph_module : GraphModule
        From `framework.convert`.
    network : str
        Prefix of each module's path: ``resnet18`` gives ``resnet18.layer1.0.conv1``, and
        ``resnet18.layer1.0.add`` for a sum in that block.
    example : tuple of Tensor of shape (1, ...), optional
        Any normalized inputs; with them, the host computes what the accelerator lacks.
    hosted : mapping of str to Unsupported, optional
        Further nodes of the graph that the host computes, with the reason.

    Returns
    -------
    steps : list of Step
        From ``<network>.input``, the quantized image, to ``<network>.logits``; of several inputs
        ``<network>.input.NAME`` each.
    layers : dict of str to Layer
        In order of execution, each proven free of overflow.

    Raises
    ------
    Unsupported
        If a module or operator is unknown; with `example`, if the host cannot compute it either.
    ValueError
        If a layer's accumulator could overflow.
    """
    importer = Importer(graph_module, network)
    visitor = importer if example is None else HostRegions(importer, example, hosted or {})
    for node in graph_module.graph.nodes:
        visitor.visit(node)
    return importer.steps, importer.layers
