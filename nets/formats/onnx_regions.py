"""Which operators between two quantizations the accelerator computes, and as what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ...golden.graph import Quantization
from ..unsupported import Unsupported
from .codes import quantized
from .fixed_sum import fixed_sum
from .onnx_elementwise import elementwise, pairs, product, table
from .onnx_file import Call
from .onnx_layers import convolution, fully_connected, pads_of
from .onnx_values import Codes, Real, Weights, Work

if TYPE_CHECKING:
    from .onnx_importer import OnnxImporter

__all__ = ["INTEGER", "KINDS", "import_region", "is_integer", "operands"]

# QOperator form: indices of the data inputs, each followed by scale and zero point; of the output's
INTEGER: dict[str, tuple[tuple[int, ...], int]] = {
    "QLinearConv": ((0,), 6),
    "QLinearMatMul": ((0,), 6),
    "QGemm": ((0,), 7),
    "QLinearAdd": ((0, 3), 6),
    "QLinearMul": ((0, 3), 6),
    "QLinearSigmoid": ((0,), 3),
    "QLinearLeakyRelu": ((0,), 3),
    "QLinearSoftmax": ((0,), 3),
    "QLinearGlobalAveragePool": ((0,), 3),
    "QLinearAveragePool": ((0,), 3),
    "QLinearReduceMean": ((0,), 3),
    "QLinearConcat": ((), 0),
}
_CLAMPS = ("Relu", "Clip")

Kind = tuple[Quantization, bool]


def is_integer(call: Call) -> bool:
    """Whether an operator reads and writes codes, with their scales as inputs."""
    return call.op in INTEGER


def operands(call: Call) -> tuple[tuple[int, ...], int]:
    """Return the indices of an operator's data inputs and of its output's scale."""
    data, ends = INTEGER[call.op]
    if call.op == "QLinearConcat":
        data = tuple(range(2, len(call.inputs), 3))
    return data, ends


def import_region(importer: OnnxImporter, work: Work, kind: Kind) -> None:
    """Add a region's steps.

    Raises
    ------
    Unsupported
        If the accelerator cannot compute it to the bit.
    """
    ops = [call for call in work.calls if call.outputs[0] not in importer.makers]
    head = ops[0] if ops else None
    behind = ops[1:]
    name = head.name if head else work.ends[0].name
    if head is not None and head.op in KINDS:
        clamps = all(call.op in _CLAMPS for call in behind)
        if clamps and all(_without_effect(importer, call, kind) for call in behind):
            KINDS[head.op](importer, work, head, kind)
            return
        if head.op not in ("Add", "Mul"):
            calls = ", ".join(call.op for call in ops)
            raise Unsupported(
                f"{importer.network}.{name}: operators between two quantizations must be a "
                f"{head.op} and clamps to the range of the codes, got {calls}, which ONNX Runtime "
                "computes in floating point"
            )
    if elementwise(work.calls, importer.constants):
        if len(work.reads) == 1:
            _table(importer, work, kind, name)
            return
        if len(work.reads) == 2:
            _pair(importer, work, kind, name)
            return
    calls = ", ".join(call.op for call in ops) or "QuantizeLinear"
    raise Unsupported(
        f"{importer.network}.{name}: operators must be of those that the hardware "
        f"computes, got {calls}"
    )


def _without_effect(importer: OnnxImporter, call: Call, kind: Kind) -> bool:
    """Whether a clamp leaves all real values of the codes; the runtime drops such clamps."""
    output, _ = kind
    low, high = 0.0, np.inf
    if call.op == "Clip":
        bounds = [importer.constant(call, index) for index in (1, 2)]
        low = -np.inf if bounds[0] is None else float(bounds[0])
        high = np.inf if bounds[1] is None else float(bounds[1])
    scale = np.float32(output.scale)
    least = float(scale * np.float32(0 - output.zero_point))
    most = float(scale * np.float32(255 - output.zero_point))
    return low <= least and most <= high


def _table(importer: OnnxImporter, work: Work, kind: Kind, path: str) -> None:
    (read,) = importer.reads(work)
    found = table(importer.model(work), read)
    arguments = _written(kind) | {"table": found.tolist()}
    importer.add(work, "lookup", arguments, kind, importer.name(path))


def _written(kind: Kind) -> dict[str, Any]:
    return {"scale": kind[0].scale, "zero_point": kind[0].zero_point}


def _pair(importer: OnnxImporter, work: Work, kind: Kind, path: str) -> None:
    """Import a function of two codes: a sum or a product that is right for all pairs."""
    reads = importer.reads(work)
    ops = [call for call in work.calls if call.outputs[0] not in importer.makers]
    found = pairs(importer.model(work), reads, ops, kind[0])
    ends = (reads[0].quantization, reads[1].quantization, kind[0])
    setting = fixed_sum(found, ends)
    if setting is not None:
        arguments = _written(kind) | {
            "factors": list(setting.factors),
            "zero_points": list(setting.zero_points),
        }
        importer.add(
            work, "add_relu" if setting.relu else "add", arguments, kind, importer.name(path)
        )
        return
    operation = product("mul", found, ends)
    if operation is not None:
        importer.add(work, operation.op, _written(kind), kind, importer.name(path))
        return
    calls = " and ".join(call.op for call in work.calls)
    raise Unsupported(
        f"{importer.network}.{path}: {calls} must be a sum or product that the hardware's fixed "
        "point gives for all 65,536 pairs of codes, got scales for which it does not"
    )


def _weights(importer: OnnxImporter, call: Call, index: int, *, integer: bool) -> Weights:
    """Return the weights of a layer."""
    name = call.given(index)
    if not integer:
        value = importer.values.get(name)
        if not isinstance(value, Weights):
            raise Unsupported(
                f"{importer.network}.{call.name}: weights must be quantized constants, got {name}"
            )
        return value
    codes, scale = importer.constant(call, index), importer.constant(call, index + 1)
    zero = importer.constant(call, index + 2)
    if codes is None or scale is None:
        raise Unsupported(f"{importer.network}.{call.name}: weights must be constants")
    axis = 0 if call.op == "QLinearConv" or _transposed(call) else codes.ndim - 1
    differences = codes.astype(np.int64)
    if zero is not None:
        shape = [-1 if d == axis and zero.size > 1 else 1 for d in range(codes.ndim)]
        differences = differences - zero.astype(np.int64).reshape(shape)
    return Weights(differences, scale.astype(np.float32), axis)


def _transposed(call: Call) -> bool:
    return bool(call.attributes.get("transB", 0))


def _bias(
    importer: OnnxImporter, call: Call, index: int, steps: npt.NDArray[np.float64]
) -> npt.NDArray[Any]:
    """Return the bias in steps of the sum; 0 if there is none."""
    name = call.given(index)
    if not name:
        return np.zeros((), np.int64)
    value = importer.values.get(name)
    if isinstance(value, Weights):
        return value.codes.reshape(-1)
    constant = importer.constant(call, index)
    assert constant is not None
    if constant.dtype == np.int32:
        return constant.astype(np.int64).reshape(-1)
    if constant.dtype != np.float32:
        raise Unsupported(
            f"{importer.network}.{call.name}: bias must be int32 codes, got {constant.dtype}"
        )
    return np.rint(constant.reshape(-1) / steps.astype(np.float32)).astype(np.int64)


def _ends(importer: OnnxImporter, work: Work, kind: Kind) -> tuple[Quantization, Quantization]:
    (read,) = importer.reads(work)
    return read.quantization, kind[0]


def _one_read(importer: OnnxImporter, work: Work, head: Call) -> None:
    if len(work.reads) != 1:
        raise Unsupported(
            f"{importer.network}.{head.name}: {head.op} must read one tensor and constants, got "
            f"{len(work.reads)} tensors"
        )


def _in_integers(importer: OnnxImporter, head: Call) -> None:
    if head.outputs[0] not in importer.runtime.integer:
        raise Unsupported(
            f"{importer.network}.{head.name}: {head.op} must be one that ONNX Runtime computes "
            "with an INT8 kernel, got one that it computes in floating point"
        )


def _layer(importer: OnnxImporter, work: Work, head: Call, kind: Kind, layer: Any) -> None:  # noqa: ANN401
    importer.layers[layer.name] = layer
    arguments: dict[str, Any] = {"name": layer.name}
    if layer.__class__.__name__ == "Conv2d" and _signal(importer, head):
        arguments["signal"] = True
    importer.add(work, "layer", arguments, kind, layer.name)


def _signal(importer: OnnxImporter, head: Call) -> bool:
    return len(importer.runtime.shapes[head.outputs[0]]) == 3


def _conv(importer: OnnxImporter, work: Work, head: Call, kind: Kind) -> None:
    _one_read(importer, work, head)
    _in_integers(importer, head)
    integer = is_integer(head)
    weights = _weights(importer, head, 3 if integer else 1, integer=integer)
    source, output = _ends(importer, work, kind)
    steps = source.scale * weights.scale.astype(np.float64).reshape(-1)
    bias = _bias(importer, head, 8 if integer else 2, steps)
    kernel = weights.codes.shape[2:]
    sizes: tuple[int, ...] = ()
    if head.attributes.get("auto_pad", "NOTSET").startswith("SAME"):
        sizes = importer.shape(head.inputs[0])[2:]
    pads = pads_of(head.attributes, kernel, sizes)
    both = ((0, 0), *pads)[-2:]
    name = importer.name(head.name)
    layer = convolution(name, weights, bias, (source, output), head.attributes, both)  # type: ignore[arg-type]
    _layer(importer, work, head, kind, layer)


def _gemm(importer: OnnxImporter, work: Work, head: Call, kind: Kind) -> None:
    _one_read(importer, work, head)
    _in_integers(importer, head)
    integer, values = is_integer(head), head.attributes
    usual = values.get("alpha", 1.0) == 1.0 and values.get("beta", 1.0) == 1.0
    if not usual or values.get("transA"):
        raise Unsupported(
            f"{importer.network}.{head.name}: alpha and beta of {head.op} must be 1, transA 0"
        )
    weights = _weights(importer, head, 3 if integer else 1, integer=integer)
    ends = _ends(importer, work, kind)
    steps = ends[0].scale * weights.scale.astype(np.float64).reshape(-1)
    place = {"QGemm": 6, "Gemm": 2}.get(head.op)
    bias = np.zeros((), np.int64) if place is None else _bias(importer, head, place, steps)
    axis = 0 if _transposed(head) else 1
    layer = fully_connected(importer.name(head.name), weights, bias, ends, axis)
    _layer(importer, work, head, kind, layer)


def _global_pool(importer: OnnxImporter, work: Work, head: Call, kind: Kind) -> None:
    _one_read(importer, work, head)
    _in_integers(importer, head)
    if head.attributes.get("channels_last"):
        raise Unsupported(f"{importer.network}.{head.name}: channels must come before the image")
    arguments = _written(kind) | {"output_size": 1}
    importer.add(work, "adaptive_avg_pool2d", arguments, kind, importer.name(head.name))


def _concat(importer: OnnxImporter, work: Work, head: Call, kind: Kind) -> None:
    """Import a concatenation; inputs of other scales are rescaled first."""
    axis = int(head.attributes.get("axis", 1))
    if is_integer(head):
        names = [head.inputs[index] for index in operands(head)[0]]
    else:
        names = list(head.inputs)
    by_name = {read.tensor: read for read in work.reads}
    if not all(name in by_name for name in names):
        raise Unsupported(
            f"{importer.network}.{head.name}: inputs of a concatenation must be quantized tensors"
        )
    name = importer.name(head.name)
    parts = []
    for number, each in enumerate(names):
        read: Codes | Real = by_name[each]
        codes = read.codes if isinstance(read, Real) else read
        found = importer.kinds[codes.step][0]
        step = codes.step
        if found != kind[0]:
            step = f"{name}.{number}"
            importer.rescale(step, codes.step, rescaled(found, kind[0]), kind)
        parts.append(step)
    importer.join(work, name, tuple(parts), axis, kind)


def rescaled(source: Quantization, output: Quantization) -> list[int]:
    """Return the codes of QuantizeLinear for the real value of each code."""
    steps = np.arange(256, dtype=np.float32) - np.float32(source.zero_point)
    return quantized(np.float32(source.scale) * steps, output).tolist()


KINDS = {
    "Conv": _conv,
    "QLinearConv": _conv,
    "Gemm": _gemm,
    "QGemm": _gemm,
    "MatMul": _gemm,
    "QLinearMatMul": _gemm,
    "GlobalAveragePool": _global_pool,
    "QLinearGlobalAveragePool": _global_pool,
    "Concat": _concat,
    "QLinearConcat": _concat,
}
