"""Imports a PT2E program: a quantized network that torch.export has traced.

Its graph is in floating point: between a dequantize and the next quantize stand one or more
operators, which XNNPACK computes in integers. Codes are int8; the graph's are those plus 128.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import torch
from torch.fx import Node

from ...golden.graph import Layer
from ...golden.quantization import Quantization
from ..int8 import Step
from ..layouts import Layout
from ..unsupported import Unsupported
from . import pt2_regions
from .pt2_host import import_hosted, import_tail
from .pt2_values import (
    NO_PADS,
    Codes,
    Floats,
    Real,
    Value,
    Weights,
    arguments_of,
    operator,
    path_of,
)

__all__ = ["Pt2Importer"]

_OFFSET = 128
_INT8 = (-128, 127, torch.int8)
_NARROW = (-127, 127, torch.int8)


@dataclass(frozen=True, eq=False)
class Work:
    """Operators between codes.

    Parameters
    ----------
    nodes : tuple of Node
    reads : tuple of Real
    end : Node
        The quantize node behind them.
    output : Quantization
    """

    nodes: tuple[Node, ...]
    reads: tuple[Real, ...]
    end: Node
    output: Quantization


class Pt2Importer:
    """Makes steps of a program's nodes.

    Parameters
    ----------
    program : ExportedProgram
    network : str
        Its name.
    hosted : mapping of str to Unsupported
        Quantize nodes behind what the host computes, with the reason.
    """

    def __init__(
        self,
        program: torch.export.ExportedProgram,
        network: str,
        hosted: Mapping[str, Unsupported],
    ) -> None:
        self.program = program
        self.network = network
        self.hosted = hosted
        self._ends: dict[str, str] = {}  # quantize node behind each node of a region
        self.steps: list[Step] = []
        self.layers: dict[str, Layer] = {}
        self.kinds: dict[str, Quantization] = {}  # by step
        self.made: dict[str, str] = {}  # by step, what the runtime shows it as
        self.constants = _constants(program)
        self.values: dict[Node, Value] = {}
        self.input = _input(program, network)
        self._names: set[str] = set()

    def place(self, error: Unsupported) -> str:
        """Return the quantize node behind a region that a refused step belongs to."""
        return self._ends.get(error.node.partition(":")[0], "")

    @property
    def shape(self) -> tuple[int, ...]:
        """PyTorch's shape of the input."""
        return tuple(int(size) for size in self.input.meta["val"].shape)

    def run(self) -> None:
        """Import all nodes and the results.

        Raises
        ------
        Unsupported
            For an operator that the accelerator lacks.
        ValueError
            If the program is not quantized as XNNPACK needs it.
        """
        for node in self.program.graph.nodes:
            if node.op == "call_function":
                self._visit(node)
            elif node.op == "output":
                self._results(node)

    def name(self, path: str) -> str:
        """Return a name of the network's that no other step has."""
        wanted = found = f"{self.network}.{path}"
        number = 1
        while found in self._names:
            number += 1
            found = f"{wanted}_{number}"
        self._names.add(found)
        return found

    def refuse(self, node: Node, what: str) -> NoReturn:
        """Refuse a node."""
        raise Unsupported(f"{self.network}.{path_of(node)}: {what}", node.name)

    def constant(self, node: object) -> torch.Tensor | None:
        """Return a parameter or buffer; None if the node is none."""
        return self.constants.get(node.name) if isinstance(node, Node) else None

    def add(
        self,
        op: str,
        reads: tuple[Real, ...],
        arguments: dict[str, Any],
        output: Quantization,
        name: str,
        node: str = "",
    ) -> Real:
        """Append a step."""
        self.steps.append(Step(name, op, tuple(read.step for read in reads), arguments, node))
        self.kinds[name], self.made[name] = output, node
        return Real(name)

    def _visit(self, node: Node) -> None:
        word = operator(node)
        if word == "quantize_per_tensor":
            self._quantize(node)
        elif word == "dequantize_per_tensor":
            self._dequantize(node)
        elif word == "dequantize_per_channel":
            self.values[node] = self._channel_weights(node)
        elif word not in pt2_regions.OPERATORS:
            self.refuse(node, f"operator must be one that maccord knows, got {node.target}")
        else:
            self._operator(node, word)

    def _kind(self, node: Node) -> Quantization:
        """Return the quantization of a node that quantizes or dequantizes activations."""
        values = arguments_of(node)
        kind = values["quant_min"], values["quant_max"], values["dtype"]
        if kind != _INT8:
            self.refuse(node, f"codes must be int8 from -128 to 127, got {_said(*kind)}")
        try:
            return Quantization(float(values["scale"]), int(values["zero_point"]) + _OFFSET)
        except ValueError as error:
            self.refuse(node, str(error))

    def _quantize(self, node: Node) -> None:
        source, kind = node.args[0], self._kind(node)
        assert isinstance(source, Node)
        value = self.values.get(source)
        if source is self.input or (isinstance(value, Floats) and not value.reads):
            if self.steps:
                self.refuse(node, "network must quantize its input once")
            name = self.name("input")
            arguments: dict[str, Any] = {"scale": kind.scale, "zero_point": kind.zero_point}
            if isinstance(value, Floats):  # padded: the codes are those of the padded image
                layout = Layout.IMAGE
                shape = layout.graph_shape(tuple(node.meta["val"].shape))[1:]
                arguments |= {"shape": list(shape), "layout": layout.value, "calls": ["pad"]}
            self.steps.append(Step(name, "quantize", ("input",), arguments, node.name))
            self.kinds[name], self.made[name] = kind, node.name
            self.values[node] = Codes(name)
            return
        if isinstance(value, Real) and self.kinds[value.step] == kind:
            self.values[node] = Codes(value.step, value.pads)
            return
        if isinstance(value, Real):
            self.refuse(node, "codes must keep their scale and zero point between operators")
        if not isinstance(value, Floats):
            self.refuse(node, f"{source.name} must be real values that the network computes")
        found = self._region(Work(value.nodes, value.reads, node, kind))
        self.values[node] = Codes(found.step, found.pads)

    def _region(self, work: Work) -> Real:
        """Import a region: on the accelerator if it can, else on the host."""
        self._ends |= dict.fromkeys((work.end.name, *(n.name for n in work.nodes)), work.end.name)
        reason = self.hosted.get(work.end.name)
        if reason is None:
            count, names, layers = len(self.steps), set(self._names), dict(self.layers)
            try:
                return pt2_regions.import_region(self, work)
            except Unsupported as error:
                del self.steps[count:]
                self._names, self.layers, reason = names, layers, error
        return import_hosted(self, work, str(reason))

    def _dequantize(self, node: Node) -> None:
        source = node.args[0]
        assert isinstance(source, Node)
        constant = self.constant(source)
        if constant is not None:
            values = arguments_of(node)
            self._check_weights(node, values, constant, values["zero_point"])
            self.values[node] = Weights(constant.numpy(), values["scale"], None)
            return
        value, kind = self.values.get(source), self._kind(node)
        if not isinstance(value, Codes) or self.kinds[value.step] != kind:
            self.refuse(node, f"{source.name} must be codes with the scale of their quantize node")
        self.values[node] = Real(value.step, value.pads)

    def _channel_weights(self, node: Node) -> Weights:
        values = arguments_of(node)
        codes, scales, zeros = (
            self.constant(values[key]) for key in ("input", "scales", "zero_points")
        )
        if codes is None or scales is None or zeros is None:
            self.refuse(node, "weights and their scales must be constants")
        self._check_weights(node, values, codes, int(zeros.abs().max()))
        return Weights(codes.numpy(), scales, int(values["axis"]))

    def _check_weights(
        self, node: Node, values: dict[str, Any], codes: torch.Tensor, zero_point: int
    ) -> None:
        kind = values["quant_min"], values["quant_max"], values["dtype"]
        if kind not in (_INT8, _NARROW) or codes.dtype != torch.int8 or zero_point:
            self.refuse(
                node,
                "weights must be int8 codes with zero point 0, got "
                f"{_said(*kind)}, tensor of {codes.dtype}, zero point {zero_point}",
            )

    def _operator(self, node: Node, word: str) -> None:
        """Note an operator on real values, behind those that it reads."""
        found: dict[Node, None] = {}
        reads: dict[Real, None] = {}
        for source in node.all_input_nodes:
            value = self.values.get(source)
            if isinstance(value, Floats):
                found |= dict.fromkeys(value.nodes)
                reads |= dict.fromkeys(value.reads)
            elif isinstance(value, Real):
                reads[value] = None
            elif source is self.input and word in pt2_regions.PADS:
                continue
            elif not isinstance(value, Weights) and self.constant(source) is None:
                self.refuse(node, f"input {source.name} of {word} must be quantized")
        if word in pt2_regions.IDENTITIES and len(reads) == 1 and not found:
            self.values[node] = next(iter(reads))
            return
        self.values[node] = Floats((*found, node), tuple(reads))

    def _results(self, node: Node) -> None:
        results = node.args[0]
        assert isinstance(results, tuple | list)
        given = [each for each in results if isinstance(each, Node)]
        if any(each is self.input for each in given):
            self.refuse(node, "results must be computed by the network, got its input as it is")
        if len(given) == 1 and isinstance(value := self.values.get(given[0]), Floats):
            import_tail(self, given[0], value)
            return
        reals = [self.values.get(each) for each in given]
        if not reals or len(reals) != len(results) or not all(isinstance(r, Real) for r in reals):
            self.refuse(node, "results must be real values of quantized tensors")
        specs = self.program.graph_signature.output_specs
        if any(spec.kind != torch.export.graph_signature.OutputKind.USER_OUTPUT for spec in specs):
            self.refuse(node, "network must not change its own buffers")
        for index, real in enumerate(reals):
            assert isinstance(real, Real)
            if real.pads != NO_PADS:
                self.refuse(node, "results must not be padded")
            label = "" if len(reals) == 1 else str(index)
            end = self.name("logits" if len(reals) == 1 else f"results.{index}")
            self.steps.append(Step(end, "dequantize", (real.step,), {"results": [(index, label)]}))


def _said(low: int, high: int, dtype: torch.dtype) -> str:
    return f"{str(dtype).removeprefix('torch.')} from {low} to {high}"


def _constants(program: torch.export.ExportedProgram) -> dict[str, torch.Tensor]:
    signature = program.graph_signature
    names = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
    found = {
        key: program.state_dict[name] for key, name in names.items() if name in program.state_dict
    }
    lifted = {**signature.inputs_to_lifted_tensor_constants, **names}
    found |= {
        key: program.constants[name] for key, name in lifted.items() if name in program.constants
    }
    return {key: tensor.detach() for key, tensor in found.items()}


def _input(program: torch.export.ExportedProgram, network: str) -> Node:
    names = program.graph_signature.user_inputs
    found = [n for n in program.graph.nodes if n.op == "placeholder" and n.name in names]
    if len(found) != 1 or len(names) != 1:
        raise ValueError(f"{network}: network must have one input, got {len(names)}")
    value = found[0].meta.get("val")
    if not isinstance(value, torch.Tensor) or value.dtype != torch.float32:
        raise ValueError(f"{network}: input {found[0].name} must be a tensor of float32")
    if not all(isinstance(size, int) for size in value.shape) or value.shape[:1] != (1,):
        raise ValueError(
            f"{network}: program must be exported for one image of a fixed size, got "
            f"{tuple(value.shape)}"
        )
    return found[0]
