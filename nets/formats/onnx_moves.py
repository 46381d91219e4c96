"""Operators of ONNX files that move or pick codes and so keep scale and zero point."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..int8 import Step
from .codes import unsigned
from .onnx_file import Call
from .onnx_layers import pads_of
from .onnx_values import Codes, Index, Real

if TYPE_CHECKING:
    from .onnx_importer import OnnxImporter

__all__ = ["MOVES", "moved"]

_NEAREST = {
    ("asymmetric", "floor"),
    ("half_pixel", "round_prefer_floor"),
    ("half_pixel", "round_prefer_ceil"),
    ("pytorch_half_pixel", "round_prefer_floor"),
}

_WHOLE = (6, 7)  # TensorProto.INT32 and INT64

_Found = tuple[str, dict[str, Any]] | None  # the step's operator and arguments


def moved(importer: OnnxImporter, call: Call) -> bool:
    """Import an operator that moves codes; whether it could be."""
    if call.op == "Gather":
        return gathered(importer, call)
    value = importer.values.get(call.inputs[0])
    if not isinstance(value, Real | Codes):
        return False
    if call.op == "Cast":
        return _cast(importer, call, value)
    codes = value.codes if isinstance(value, Real) else value
    if call.op == "Concat":
        return _concat(importer, call)
    if call.op == "Split":
        return _split(importer, call, codes, real=isinstance(value, Real))
    found = MOVES[call.op](importer, call)
    if found is None:
        return False
    op, arguments = found
    if op == "identity":
        _note(importer, call, 0, codes.step, real=isinstance(value, Real))
        return True
    name = importer.name(call.name)
    _step(importer, name, op, (codes.step,), arguments, call, 0, real=isinstance(value, Real))
    return True


def _step(
    importer: OnnxImporter,
    name: str,
    op: str,
    inputs: tuple[str, ...],
    arguments: dict[str, Any],
    call: Call,
    index: int,
    *,
    real: bool,
) -> None:
    importer.kinds[name] = importer.kinds[inputs[0]]
    importer.steps.append(Step(name, op, inputs, arguments, call.outputs[index]))
    _note(importer, call, index, name, real=real)
    if not real:
        importer.code_tensors.add(call.outputs[index])


def _note(importer: OnnxImporter, call: Call, index: int, step: str, *, real: bool) -> None:
    tensor = call.outputs[index]
    codes = Codes(step, tensor)
    importer.values[tensor] = Real(codes, tensor) if real else codes


def _cast(importer: OnnxImporter, call: Call, value: Real | Codes) -> bool:
    """Note codes that become whole numbers."""
    if isinstance(value, Real) or call.attributes.get("to") not in _WHOLE:
        return False
    importer.values[call.outputs[0]] = Index(value)
    return True


def gathered(importer: OnnxImporter, call: Call) -> bool:
    """Import a table that codes index, or channels that constants pick; whether it could be."""
    data, index = call.inputs
    value = importer.values.get(index)
    if data in importer.constants and isinstance(value, Index):
        return _table(importer, call, importer.constants[data], value.codes)
    codes = importer.values.get(data)
    if not isinstance(codes, Codes) or index not in importer.constants:
        return False
    shape, picked = importer.shape(data), importer.constants[index].reshape(-1)
    if len(shape) != 4 or call.attributes.get("axis", 0) != 1 or len(picked) != shape[1]:
        return False
    for groups in (g for g in range(2, shape[1]) if shape[1] % g == 0):
        if np.array_equal(picked, np.arange(shape[1]).reshape(groups, -1).T.reshape(-1)):
            name = importer.name(call.name)
            arguments = {"groups": groups}
            _step(importer, name, "channel_shuffle", (codes.step,), arguments, call, 0, real=False)
            return True
    return False


def _table(importer: OnnxImporter, call: Call, entries: npt.NDArray[Any], codes: Codes) -> bool:
    quantization, signed = importer.kinds[codes.step]
    if entries.dtype not in (np.int8, np.uint8) or entries.shape != (256,):
        return False
    if not signed and entries.dtype == np.int8:
        return False
    output = importer.read_as(call.outputs[0], (quantization, entries.dtype == np.int8))
    index = np.arange(256) - 128 * signed
    table = unsigned(entries[index])
    arguments = {"scale": output[0].scale, "zero_point": output[0].zero_point}
    arguments["table"] = table.tolist()
    name = importer.name(call.name)
    _step(importer, name, "lookup", (codes.step,), arguments, call, 0, real=False)
    importer.kinds[name] = output
    return True


def _concat(importer: OnnxImporter, call: Call) -> bool:
    """Join tensors of one scale and zero point."""
    values = [importer.values.get(name) for name in call.inputs]
    if not all(isinstance(value, type(values[0])) for value in values):
        return False
    steps = [v.codes.step if isinstance(v, Real) else v.step for v in values]  # type: ignore[union-attr]
    if len({importer.kinds[step] for step in steps}) > 1:
        return False
    arguments = {"dim": int(call.attributes.get("axis", 1))}
    real = isinstance(values[0], Real)
    name = importer.name(call.name)
    _step(importer, name, "cat", tuple(steps), arguments, call, 0, real=real)
    return True


def _split(importer: OnnxImporter, call: Call, codes: Codes, *, real: bool) -> bool:
    axis = int(call.attributes.get("axis", 0))
    shapes = [importer.runtime.shapes[name] for name in call.outputs]
    start = 0
    for index, shape in enumerate(shapes):
        arguments = {"dim": axis % len(shape), "start": start, "length": shape[axis]}
        start += shape[axis]
        name = importer.name(f"{call.name}.{index}")
        _step(importer, name, "narrow", (codes.step,), arguments, call, index, real=real)
    return True


def _max_pool(importer: OnnxImporter, call: Call) -> _Found:
    values = call.attributes
    kernel = list(values["kernel_shape"])
    sizes = importer.shape(call.inputs[0])[2:]
    pads = pads_of(values, kernel, sizes)
    ceil = bool(values.get("ceil_mode", 0))
    output, *further = call.outputs
    if further:
        return None
    if any(before != after for before, after in pads):
        # one more at the end: the window that a rounded-up size has
        strides = list(values.get("strides") or [1] * len(kernel))
        whole = all(
            _rounded_up(size, k, s, before) == after_size
            for size, k, s, (before, _), after_size in zip(
                sizes, kernel, strides, pads, importer.shape(output)[2:], strict=True
            )
        )
        if ceil or set(values.get("dilations") or [1]) != {1} or not whole:
            return None
        ceil = True
    return f"max_pool{len(kernel)}d", {
        "kernel_size": kernel,
        "stride": list(values.get("strides") or [1] * len(kernel)),
        "padding": [before for before, _ in pads],
        "dilation": list(values.get("dilations") or [1] * len(kernel)),
        "ceil_mode": ceil,
    }


def _rounded_up(size: int, kernel: int, stride: int, before: int) -> int:
    """Return the size of a pool's result with equal padding, rounded up as PyTorch does."""
    count = -(-(size + 2 * before - kernel) // stride) + 1
    return count - ((count - 1) * stride >= size + before)


def _global_max_pool(importer: OnnxImporter, call: Call) -> _Found:
    sizes = list(importer.shape(call.inputs[0])[2:])
    return f"max_pool{len(sizes)}d", {"kernel_size": sizes, "stride": sizes}


def _relu(importer: OnnxImporter, call: Call) -> _Found:
    # behind a quantization of its own, the region's table has it
    users = importer.users(call.outputs[0])
    if any(user.op == "QuantizeLinear" or user.op not in MOVES for user in users):
        return None
    return "relu", {}


def _clip(importer: OnnxImporter, call: Call) -> _Found:
    """Import a clamp of codes; real values become a table."""
    codes = importer.values[call.inputs[0]]
    if not isinstance(codes, Codes):
        return None
    signed = importer.kinds[codes.step][1]
    bounds = [importer.constant(call, index) for index in (1, 2)]
    low, high = (
        default if bound is None else int(bound.reshape(-1)[0]) + 128 * signed
        for bound, default in zip(bounds, (0, 255), strict=True)
    )
    return "clamp_codes", {"low": low, "high": high}


def _flatten(importer: OnnxImporter, call: Call) -> _Found:
    if int(call.attributes.get("axis", 1)) != 1:
        return None
    return "flatten", {"start_dim": 1}


def _reshape(importer: OnnxImporter, call: Call) -> _Found:
    before, after = importer.shape(call.inputs[0]), importer.shape(call.outputs[0])
    if before == after:
        return "identity", {}
    if len(after) == 2 and after[0] == 1:
        return "flatten", {"start_dim": 1}
    return _shuffled(before, after)


def _shuffled(before: tuple[int, ...], after: tuple[int, ...]) -> _Found:
    return None


def _squeeze(importer: OnnxImporter, call: Call) -> _Found:
    before, after = importer.shape(call.inputs[0]), importer.shape(call.outputs[0])
    if before == after:
        return "identity", {}
    if len(after) == 2 and after[0] == 1 == before[0]:
        return "flatten", {"start_dim": 1}
    return None


def _transpose(importer: OnnxImporter, call: Call) -> _Found:
    dims = list(call.attributes.get("perm") or ())
    if dims == list(range(len(dims))):
        return "identity", {}
    return ("transpose", {"dims": dims}) if dims == [0, 2, 1] else None


def _resize(importer: OnnxImporter, call: Call) -> _Found:
    """Import a nearest-neighbour upsampling that repeats each pixel equally often."""
    values = call.attributes
    if values.get("mode", "nearest") != "nearest":
        return None
    way = (
        values.get("coordinate_transformation_mode", "half_pixel"),
        values.get("nearest_mode", "round_prefer_floor"),
    )
    before, after = importer.shape(call.inputs[0]), importer.shape(call.outputs[0])
    whole = all(large % small == 0 for small, large in zip(before, after, strict=True))
    if way not in _NEAREST or not whole or before[:2] != after[:2] or len(before) != 4:
        return None
    factors = [large // small for small, large in zip(before[2:], after[2:], strict=True)]
    return "interpolate", {"scale_factor": [float(f) for f in factors], "mode": "nearest"}


def _slice(importer: OnnxImporter, call: Call) -> _Found:
    starts, ends, axes, strides = (importer.constant(call, index) for index in (1, 2, 3, 4))
    if starts is None or ends is None:
        return None
    count = len(importer.shape(call.inputs[0]))
    places = range(len(starts)) if axes is None else [int(axis) % count for axis in axes]
    numbers = np.ones(len(starts), int) if strides is None else strides
    index: list[list[int | None]] = [[None, None, None] for _ in range(count)]
    for axis, start, end, step in zip(places, starts, ends, numbers, strict=True):
        if step < 1:
            return None
        index[axis] = [int(start), int(min(end, 2**31)), int(step)]
    return "part", {"index": index}


def _identity(importer: OnnxImporter, call: Call) -> _Found:
    return "identity", {}


def _none(importer: OnnxImporter, call: Call) -> _Found:
    return None


MOVES: dict[str, Callable[[OnnxImporter, Call], _Found]] = {
    "MaxPool": _max_pool,
    "GlobalMaxPool": _global_max_pool,
    "Relu": _relu,
    "Clip": _clip,
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Squeeze": _squeeze,
    "Transpose": _transpose,
    "Resize": _resize,
    "Slice": _slice,
    "Identity": _identity,
    "Dropout": _identity,
    "Concat": _none,
    "Split": _none,
    "Cast": _none,
    "Gather": _none,
}
