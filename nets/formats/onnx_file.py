"""Reads ONNX files: nodes, constants and the input, checked before anything is computed.

Nothing of a file is executed here: external data, functions, subgraphs and operators of foreign
domains are refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...runtime.extras import extra_module

__all__ = ["Call", "OnnxFile", "OnnxInput", "read_onnx"]

OPSETS = (13, 21)
_DOMAINS = ("", "ai.onnx", "com.microsoft")
_DYNAMIC = (
    *("ConvInteger", "MatMulInteger", "DynamicQuantizeLinear"),
    *("DynamicQuantizeMatMul", "MatMulIntegerToFloat"),
)
_MOST_BYTES = 1 << 31  # of a protobuf message
_CODES = {2: np.dtype(np.uint8), 3: np.dtype(np.int8)}  # TensorProto.UINT8 and INT8
_FLOAT = 1  # TensorProto.FLOAT


@dataclass(frozen=True, eq=False)
class Call:
    """A node of an ONNX graph.

    Parameters
    ----------
    name : str
        Its path in the file: the node's name, or else its first result's.
    op : str
    inputs, outputs : tuple of str
        Names of tensors; empty for an optional one that is not given.
    attributes : dict
        Python values.
    node : NodeProto
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]
    node: Any

    def given(self, index: int) -> str:
        """Name of an input; empty if it is not given."""
        return self.inputs[index] if index < len(self.inputs) else ""


@dataclass(frozen=True)
class OnnxInput:
    """An input of an ONNX graph.

    Parameters
    ----------
    name : str
    shape : tuple of int
        Of one input, (1, ...).
    dtype : dtype
        float32, uint8 or int8.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


@dataclass(frozen=True, eq=False)
class OnnxFile:
    """A checked ONNX file.

    Parameters
    ----------
    path : Path
    model : ModelProto
        As read.
    calls : tuple of Call
        In the file's order, which is an order of execution; constants, and what no
        output depends on, are not among them.
    constants : mapping of str to ndarray
        Initializers and results of Constant nodes.
    inputs : tuple of OnnxInput
        At least one.
    outputs : tuple of str
    """

    path: Path
    model: Any
    calls: tuple[Call, ...]
    constants: Mapping[str, npt.NDArray[Any]]
    inputs: tuple[OnnxInput, ...]
    outputs: tuple[str, ...]

    def position(self, tensor: str) -> int:
        """Return the position of an input; -1 if the tensor is none."""
        names = [each.name for each in self.inputs]
        return names.index(tensor) if tensor in names else -1

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shapes of all inputs."""
        return tuple(each.shape for each in self.inputs)

    @property
    def signed(self) -> bool:
        """Whether activations are int8 codes, not uint8."""
        zeros = [
            self.constants[call.inputs[2]].dtype
            for call in self.calls
            if call.op == "QuantizeLinear" and call.given(2) in self.constants
        ]
        return np.dtype(np.int8) in zeros or any(i.dtype == np.int8 for i in self.inputs)


def read_onnx(path: Path) -> OnnxFile:
    """Read a file.

    Parameters
    ----------
    path : Path

    Raises
    ------
    ValueError
        If it is no ONNX file, or holds what could reach outside it.
    ToolchainError
        If the package onnx is not installed.
    """
    onnx = extra_module("onnx", "onnx", f"to read {path.name}")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path} must be a readable file: {error.strerror}") from None
    if not 0 < len(data) < _MOST_BYTES:
        raise ValueError(f"{path} must be an ONNX file, got {len(data)} bytes")
    try:
        model = onnx.load_model_from_string(data)
    except Exception as error:  # of protobuf, which has no public base class for it
        raise ValueError(f"{path} must be an ONNX file: {_first_line(error)}") from None
    _check_contents(path, model)
    try:
        onnx.checker.check_model(model)
    except Exception as error:
        raise ValueError(f"{path} must be a valid ONNX model: {_first_line(error)}") from None
    constants = {each.name: _array(path, onnx, each) for each in model.graph.initializer}
    calls = []
    for node in model.graph.node:
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        if node.op_type == "Constant":
            constants[node.output[0]] = _constant(path, onnx, node.output[0], attributes)
            continue
        plain = {name: _plain(value) for name, value in attributes.items()}
        calls.append(
            Call(
                _path_of(node.name or node.output[0]),
                node.op_type,
                tuple(node.input),
                tuple(node.output),
                plain,
                node,
            )
        )
    dynamic = [call.op for call in calls if call.op in _DYNAMIC]
    if dynamic:
        raise ValueError(
            f"{path}: model must be quantized with constant scales, got {dynamic[0]}, which takes "
            "them from its input"
        )
    if not any("Linear" in call.op for call in calls):
        raise ValueError(
            f"{path}: model must be quantized, in QDQ or QOperator form, got one in floating point"
        )
    inputs = _inputs(path, model.graph, constants)
    outputs = tuple(output.name for output in model.graph.output)
    _check_results(path, inputs, constants, outputs)
    calls = _needed(calls, outputs)
    return OnnxFile(path, model, tuple(calls), constants, inputs, outputs)


def _check_results(
    path: Path, inputs: Sequence[OnnxInput], constants: Mapping[str, Any], outputs: Sequence[str]
) -> None:
    """Refuse results that nothing computes."""
    given = {**dict.fromkeys(constants, "a constant")}
    given |= {each.name: "an input as it is" for each in inputs}
    for name in outputs:
        if name in given:
            raise ValueError(
                f"{path}: results must be computed by the network, got {name}, which is "
                f"{given[name]}"
            )


def _needed(calls: list[Call], outputs: Sequence[str]) -> list[Call]:
    """Leave out what no output depends on, as ONNX Runtime does."""
    read, kept = set(outputs), list[Call]()
    for call in reversed(calls):
        if read.intersection(call.outputs):
            read.update(filter(None, call.inputs))
            kept.append(call)
    return kept[::-1]


def _first_line(error: Exception) -> str:
    text = str(error).strip().partition("\n")[0]
    return text or type(error).__name__


def _check_contents(path: Path, model: Any) -> None:  # noqa: ANN401
    """Refuse what the importer does not read, and what could reach outside the file."""
    graph = model.graph
    if not graph.node:
        raise ValueError(f"{path} must be an ONNX model with operators, got none")
    for each in graph.initializer:
        if each.data_location == 1 or each.external_data:
            raise ValueError(
                f"{path}: weights must be in the file itself, got {each.name} in another file"
            )
    if model.functions:
        raise ValueError(
            f"{path}: model must consist of operators, got the function {model.functions[0].name}"
        )
    if graph.sparse_initializer:
        raise ValueError(f"{path}: weights must be dense, got sparse ones")
    for node in graph.node:
        if not all(isinstance(text, str) for text in (node.name, *node.input, *node.output)):
            raise ValueError(f"{path}: names must be UTF-8, got {node.name!r}")
        if node.domain not in _DOMAINS:
            raise ValueError(
                f"{path}: operators must be ONNX's, got {node.op_type} of {node.domain}"
            )
        for attribute in node.attribute:
            if attribute.HasField("g") or attribute.graphs:
                raise ValueError(
                    f"{path}: model must have no control flow, got {node.op_type} {node.name}"
                )
    versions = {each.domain: each.version for each in model.opset_import}
    version = versions.get("", versions.get("ai.onnx", 0))
    least, most = OPSETS
    if not least <= version <= most:
        raise ValueError(f"{path}: opset must be from {least} to {most}, got {version}")


def _array(path: Path, onnx: Any, tensor: Any) -> npt.NDArray[Any]:  # noqa: ANN401
    try:
        return onnx.numpy_helper.to_array(tensor)
    except (ValueError, TypeError, RuntimeError) as error:
        raise ValueError(
            f"{path}: tensor {tensor.name} must be readable: {_first_line(error)}"
        ) from None


def _constant(
    path: Path,
    onnx: Any,  # noqa: ANN401
    name: str,
    attributes: Mapping[str, Any],
) -> npt.NDArray[Any]:
    """Return the value of a Constant node."""
    ((kind, value),) = attributes.items()
    if kind == "value":
        return _array(path, onnx, value)
    types = {"value_float": np.float32, "value_floats": np.float32}
    types |= {"value_int": np.int64, "value_ints": np.int64}
    if kind not in types:
        raise ValueError(f"{path}: constant {name} must be a tensor or numbers, got {kind}")
    return np.array(value, types[kind])


def _plain(value: Any) -> Any:  # noqa: ANN401
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _path_of(name: str) -> str:
    """Return a path with dots for a name with slashes."""
    return ".".join(part for part in name.replace(":", "/").split("/") if part)


def _inputs(
    path: Path,
    graph: Any,  # noqa: ANN401
    constants: Mapping[str, Any],
) -> tuple[OnnxInput, ...]:
    """Return the inputs that are no constants."""
    dtypes = {_FLOAT: np.dtype(np.float32), **_CODES}
    found = []
    for each in graph.input:
        if each.name in constants:
            continue
        kind = each.type.tensor_type
        if kind.elem_type not in dtypes:
            raise ValueError(f"{path}: input {each.name} must be float32, uint8 or int8")
        sizes = [size.dim_value if size.HasField("dim_value") else 0 for size in kind.shape.dim]
        found.append(OnnxInput(each.name, _shape(path, each.name, sizes), dtypes[kind.elem_type]))
    if not found:
        raise ValueError(f"{path}: model must have at least one input, got none")
    return tuple(found)


def _shape(path: Path, name: str, sizes: Sequence[int]) -> tuple[int, ...]:
    """Return the shape of one image."""
    fixed = sizes[1:]
    if not 2 <= len(sizes) <= 4 or min(fixed) < 1 or sizes[0] not in (0, 1):
        said = ", ".join(str(size or "any") for size in sizes)
        raise ValueError(
            f"{path}: input {name} must have the shape (1 or any, C, H, W), (…, C, L) or (…, K) "
            f"with sizes that the file states, got ({said})"
        )
    return (1, *fixed)
