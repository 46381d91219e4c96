"""What a TFLite file must be before it is read further."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .tflite_file import TfliteCall, TfliteTensor

__all__ = ["check_call", "check_counts", "check_model"]

_MOST_PARTS = 100_000  # tensors, operators or buffers

# operators without state, control flow, randomness or code of their own
_OPERATORS = {
    *("ABS", "ADD", "ARG_MAX", "ARG_MIN", "AVERAGE_POOL_2D", "BATCH_MATMUL", "BROADCAST_TO"),
    *("CAST", "CONCATENATION", "CONV_2D", "COS", "CUMSUM", "DEPTH_TO_SPACE", "DEPTHWISE_CONV_2D"),
    *("DEQUANTIZE", "DIV", "ELU", "EXP", "EXPAND_DIMS", "FLOOR", "FULLY_CONNECTED", "GATHER"),
    *("GELU", "HARD_SWISH", "L2_NORMALIZATION", "LEAKY_RELU", "LOG", "LOG_SOFTMAX", "LOGISTIC"),
    *("MAXIMUM", "MAX_POOL_2D", "MEAN", "MINIMUM", "MIRROR_PAD", "MUL", "NEG", "PACK", "PAD"),
    *("PADV2", "POW", "PRELU", "QUANTIZE", "REDUCE_MAX", "REDUCE_MIN", "RELU", "RELU6"),
    *("RELU_0_TO_1", "RELU_N1_TO_1", "RESHAPE", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"),
    *("REVERSE_V2", "ROUND", "RSQRT", "SHAPE", "SIN", "SLICE", "SOFTMAX", "SPACE_TO_DEPTH"),
    *("SPLIT", "SPLIT_V", "SQRT", "SQUARE", "SQUARED_DIFFERENCE", "SQUEEZE", "STRIDED_SLICE"),
    *("SUB", "SUM", "TANH", "TILE", "TRANSPOSE", "TRANSPOSE_CONV", "UNPACK"),
}
_OPTIONS = {
    "CONV_2D": "Conv2DOptionsT",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptionsT",
    "FULLY_CONNECTED": "FullyConnectedOptionsT",
    "ADD": "AddOptionsT",
    "MUL": "MulOptionsT",
    "AVERAGE_POOL_2D": "Pool2DOptionsT",
    "MAX_POOL_2D": "Pool2DOptionsT",
    "MEAN": "ReducerOptionsT",
    "CONCATENATION": "ConcatenationOptionsT",
}
_BIAS = {"CONV_2D": 2, "DEPTHWISE_CONV_2D": 2, "FULLY_CONNECTED": 2, "TRANSPOSE_CONV": 3}
_POSITIVE = (
    *("strideW", "strideH", "dilationWFactor", "dilationHFactor"),
    *("filterWidth", "filterHeight", "blockSize"),
)


def check_counts(root: Any, size: int) -> None:  # noqa: ANN401
    """Raise ValueError if a file's parts are more than its bytes can hold.

    Parts that refer to one another's bytes would make a small file large in memory.
    """
    if root.SubgraphsLength() != 1:
        raise ValueError(f"there must be one subgraph, got {root.SubgraphsLength()}")
    graph = root.Subgraphs(0)
    counts = (root.BuffersLength(), root.OperatorCodesLength(), graph.TensorsLength())
    counts += (graph.OperatorsLength(), root.MetadataLength(), root.SignatureDefsLength())
    counts += (graph.InputsLength(), graph.OutputsLength(), root.MetadataBufferLength())
    numbers = 0
    if max(counts) <= _MOST_PARTS:
        numbers += sum(root.Buffers(i).DataLength() for i in range(counts[0]))
        for tensor in map(graph.Tensors, range(counts[2])):
            numbers += tensor.ShapeLength() + tensor.ShapeSignatureLength()
            numbers += tensor.VariantTensorsLength()
            given = tensor.Quantization()
            if given is not None:
                numbers += given.ScaleLength() + given.ZeroPointLength()
                numbers += given.MinLength() + given.MaxLength()
        for operator in map(graph.Operators, range(counts[3])):
            numbers += operator.InputsLength() + operator.OutputsLength()
            numbers += operator.IntermediatesLength() + operator.CustomOptionsLength()
            numbers += operator.MutatingVariableInputsLength()
        numbers += sum(root.SignatureDefs(i).InputsLength() for i in range(counts[5]))
        numbers += sum(root.SignatureDefs(i).OutputsLength() for i in range(counts[5]))
    if max(counts) > _MOST_PARTS or numbers > size:
        raise ValueError(f"its parts must fit its {size:,} bytes")


def check_model(path: Path, model: Any) -> None:  # noqa: ANN401
    """Refuse versions that are not read, and data outside the file's structure."""
    if model.version != 3:
        raise ValueError(f"{path}: version must be 3, got {model.version}")
    (graph,) = model.subgraphs
    for name, parts in (
        ("buffers", model.buffers),
        ("operator codes", model.operatorCodes),
        ("tensors", graph.tensors),
        ("operators", graph.operators),
        ("inputs", graph.inputs),
        ("outputs", graph.outputs),
    ):
        if parts is None or not len(parts):
            raise ValueError(f"{path} must be a TFLite model with {name}, got none")
    outside = any(each.offset or each.size for each in model.buffers)
    groups = getattr(model, "externalBuffers", None) or getattr(model, "externalBufferGroups", None)
    if outside or groups or any(getattr(t, "externalBuffer", 0) for t in graph.tensors):
        raise ValueError(f"{path}: weights must be in the file's buffers, got data outside them")


def check_call(path: Path, call: TfliteCall, tensors: Sequence[TfliteTensor]) -> None:
    """Refuse operators that are not on the list, and sizes that kernels do not check."""
    where = f"{path}: {call.op} {call.name}"
    if call.op not in _OPERATORS:
        what = ""
        if call.op == "CUSTOM":
            what = ", got a custom operator, which only its own library computes"
        raise ValueError(f"{where} must be an operator that can be imported{what}")
    operator, wanted = call.operator, _OPTIONS.get(call.op)
    if wanted and type(call.options).__name__ != wanted:
        raise ValueError(f"{where} must have the options of its kind")
    if operator.intermediates is not None and len(operator.intermediates):
        raise ValueError(f"{where} must have no intermediate tensors")
    for name in _POSITIVE:
        value = call.option(name, 1)
        if not 1 <= value < 1 << 15:
            raise ValueError(f"{where}: {name} must be from 1 to 32767, got {value}")
    bias = call.given(_BIAS[call.op]) if call.op in _BIAS else -1
    if bias >= 0:
        channels = tensors[call.outputs[0]].shape[-1:]
        if tensors[bias].shape != channels:
            raise ValueError(
                f"{where}: bias must have the shape {channels}, got {tensors[bias].shape}"
            )
