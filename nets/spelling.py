"""Normalizes a traced float network for PyTorch's quantization.

``torch.ao.quantization`` matches operators by name: it removes in-place statements as dead code,
loses ``alpha`` and keyword arguments, assigns a single scale to a module that is called twice, and
leaves some variants of ReLU unfused. The graph is therefore rewritten before quantization without
changing its results; `framework.convert` checks this bit by bit on an image. The network quantized
and converted afterwards is the reference, and is run as PyTorch created it.
"""

from __future__ import annotations

import inspect
import operator as python_operator
from copy import copy
from typing import Any, NoReturn

import torch
from torch import fx, nn
from torch.nn import functional

from .examples import Example
from .functional_layers import spell_layers
from .operands import spell_operands
from .parts import SCOPE, spell_parts
from .separate_layers import separate_layers
from .source_line import LineTracer
from .unit_pools import spell_unit_pools
from .unquantized import leave_in_floats

__all__ = ["SCOPE", "spell", "trace"]

_RELU = (functional.relu, torch.relu, torch.relu_, "relu", "relu_")
_ADD = (torch.add, python_operator.iadd, "add", "add_")
_MUL = (torch.mul, torch.multiply, python_operator.imul, "mul", "mul_", "multiply", "multiply_")
_INPLACE_OPERATORS = (
    *(python_operator.iadd, python_operator.isub, python_operator.imul),
    *(python_operator.itruediv, python_operator.ifloordiv, python_operator.ipow),
)
_COMMUTING = (python_operator.add, python_operator.mul, *_ADD, *_MUL)
_PURE: dict[object, Any] = {  # in-place functions and methods, and their pure equivalents
    "clamp_": "clamp",
    "add_": "add",
    python_operator.iadd: python_operator.add,
    torch.clamp_: torch.clamp,
    functional.hardtanh_: functional.hardtanh,
}
_PURE |= {
    getattr(functional, f"{word}_"): getattr(functional, word)
    for word in ("celu", "elu", "leaky_relu", "rrelu", "selu", "threshold")
}
_PURE |= {f"{word}_": word for word in ("sigmoid", "tanh", "exp", "log", "sqrt", "abs", "neg")}
_PURE |= {f"{word}_": word for word in ("sub", "div", "pow", "square", "reciprocal", "round")}
_CLAMPS = (torch.clamp, torch.clamp_, "clamp", "clamp_")
_VIEWS = (torch.flatten, torch.reshape, "flatten", "reshape", "view", "contiguous")
_VIEWS += (torch.chunk, torch.split, torch.narrow, "chunk", "split", "narrow")
_VIEWS += (python_operator.getitem,)
_AVERAGES = (nn.AvgPool1d, nn.AvgPool2d)
_AVERAGE_FUNCTIONS = (functional.avg_pool1d, functional.avg_pool2d)
_NO_PADDING = (0, (0,), [0], (0, 0), [0, 0])
_SAME = (functional.dropout, functional.dropout2d)
_SAME_MODULES = (nn.Identity, nn.Dropout, nn.Dropout2d)


def trace(model: nn.Module) -> fx.GraphModule:
    """Trace a network; each node's meta holds its calling module under `SCOPE`.

    The modules are the network's own, not copies.
    """
    tracer = LineTracer()
    graph = tracer.trace(model)
    for node in graph.nodes:
        path, _ = tracer.node_name_to_scope.get(node.name, ("", None))
        node.meta[SCOPE] = f"{path}.".lstrip(".")
    return fx.GraphModule(model, graph)


def spell(traced: fx.GraphModule, network: str, example: Example) -> None:
    """Rewrite a traced network in place, without changing its results.

    Keyword arguments become positional where quantization expects tensors. Readers of a tensor
    after an in-place operator are redirected to the operator's result. ReLUs, sums, products and
    means over an image each get a canonical form. A layer that is called twice becomes two, with
    separate scales.

    Parameters
    ----------
    traced : GraphModule
        From `trace`.
    network : str
        Name for error messages.
    example : tuple of Tensor of shape (N, ...)
        For the sizes.

    Raises
    ------
    ValueError
        If a call cannot be rewritten to keep its meaning in INT8; the message names it.
    """
    speller = _Speller(traced, network)
    for node in list(traced.graph.nodes):
        speller.positional(node)
    for node in list(traced.graph.nodes):
        if speller.in_place(node):
            speller.reroute(node)
    spell_layers(traced)
    for node in list(traced.graph.nodes):
        speller.respell(node)
    separate_layers(traced)
    spell_unit_pools(traced)
    spell_operands(traced, example)
    spell_parts(traced, example)
    traced.graph.eliminate_dead_code()
    traced.recompile()


_DROPOUTS = (nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)  # floating point to PyTorch's quantization


class _Speller:
    """Rewrites nodes of one graph."""

    def __init__(self, traced: fx.GraphModule, network: str) -> None:
        self.module = traced
        self.network = network

    def refuse(self, node: fx.Node, wanted: str) -> NoReturn:
        """Raise ValueError for a call, with its module's path."""
        raise ValueError(f"{self.network}.{self.path(node)}: {wanted}")

    def path(self, node: fx.Node) -> str:
        """Return the path of the called or calling module, followed by the operator."""
        if node.op == "call_module":
            return str(node.target)
        return f"{node.meta.get(SCOPE, '')}{_word(node)}"

    def submodule(self, node: fx.Node) -> nn.Module | None:
        """Return the module called by the node, if any."""
        return self.module.get_submodule(str(node.target)) if node.op == "call_module" else None

    def replace(
        self, node: fx.Node, op: str, target: Any, args: tuple[Any, ...], scope: str | None = None
    ) -> None:
        """Replace a node by another call."""
        with self.module.graph.inserting_before(node):
            new = self.module.graph.create_node(op, target, args)
        new.meta.update(copy(node.meta))
        if scope is not None:
            new.meta[SCOPE] = scope
        node.replace_all_uses_with(new)
        self.module.graph.erase_node(node)

    def positional(self, node: fx.Node) -> None:
        """Move the tensors of a call from keywords to the front of its arguments."""
        if node.op not in ("call_function", "call_module", "call_method"):
            return
        if node.kwargs.get("out") is not None:
            self.refuse(node, "call must return its result, got one that writes into a tensor")
        values = dict(node.kwargs)
        leading = [values.pop(key) for key in ("input", "tensors", "other") if key in values]
        node.args, node.kwargs = (*node.args, *leading), values

    def in_place(self, node: fx.Node) -> bool:
        """Whether the call modifies its first argument."""
        module = self.submodule(node)
        if module is not None:
            return bool(getattr(module, "inplace", False))
        if node.op == "call_method":
            return str(node.target).endswith("_") and not str(node.target).endswith("__")
        if node.op != "call_function":
            return False
        if _operator(node) in _INPLACE_OPERATORS or _word(node).endswith("_"):
            return True
        return bool(_bound(node).get("inplace"))

    def reroute(self, node: fx.Node) -> None:
        """Redirect later readers of the modified tensor to the operator's result."""
        changed = node.args[0]
        if not isinstance(changed, fx.Node):
            return  # a number
        order = {each: number for number, each in enumerate(self.module.graph.nodes)}
        same = self.aliases(changed, views=False)
        for alias in self.aliases(changed, views=True):
            if order[alias] >= order[node]:
                continue  # computed from the result
            later = [user for user in alias.users if order[user] > order[node]]
            if later and alias not in same:
                self.refuse(
                    node,
                    f"{_word(node)} must not work in place on a tensor of which {alias.name} is "
                    f"a view that {later[0].name} reads later; write it without in-place",
                )
            for user in later:
                user.replace_input_with(alias, node)

    def aliases(self, node: fx.Node, *, views: bool) -> set[fx.Node]:
        """Nodes whose tensors alias the node's: the same object or, with `views`, views of it."""
        found, todo = {node}, [node]
        while todo:
            current = todo.pop()
            near = [user for user in current.users if self.aliased(user, views)]
            if self.aliased(current, views) and isinstance(current.args[0], fx.Node):
                near.append(current.args[0])
            todo += [other for other in near if other not in found]
            found.update(near)
        return found

    def aliased(self, node: fx.Node, views: bool) -> bool:
        """Whether the node's tensor aliases its input or, with `views`, may be a view of it."""
        module = self.submodule(node)
        if isinstance(module, _SAME_MODULES) or _operator(node) in _SAME or self.in_place(node):
            return True
        return views and (isinstance(module, nn.Flatten) or _operator(node) in _VIEWS)

    def respell(self, node: fx.Node) -> None:
        """Rewrite a call to the form that quantization recognizes."""
        module = self.submodule(node)
        target: Any = _operator(node)
        if target in _COMMUTING and isinstance(node.args[0], int | float):
            node.args = (*node.args[1::-1], *node.args[2:])  # kernels take a number second
        if isinstance(module, _DROPOUTS):
            node.replace_all_uses_with(node.args[0])  # pyright: ignore[reportArgumentType]
            self.module.graph.erase_node(node)
        elif isinstance(module, nn.Flatten):
            args = (node.args[0], module.start_dim, module.end_dim)
            self.replace(node, "call_function", torch.flatten, args, str(node.target))
        elif target == "flatten":  # quantization knows only the function
            node.op, node.target = "call_function", torch.flatten
        elif target in _RELU:
            self.replace(node, "call_function", functional.relu, node.args[:1])
        elif target in _ADD:
            alpha = node.kwargs.get("alpha", 1)
            if alpha != 1:
                reason = f"alpha of add must be 1, got {alpha}: PyTorch's INT8 sum ignores it"
                self.pure(node)
                leave_in_floats(node, reason)
            else:
                self.replace(node, "call_function", python_operator.add, node.args)
        elif target in _MUL:
            self.replace(node, "call_function", python_operator.mul, node.args)
        elif target in (torch.mean, "mean"):
            self.mean(node)
        elif isinstance(module, _AVERAGES) or target in _AVERAGE_FUNCTIONS:
            self.average(node, module)
        elif target in _CLAMPS:
            self.clamp(node)
        elif target in _PURE:
            self.pure(node)
        elif node.op == "call_function" and _bound(node).get("inplace"):
            values = _bound(node) | {"inplace": False}
            node.args, node.kwargs = tuple(values.values()), {}

    def pure(self, node: fx.Node) -> None:
        """Call the equivalent that leaves its arguments alone."""
        node.target = _PURE.get(node.target, node.target)

    def average(self, node: fx.Node, module: nn.Module | None) -> None:
        """Leave in floating point an average pool of which INT8 ignores an argument."""
        names = ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad")
        names += ("divisor_override",)
        given: dict[str, Any] = dict(zip(names, node.args[1:], strict=False)) | node.kwargs
        if module is not None:
            given = {name: getattr(module, name) for name in names if hasattr(module, name)}
        word = "avg_pool1d" if self.is_1d(node, module) else "avg_pool2d"
        reason = ""
        if given.get("count_include_pad") is False and given.get("padding", 0) not in _NO_PADDING:
            reason = (
                f"count_include_pad of {word} must be True where there is padding, got False: "
                "PyTorch's INT8 kernel always counts it"
            )
        elif given.get("divisor_override"):
            reason = f"divisor_override of {word} must be off, got {given['divisor_override']}"
        if not reason:
            return
        if module is not None:
            args = (node.args[0], *given.values())
            function = getattr(functional, word)
            with self.module.graph.inserting_before(node):
                new = self.module.graph.call_function(function, args)
            new.meta.update(copy(node.meta) | {SCOPE: str(node.target)})
            node.replace_all_uses_with(new)
            self.module.graph.erase_node(node)
            node = new
        leave_in_floats(node, reason)

    def is_1d(self, node: fx.Node, module: nn.Module | None) -> bool:
        """Whether an average pool is one of signals."""
        return isinstance(module, nn.AvgPool1d) or node.target is functional.avg_pool1d

    def mean(self, node: fx.Node) -> None:
        """Write an image's dimensions as [2, 3]: other forms use a kernel that rounds otherwise."""
        dims: Any = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim")
        if isinstance(dims, list | tuple) and sorted(dim % 4 for dim in dims) == [2, 3]:
            options = {key: value for key, value in node.kwargs.items() if key != "dim"}
            node.args, node.kwargs = (*node.args[:1], [2, 3], *node.args[2:]), options

    def clamp(self, node: fx.Node) -> None:
        """Write a clamp with one bound as a ReLU or in floating point: INT8 clamps need both."""
        node.target = _PURE.get(node.target, node.target)
        low, high = (
            node.args[position] if len(node.args) > position else node.kwargs.get(name)
            for position, name in ((1, "min"), (2, "max"))
        )
        if high is None and isinstance(low, int | float):
            if low == 0:
                self.replace(node, "call_function", functional.relu, node.args[:1])
            else:
                self.replace(node, "call_function", torch.clamp_min, (node.args[0], low))
        elif low is None and isinstance(high, int | float):
            self.replace(node, "call_function", torch.clamp_max, (node.args[0], high))


def _operator(node: fx.Node) -> object:
    """Return the function or method called by a node; None for other nodes."""
    return node.target if node.op in ("call_function", "call_method") else None


def _word(node: fx.Node) -> str:
    """Name of the function or method called by a node."""
    target: Any = node.target
    return getattr(target, "__name__", str(target))


def _bound(node: fx.Node) -> dict[str, Any]:
    """Arguments of a Python function by name; empty for C functions."""
    target: Any = node.target
    assert callable(target)
    try:
        bound = inspect.signature(target).bind(*node.args, **node.kwargs)
    except (TypeError, ValueError):
        return {}
    if any(p.kind is not p.POSITIONAL_OR_KEYWORD for p in bound.signature.parameters.values()):
        return {}
    bound.apply_defaults()
    return bound.arguments
