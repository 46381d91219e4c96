"""Reads TFLite files: operators and tensors, checked before anything is computed.

A file is read by Python into objects, and what goes to the runtime is always written anew from
them. So the runtime never sees offsets of a broken file. Operators are those of a list: control
flow, custom operators, variables and data outside the file are refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...runtime.extras import extra_module
from .tflite_checks import check_call, check_counts, check_model

__all__ = ["TfliteCall", "TfliteFile", "TfliteTensor", "packed", "read_tflite", "schema"]

_IDENTIFIER = b"TFL3"
_MOST_BYTES = 1 << 31  # of a flatbuffer
_LONGEST_NAME = 4_000
_MOST_ELEMENTS = 1 << 28  # of a tensor
_DTYPES = {
    "INT8": np.int8,
    "UINT8": np.uint8,
    "INT32": np.int32,
    "INT64": np.int64,
    "FLOAT32": np.float32,
    "BOOL": np.bool_,
}


def schema() -> Any:  # noqa: ANN401
    """Return the classes of the format, which come with the runtime."""
    return extra_module("ai_edge_litert.schema_py_generated", "tflite", "to read TFLite files")


@dataclass(frozen=True, eq=False)
class TfliteTensor:
    """A tensor of the file.

    Parameters
    ----------
    index : int
        Its number in the file; names need not be unique there.
    name : str
    shape : tuple of int
        For one image.
    dtype : dtype
    scale : ndarray of shape (channels,), float32
        Empty if it is not quantized.
    zero_point : ndarray of shape (channels,), int64
        Of the file's codes.
    axis : int
        Dimension of the channels.
    data : ndarray, optional
        Of a constant.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    scale: npt.NDArray[np.float32]
    zero_point: npt.NDArray[np.int64]
    axis: int
    data: npt.NDArray[Any] | None


@dataclass(frozen=True, eq=False)
class TfliteCall:
    """An operator of the file.

    Parameters
    ----------
    name : str
        Path of its first result.
    op : str
        As the format has it, e.g. ``CONV_2D``.
    inputs, outputs : tuple of int
        Numbers of tensors; -1 for an optional one that is not given.
    options : object
        The format's, of this operator; None if it has none.
    operator : OperatorT
    """

    name: str
    op: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Any
    operator: Any

    def given(self, index: int) -> int:
        """Return the number of an input tensor; -1 if it is not given."""
        return self.inputs[index] if index < len(self.inputs) else -1

    def option(self, name: str, default: Any = None) -> Any:  # noqa: ANN401
        """Return a field of the options."""
        return getattr(self.options, name, default)


@dataclass(frozen=True, eq=False)
class TfliteFile:
    """A checked TFLite file.

    Parameters
    ----------
    path : Path
    model : ModelT
        As read, without metadata and signatures.
    tensors : tuple of TfliteTensor
    calls : tuple of TfliteCall
        In the file's order, which is an order of execution.
    inputs : tuple of int
        Numbers of the inputs, at least one.
    outputs : tuple of int
    """

    path: Path
    model: Any
    tensors: tuple[TfliteTensor, ...]
    calls: tuple[TfliteCall, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shapes of the inputs: (1, C, H, W) for the file's (1, H, W, C), others unchanged."""
        shapes = [self.tensors[index].shape for index in self.inputs]
        return tuple((1, s[3], s[1], s[2]) if len(s) == 4 else s for s in shapes)

    @property
    def activations(self) -> tuple[int, ...]:
        """Numbers of the tensors that operators compute."""
        return tuple(index for call in self.calls for index in call.outputs if index >= 0)


def packed(model: Any) -> bytes:  # noqa: ANN401
    """Return a model as a flatbuffer."""
    flatbuffers = extra_module("flatbuffers", "tflite", "to write TFLite files")
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), _IDENTIFIER)
    return bytes(builder.Output())


def read_tflite(path: Path) -> TfliteFile:
    """Read a file.

    Parameters
    ----------
    path : Path

    Raises
    ------
    ValueError
        If it is no TFLite file, or holds what could reach outside it.
    ToolchainError
        If the package ai-edge-litert is not installed.
    """
    classes = schema()
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path} must be a readable file: {error.strerror}") from None
    if not 8 <= len(data) < _MOST_BYTES or data[4:8] != _IDENTIFIER:
        raise ValueError(
            f"{path} must be a TFLite file, which has TFL3 at byte 4, got {data[4:8]!r} in "
            f"{len(data):,} bytes"
        )
    try:
        root = classes.Model.GetRootAs(data)
        check_counts(root, len(data))
        model = classes.ModelT.InitFromObj(root)
    except ValueError as error:
        raise ValueError(f"{path} must be a whole TFLite file: {error}") from None
    except Exception:  # whatever reading broken offsets leads to
        raise ValueError(
            f"{path} must be a whole TFLite file, got one whose parts are not where it says"
        ) from None
    check_model(path, model)
    model.metadata = model.metadataBuffer = model.signatureDefs = None
    (graph,) = model.subgraphs
    tensors = _tensors(path, model, graph)
    calls = _calls(path, classes, model, graph, tensors)
    inputs = _inputs(path, graph, tensors)
    outputs = tuple(int(index) for index in graph.outputs)
    file = TfliteFile(path, model, tensors, calls, inputs, outputs)
    _check_flow(file)
    return file


def _tensors(path: Path, model: Any, graph: Any) -> tuple[TfliteTensor, ...]:  # noqa: ANN401
    kinds = {getattr(schema().TensorType, name): np.dtype(t) for name, t in _DTYPES.items()}
    found = []
    for index, tensor in enumerate(graph.tensors):
        name = _text(tensor.name) or f"tensor_{index}"
        if len(name) > _LONGEST_NAME or not name.isprintable():
            raise ValueError(
                f"{path}: names must be text of at most {_LONGEST_NAME:,} characters, got "
                f"{len(name):,} with others"
            )
        where = f"{path}: tensor {name}"
        if tensor.type not in kinds:
            raise ValueError(f"{where} must be of {', '.join(_DTYPES)}, got type {tensor.type}")
        shape = tuple(int(size) for size in (() if tensor.shape is None else tensor.shape))
        if min(shape, default=1) < 1 or prod(shape) > _MOST_ELEMENTS or len(shape) > 8:
            raise ValueError(f"{where} must have a shape of positive sizes, got {shape}")
        if tensor.sparsity is not None or tensor.isVariable:
            raise ValueError(f"{where} must be dense and no variable")
        scale, zero, axis = _quantization(where, tensor.quantization, shape)
        data = _data(where, model, tensor, shape, kinds[tensor.type])
        found.append(TfliteTensor(index, name, shape, kinds[tensor.type], scale, zero, axis, data))
    return tuple(found)


def _text(name: Any) -> str:  # noqa: ANN401
    return name.decode(errors="replace") if isinstance(name, bytes) else name or ""


def _quantization(
    where: str,
    given: Any,  # noqa: ANN401
    shape: tuple[int, ...],
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64], int]:
    empty = np.empty(0, np.float32), np.empty(0, np.int64), 0
    if given is None or given.scale is None or not len(given.scale):
        return empty
    if given.details is not None:
        raise ValueError(f"{where} must be quantized by scales and zero points alone")
    scale = np.asarray(given.scale, np.float32)
    zero = np.asarray([] if given.zeroPoint is None else given.zeroPoint, np.int64)
    zero = np.zeros(len(scale), np.int64) if not len(zero) else zero
    if len(zero) == 1:
        zero = zero.repeat(len(scale))
    axis = int(given.quantizedDimension)
    channels = shape[axis] if 0 <= axis < len(shape) else 1
    if len(scale) not in (1, channels) or len(zero) != len(scale):
        raise ValueError(
            f"{where} must have one scale and zero point, or {channels}, got {len(scale)} and "
            f"{len(zero)}"
        )
    if not (np.isfinite(scale).all() and (scale >= np.finfo(np.float32).tiny).all()):
        raise ValueError(f"{where} must have positive normal scales, got {scale.min():g}")
    return scale, zero, axis


def _data(
    where: str,
    model: Any,  # noqa: ANN401
    tensor: Any,  # noqa: ANN401
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
) -> npt.NDArray[Any] | None:
    if not 0 <= tensor.buffer < len(model.buffers):
        raise ValueError(f"{where} must have one of {len(model.buffers)} buffers")
    buffer = model.buffers[tensor.buffer].data
    if buffer is None or not len(buffer):
        return None
    wanted = prod(shape) * dtype.itemsize
    if len(buffer) != wanted:
        raise ValueError(f"{where} must have {wanted:,} bytes of data, got {len(buffer):,}")
    return np.asarray(buffer, np.uint8).view(dtype).reshape(shape)


def _calls(
    path: Path,
    classes: Any,  # noqa: ANN401
    model: Any,  # noqa: ANN401
    graph: Any,  # noqa: ANN401
    tensors: Sequence[TfliteTensor],
) -> tuple[TfliteCall, ...]:
    names: Mapping[int, str] = {
        value: name for name, value in vars(classes.BuiltinOperator).items() if name.isupper()
    }
    found = []
    for operator in graph.operators:
        if not 0 <= operator.opcodeIndex < len(model.operatorCodes):
            raise ValueError(f"{path}: operators must be among the file's codes")
        code = model.operatorCodes[operator.opcodeIndex]
        op = names.get(max(code.builtinCode, code.deprecatedBuiltinCode), "unknown")
        inputs, outputs = (
            tuple(int(index) for index in ([] if each is None else each))
            for each in (operator.inputs, operator.outputs)
        )
        if not outputs or not all(-1 <= index < len(tensors) for index in (*inputs, *outputs)):
            raise ValueError(f"{path}: {op} must read and write tensors of the file")
        name = _path_of(tensors[outputs[0]].name)
        call = TfliteCall(name, op, inputs, outputs, operator.builtinOptions, operator)
        check_call(path, call, tensors)
        found.append(call)
    return tuple(found)


def _path_of(name: str) -> str:
    """Return a path with dots for a tensor's name, which lists what was fused into it."""
    first = name.partition(";")[0].replace(":", "/")
    return ".".join(part for part in first.split("/") if part) or "tensor"


def _inputs(
    path: Path,
    graph: Any,  # noqa: ANN401
    tensors: Sequence[TfliteTensor],
) -> tuple[int, ...]:
    """Return the numbers of the inputs."""
    for each in (*graph.inputs, *graph.outputs):
        if not 0 <= each < len(tensors):
            raise ValueError(f"{path}: inputs and outputs must be tensors of the file")
    inputs = tuple(int(index) for index in graph.inputs)
    if len(set(inputs)) < len(inputs):
        raise ValueError(f"{path}: inputs must be tensors of their own, got one twice")
    for index in inputs:
        _check_input(path, tensors[index])
    return inputs


def _check_input(path: Path, source: TfliteTensor) -> None:
    if source.dtype not in (np.float32, np.uint8, np.int8):
        raise ValueError(f"{path}: input {source.name} must be FLOAT32, UINT8 or INT8")
    if source.dtype != np.float32 and len(source.scale) != 1:
        raise ValueError(f"{path}: input {source.name} must have one scale and zero point")
    if len(source.shape) not in (2, 4) or source.shape[0] != 1:
        raise ValueError(
            f"{path}: input {source.name} must have the shape (1, H, W, C) or (1, K), "
            f"got {source.shape}"
        )


def _check_flow(file: TfliteFile) -> None:
    """Refuse tensors that nothing computes, or that are computed twice or too late."""
    known = {tensor.index for tensor in file.tensors if tensor.data is not None}
    for index in (*file.inputs, *file.outputs):
        if index in known:
            raise ValueError(f"{file.path}: inputs and outputs must not be constants")
    for index in file.outputs:
        if index in file.inputs:
            raise ValueError(
                f"{file.path}: results must be computed by the network, got "
                f"{file.tensors[index].name}, which is an input as it is"
            )
    known.update(file.inputs)
    for call in file.calls:
        for index in call.inputs:
            if index >= 0 and index not in known:
                raise ValueError(
                    f"{file.path}: {call.op} {call.name} must read what is computed before, got "
                    f"{file.tensors[index].name}"
                )
        for index in call.outputs:
            if index in known or index < 0:
                raise ValueError(f"{file.path}: {call.op} {call.name} must write a new tensor")
            known.add(index)
    for index in file.outputs:
        if index not in known:
            raise ValueError(f"{file.path}: result {file.tensors[index].name} must be computed")
