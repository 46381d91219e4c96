"""Functions of one code in a converted network, and the tables that PyTorch's kernels give.

Such a function is one operator on a quantized tensor, or a chain between two: dequantize,
elementwise operators of one tensor in floating point, quantize.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx, nn
from torch.ao.nn import quantized
from torch.nn import functional

from ..golden.graph import Quantization
from .framework import path_of, qnnpack
from .unsupported import Unsupported

__all__ = ["TAILED", "TAILED_MODULES", "Function", "Functions"]

_CODES = 256
#: Kernels that round ties otherwise in the last elements of a tensor, those behind its last whole
#: vector: the zero point is added before the rounding there, and after it elsewhere.
TAILED = (torch.ops.quantized.leaky_relu, torch.ops.quantized.elu)
TAILED_MODULES = (quantized.LeakyReLU, quantized.ELU)

# On quantized tensors
_INT8_MODULES = (
    *(quantized.Hardswish, quantized.LeakyReLU, quantized.ELU, quantized.Sigmoid),
    *(nn.Sigmoid, nn.Hardsigmoid, nn.Tanh),
)
_INT8_FUNCTIONS = (
    *(torch.ops.quantized.hardswish, torch.ops.quantized.leaky_relu, torch.ops.quantized.elu),
    *(torch.sigmoid, functional.sigmoid, "sigmoid", torch.tanh, functional.tanh, "tanh"),
    functional.hardsigmoid,
)
_INT8_BINARY = (  # with a number
    *(torch.ops.quantized.mul, torch.ops.quantized.mul_relu),
    *(torch.ops.quantized.add, torch.ops.quantized.add_relu),
)
# In floating point
_FLOAT_MODULES = (
    *(nn.Hardswish, nn.SiLU, nn.Sigmoid, nn.Hardsigmoid, nn.Tanh, nn.LeakyReLU, nn.ELU, nn.GELU),
    *(nn.Mish, nn.Softplus, nn.CELU, nn.SELU, nn.ReLU, nn.Hardtanh, nn.Softsign, nn.LogSigmoid),
    *(nn.Tanhshrink, nn.Hardshrink, nn.Softshrink, nn.Threshold, nn.Identity, nn.Dropout),
)
_WORDS = (
    *("hardswish", "silu", "sigmoid", "hardsigmoid", "tanh", "leaky_relu", "elu", "gelu", "mish"),
    *("softplus", "celu", "selu", "relu", "relu6", "hardtanh", "softsign", "logsigmoid"),
    *("tanhshrink", "hardshrink", "softshrink", "threshold", "clamp", "abs", "neg", "exp", "log"),
    *("sqrt", "rsqrt", "reciprocal", "square", "sin", "cos", "erf"),
    *("add", "sub", "rsub", "mul", "div", "true_divide", "truediv", "pow"),
)
_FLOAT_FUNCTIONS: set[object] = {
    getattr(module, word)
    for module in (torch, functional, operator)
    for word in _WORDS
    if hasattr(module, word)
} | set(_WORDS)


@dataclass(frozen=True, eq=False)
class Function:
    """A function of one code.

    Parameters
    ----------
    source : Node
        The quantized tensor that it reads.
    nodes : tuple of Node
        In order; the last one's result is quantized.
    """

    source: fx.Node
    nodes: tuple[fx.Node, ...]

    @property
    def path(self) -> str:
        """Path after which the function is called: of a chain, that of its last operator."""
        nodes = list(self.nodes)
        node = nodes[len(nodes) - 2] if len(nodes) > 2 else nodes[0]
        target: Any = node.target
        if node.op == "call_module":
            return str(target)
        word = getattr(target, "__name__", str(target)).removeprefix("quantized.")
        return path_of(node, word)


class Functions:
    """The functions of one code in a converted graph.

    Attributes
    ----------
    ends : dict of Node to Function
        By the node of the function's result.
    inner : set of Node
        Nodes that only such functions read, and that are part of them.
    """

    def __init__(self, graph_module: fx.GraphModule) -> None:
        self._graph_module = graph_module
        self._modules = dict(graph_module.named_modules(remove_duplicate=False))
        self.ends: dict[fx.Node, Function] = {}
        self.inner: set[fx.Node] = set()
        floats: dict[fx.Node, Function] = {}
        for node in graph_module.graph.nodes:
            read = [each for each in node.all_input_nodes if each.op != "get_attr"]
            if len(read) == 1:
                self._visit(node, read[0], floats)
        for node in reversed(list(floats)):
            if node.users and all(user in self.ends or user in self.inner for user in node.users):
                self.inner.add(node)

    def _visit(self, node: fx.Node, read: fx.Node, floats: dict[fx.Node, Function]) -> None:
        """Begin, continue or end a function."""
        before = floats.get(read)
        if node.target == "dequantize":
            floats[node] = Function(read, (node,))
        elif before and self._is(node, _FLOAT_MODULES, _FLOAT_FUNCTIONS):
            floats[node] = Function(before.source, (*before.nodes, node))
        elif before and node.target is torch.quantize_per_tensor:
            self.ends[node] = Function(before.source, (*before.nodes, node))
        elif not before and self._is_int8(node):
            self.ends[node] = Function(read, (node,))

    def _is_int8(self, node: fx.Node) -> bool:
        if node.target in _INT8_BINARY:
            return any(isinstance(arg, int | float) for arg in node.args[:2])
        module = self._modules.get(str(node.target)) if node.op == "call_module" else None
        if isinstance(module, quantized.PReLU):
            return module.weight.numel() == 1  # else one a channel
        return self._is(node, _INT8_MODULES, _INT8_FUNCTIONS)

    def _is(self, node: fx.Node, modules: tuple[type[nn.Module], ...], functions: Any) -> bool:  # noqa: ANN401
        if node.op == "call_module":
            return isinstance(self._modules[str(node.target)], modules)
        return node.op in ("call_function", "call_method") and node.target in functions

    def table(
        self, function: Function, name: str, source: Quantization
    ) -> tuple[dict[str, Any], Quantization]:
        """Run a function's own nodes on all codes.

        Parameters
        ----------
        function : Function
        name : str
            For error messages.
        source : Quantization
            Of the tensor that it reads.

        Returns
        -------
        arguments : dict
            Of the function's step: `scale`, `zero_point` and `table`, the output code of each
            input code.
        output : Quantization

        Raises
        ------
        Unsupported
            If a code's result depends on its place in the tensor.
        """
        codes = torch.arange(_CODES, dtype=torch.uint8)
        run = _Runner(self._graph_module, function)
        result = run(codes.reshape(1, 1, 16, 16), source)
        table = result.int_repr().reshape(-1)
        if not any(self._is(node, TAILED_MODULES, TAILED) for node in function.nodes):
            # One at a time: not in a vector
            alone = torch.cat([run(code.reshape(1, 1, 1, 1), source).int_repr() for code in codes])
            other = torch.nonzero(alone.reshape(-1) != table).reshape(-1).tolist()
            if other:
                raise Unsupported(
                    f"{name}: result must depend on the code alone, got {int(table[other[0]])} and "
                    f"{int(alone.reshape(-1)[other[0]])} for code {other[0]}, depending on its "
                    "place in the tensor",
                    function.nodes[-1].name,
                )
        output = Quantization(result.q_scale(), result.q_zero_point())
        values = {"scale": output.scale, "zero_point": output.zero_point, "table": table.tolist()}
        return values, output


class _Runner:
    """Runs a function's nodes on a tensor."""

    def __init__(self, graph_module: fx.GraphModule, function: Function) -> None:
        self._interpreter = fx.Interpreter(graph_module, garbage_collect_values=False)
        self._function = function
        self._constants: Mapping[fx.Node, Any] = {
            each: self._interpreter.run_node(each)
            for node in function.nodes
            for each in node.all_input_nodes
            if each.op == "get_attr"
        }

    def __call__(self, codes: torch.Tensor, source: Quantization) -> torch.Tensor:
        """Return the quantized result for codes, uint8 of any shape."""
        with qnnpack():
            from_codes: Any = torch.ops.aten._make_per_tensor_quantized_tensor
            x = from_codes(codes, source.scale, source.zero_point)
            env = self._interpreter.env = {**self._constants, self._function.source: x}
            for node in self._function.nodes:
                env[node] = self._interpreter.run_node(node)
        return env[self._function.nodes[-1]]
