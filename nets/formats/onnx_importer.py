"""Imports an ONNX file: QDQ and QOperator form alike, from codes to codes.

Between two quantizations stand one or more operators in floating point, a region. Regions that
ONNX Runtime computes in integers become layers, sums and tables of the integer graph. The host
computes the others with ONNX Runtime.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from ...golden.graph import Layer
from ...golden.quantization import Quantization
from ..int8 import Step
from ..layouts import Layout
from ..unsupported import Unsupported
from . import onnx_regions
from .onnx_constants import import_constant
from .onnx_file import Call, OnnxFile
from .onnx_moves import MOVES, moved
from .onnx_results import import_results
from .onnx_runtime import OnnxRuntime, Read, Region, part
from .onnx_values import Codes, Floats, Real, Value, Work, codes_of, parameters

__all__ = ["OnnxImporter"]

_LAYOUTS = {2: Layout.ROWS, 3: Layout.SIGNAL, 4: Layout.IMAGE}


class OnnxImporter:
    """Makes steps of a file's operators.

    Parameters
    ----------
    file : OnnxFile
    network : str
        Its name.
    runtime : OnnxRuntime
    hosted : mapping of str to Unsupported
        Tensors that the host computes, with the reason.
    """

    def __init__(
        self, file: OnnxFile, network: str, runtime: OnnxRuntime, hosted: Mapping[str, Unsupported]
    ) -> None:
        self.file = file
        self.network = network
        self.runtime = runtime
        self.hosted = hosted
        self.steps: list[Step] = []
        self.layers: dict[str, Layer] = {}
        self.values: dict[str, Value] = {}
        self.constants: dict[str, npt.NDArray[Any]] = dict(file.constants)
        self.makers: dict[str, Call] = {}  # of constants that operators compute
        self.kinds: dict[str, tuple[Quantization, bool]] = {}  # by step
        self.code_tensors: set[str] = set()  # tensors of the file that are codes
        self._names: set[str] = set()
        self._read: set[int] = set()  # positions of the inputs that are quantized

    def place(self, error: Unsupported) -> str:
        """Return the tensor of the file that a refused step computes."""
        return error.node

    def run(self) -> None:
        """Import all operators and the results.

        Raises
        ------
        Unsupported
            If a step cannot run on the accelerator.
        ValueError
            If the file is not quantized, or not legal.
        """
        for call in self.file.calls:
            self.visit(call)
        import_results(self)

    def name(self, path: str) -> str:
        """Return a name of the network's that no other step has."""
        wanted = found = f"{self.network}.{path}"
        number = 1
        while found in self._names:
            number += 1
            found = f"{wanted}_{number}"
        self._names.add(found)
        return found

    def visit(self, call: Call) -> None:
        """Import one operator."""
        if all(name in self.constants or not name for name in call.inputs):
            import_constant(self, call)
        elif call.op == "QuantizeLinear":
            self._quantize(call)
        elif call.op == "DequantizeLinear":
            self._dequantize(call)
        elif call.op == "Shape":
            self.constants[call.outputs[0]] = np.array(self.shape(call.inputs[0]), np.int64)
        elif onnx_regions.is_integer(call):
            self._integer(call)
        else:
            self._operator(call)

    def refuse(self, call: Call, what: str) -> NoReturn:
        """Refuse a file."""
        raise ValueError(f"{self.network}.{call.name}: {what}")

    def constant(self, call: Call, index: int) -> npt.NDArray[Any] | None:
        """Return a constant input; None if it is not given."""
        name = call.given(index)
        if not name:
            return None
        if name not in self.constants:
            self.refuse(call, f"input {name} of {call.op} must be a constant")
        return self.constants[name]

    def activations(self, call: Call, scale: int, zero: int) -> tuple[Quantization, bool]:
        """Return the quantization that two inputs give, and whether codes are int8."""
        number = self.constant(call, scale)
        assert number is not None
        try:
            return parameters(number, self.constant(call, zero))
        except ValueError as error:
            self.refuse(call, str(error))

    def _input(self, call: Call, index: int, *, scale: int) -> Codes:
        """Return the codes that an input is; those of the network's input as a first step."""
        name = call.given(index)
        value = self.values.get(name)
        if isinstance(value, Codes):
            return value
        position = self.file.position(name)
        if position >= 0 and self.file.inputs[position].dtype != np.float32:
            kind = self.activations(call, scale, scale + 1)
            codes = Codes(self._input_name(position), name)
            arguments = {"scale": kind[0].scale, "zero_point": kind[0].zero_point}
            arguments["position"] = position
            self.steps.append(Step(codes.step, "quantize", ("input",), arguments, name))
            self.values[name], self.kinds[codes.step] = codes, kind
            return codes
        return self.refuse(
            call, f"input {name} of {call.op} must be codes that the network computes"
        )

    def _dequantize(self, call: Call) -> None:
        codes = self._input(call, 0, scale=1)
        kind = self.activations(call, 1, 2)
        self.values[call.outputs[0]] = Real(self._as(codes, kind, call), call.outputs[0])

    def _as(self, codes: Codes, kind: tuple[Quantization, bool], call: Call) -> Codes:
        """Return codes read with another scale or zero point than they were made with."""
        if self.kinds[codes.step] == kind:
            return codes
        if self.kinds[codes.step][1] != kind[1]:
            self.refuse(call, f"zero point of {codes.tensor} must have the dtype of its codes")
        name = self.name(call.name)
        arguments = {"scale": kind[0].scale, "zero_point": kind[0].zero_point}
        self.steps.append(Step(name, "mul_scalar", (codes.step,), arguments, ""))
        self.kinds[name] = kind
        return Codes(name, codes.tensor)

    def _quantize(self, call: Call) -> None:
        source, tensor = call.inputs[0], call.outputs[0]
        kind = self.activations(call, 1, 2)
        value = self.values.get(source)
        if self.file.position(source) >= 0 or (isinstance(value, Floats) and not value.reads):
            self._first(call, kind, () if value is None else value.calls)  # type: ignore[union-attr]
            return
        if isinstance(value, Real) and self.kinds[value.codes.step] == kind:
            self._rename(value.codes, tensor)
            return
        if isinstance(value, Real):
            value = Floats((), (value,))
        if not isinstance(value, Floats):
            self.refuse(call, f"{source} must be real values, got {type(value).__name__.lower()}")
        work = Work(value.calls, (call,), value.reads, tensor, kind[0])
        self._region(work, kind)

    def _first(self, call: Call, kind: tuple[Quantization, bool], calls: Sequence[Call]) -> None:
        """Quantize the network's input, behind operators that the host computes."""
        given = {name for each in (*calls, call) for name in each.inputs}
        positions = {self.file.position(name) for name in given} - {-1}
        if len(positions) != 1:
            self.refuse(
                call, f"a first quantization must be of one input, got {len(positions)} of them"
            )
        (position,) = positions
        if position in self._read:
            self.refuse(
                call, f"network must quantize its input {self.file.inputs[position].name} once"
            )
        arguments: dict[str, Any] = {"scale": kind[0].scale, "zero_point": kind[0].zero_point}
        arguments["position"] = position
        if calls:
            shape = self.runtime.shapes[call.outputs[0]]
            layout = self.layout(len(shape), call)
            arguments["calls"] = [each.op for each in calls]
            arguments["shape"] = list(layout.graph_shape(shape)[1:])
            arguments["layout"] = layout.value
            arguments["reason"] = (
                f"{self.network}.{calls[0].name}: operators before the first quantization must "
                f"be none, got {calls[0].op}"
            )
        name = self._input_name(position)
        self.steps.append(Step(name, "quantize", ("input",), arguments, call.outputs[0]))
        self.values[call.outputs[0]] = Codes(name, call.outputs[0])
        self.kinds[name] = kind

    def _input_name(self, position: int) -> str:
        """Note that an input is quantized; return its step's name."""
        self._read.add(position)
        alone = len(self.file.inputs) == 1
        return self.name("input" if alone else f"input.{self.file.inputs[position].name}")

    def layout(self, dimensions: int, call: Call) -> Layout:
        """Return the layout of a tensor of so many dimensions."""
        if dimensions not in _LAYOUTS:
            self.refuse(call, f"result must have 2 to 4 dimensions, got {dimensions}")
        return _LAYOUTS[dimensions]

    def _rename(self, codes: Codes, tensor: str) -> None:
        """Note that real values are quantized to the codes that they were."""
        self.values[tensor] = Codes(codes.step, tensor)
        for index, step in enumerate(self.steps):
            if step.name == codes.step and step.node and step.node not in self.code_tensors:
                self.steps[index] = Step(step.name, step.op, step.inputs, step.arguments, tensor)
                self.code_tensors.add(tensor)

    def read_as(self, tensor: str, default: tuple[Quantization, bool]) -> tuple[Quantization, bool]:
        """Return the quantization with which a tensor of codes is read first."""
        for user in self.users(tensor):
            if user.op == "DequantizeLinear":
                return self.activations(user, 1, 2)
            if user.op in MOVES:
                return self.read_as(user.outputs[0], default)
        return default

    def shape(self, tensor: str) -> tuple[int, ...]:
        """Return a tensor's shape in the file, for one image."""
        position = self.file.position(tensor)
        return self.file.inputs[position].shape if position >= 0 else self.runtime.shapes[tensor]

    def users(self, tensor: str) -> list[Call]:
        """Return the operators that read a tensor."""
        return [call for call in self.file.calls if tensor in call.inputs]

    def rescale(
        self, name: str, source: str, table: list[int], kind: tuple[Quantization, bool]
    ) -> None:
        """Append a change of scale that is no tensor of the file's: it is part of a join."""
        arguments = {"scale": kind[0].scale, "zero_point": kind[0].zero_point, "table": table}
        self.steps.append(Step(name, "lookup", (source,), arguments, ""))
        self.kinds[name] = kind

    def join(
        self,
        work: Work,
        name: str,
        parts: tuple[str, ...],
        axis: int,
        kind: tuple[Quantization, bool],
    ) -> None:
        """Append a concatenation of tensors of one scale and zero point."""
        self.steps.append(Step(name, "cat", parts, {"dim": axis}, work.tensor))
        self.values[work.tensor] = Codes(name, work.tensor)
        self.kinds[name] = kind
        self.code_tensors.add(work.tensor)

    def add(
        self,
        work: Work,
        op: str,
        arguments: dict[str, Any],
        kind: tuple[Quantization, bool],
        name: str,
    ) -> None:
        """Append a region's step."""
        inputs = tuple(codes_of(read).step for read in work.reads)
        self.steps.append(Step(name, op, inputs, arguments, work.tensor))
        self.values[work.tensor] = Codes(name, work.tensor)
        self.kinds[name] = kind
        self.code_tensors.add(work.tensor)

    def _integer(self, call: Call) -> None:
        """Import an operator of QOperator form."""
        data, ends = onnx_regions.operands(call)
        reads = []
        for index in data:
            codes = self._input(call, index, scale=index + 1)
            kind = self.activations(call, index + 1, index + 2)
            reads.append(self._as(codes, kind, call))
        kind = self.activations(call, ends, ends + 1)
        work = Work((call,), (), tuple(reads), call.outputs[0], kind[0])
        self._region(work, kind)

    def _operator(self, call: Call) -> None:
        """Import an operator on real values, or one that moves codes."""
        values = [self.values.get(name) for name in call.inputs]
        if call.op in MOVES and call.outputs[0] not in self.hosted and moved(self, call):
            return
        if any(isinstance(value, Codes) for value in values):
            self.refuse(call, f"{call.op} must be of real values, got codes")
        calls: dict[str, Call] = {}
        reads: dict[str, Real] = {}
        for name, value in zip(call.inputs, values, strict=True):
            if isinstance(value, Floats):
                calls |= {each.outputs[0]: each for each in value.calls}
                reads |= {each.tensor: each for each in value.reads}
            elif isinstance(value, Real):
                reads[value.tensor] = value
            elif name in self.makers:
                calls |= self._making(name)
            elif name and name not in self.constants and self.file.position(name) < 0:
                self.refuse(call, f"input {name} of {call.op} must be real values")
        calls[call.outputs[0]] = call
        found = Floats(tuple(calls.values()), tuple(reads.values()))
        if any(self.file.position(name) >= 0 for name in call.inputs) and reads:
            self.refuse(call, "the network's input must be quantized first")
        for name in call.outputs:
            self.values[name] = found

    def _making(self, name: str) -> dict[str, Call]:
        """Return the operators that compute a constant."""
        call, calls = self.makers[name], {}
        for each in call.inputs:
            if each in self.makers:
                calls |= self._making(each)
        return calls | {name: call}

    def _region(self, work: Work, kind: tuple[Quantization, bool]) -> None:
        """Import a region: on the accelerator if it can, else on the host."""
        if work.tensor not in self.hosted:
            try:
                onnx_regions.import_region(self, work, kind)
            except Unsupported as error:
                reason = str(error)
            else:
                return
        else:
            reason = str(self.hosted[work.tensor])
        self.host(work, kind, reason)

    def host(self, work: Work, kind: tuple[Quantization, bool], reason: str) -> None:
        """Let ONNX Runtime compute a region."""
        calls = [call for call in work.calls if call.outputs[0] not in self.makers]
        first = (calls or work.ends)[0]
        shape = self.runtime.shapes[work.tensor]
        layout = self.layout(len(shape), first)
        arguments = {
            "scale": kind[0].scale,
            "zero_point": kind[0].zero_point,
            "shape": list(layout.graph_shape(shape)[1:]),
            "layout": layout.value,
            "calls": [call.op for call in calls] or ["QuantizeLinear"],
            "reason": reason,
            "region": self.region(work, layout),
        }
        self.add(work, "host", arguments, kind, self.name(first.name))

    def reads(self, work: Work) -> list[Read]:
        """Return what a region's model reads."""
        found = []
        for read in work.reads:
            codes = codes_of(read)
            found.append(Read(read.tensor, *self.kinds[codes.step], isinstance(read, Real)))
        return found

    def model(self, work: Work) -> bytes:
        """Return a region as a model of its own."""
        return part(self.file, [*work.calls, *work.ends], self.reads(work), work.tensor)

    def region(self, work: Work, layout: Layout) -> Region:
        """Return a region's function; layouts and orders of its inputs follow in lowering."""
        return Region(self.model(work), tuple(read.signed for read in self.reads(work)), layout)
