"""Operators of TFLite files that move codes: shapes, joins, parts, paddings, upsampling."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from .codes import file_codes
from .tflite_file import TfliteCall
from .tflite_runtime import Interpreter, not_asked, part

if TYPE_CHECKING:
    from .tflite_importer import TfliteImporter

__all__ = ["MOVES"]

_PADDED = ("CONV_2D", "DEPTHWISE_CONV_2D")


def _kept(importer: TfliteImporter, call: TfliteCall) -> str:
    """Return the step that an operator reads, whose scale and zero point its result must have."""
    source, output = (importer.quantization(i) for i in (call.inputs[0], call.outputs[0]))
    if source != output:
        importer.lacks(call, f"scale and zero point of {call.op} must stay as they are")
    return importer.codes_read(call, call.inputs[0])


def _reshape(importer: TfliteImporter, call: TfliteCall) -> None:
    """Import a change of shape that moves no code: to a row, or none at all."""
    name = _kept(importer, call)
    before, after = (importer.tensor(i).shape for i in (call.inputs[0], call.outputs[0]))
    if before == after:
        importer.step("mul_scalar", (name,), importer.written(call), call.outputs[0], call.name)
    elif len(before) > 2 and after == (1, prod(before)):
        flat = {"start_dim": 1, "channels_last": True}
        importer.step("flatten", (name,), flat, call.outputs[0], call.name)
    else:
        importer.lacks(call, f"new shape must be (1, {prod(before)}), got {after}")


def _concatenation(importer: TfliteImporter, call: TfliteCall) -> None:
    output = importer.quantization(call.outputs[0])
    shape = importer.tensor(call.outputs[0]).shape
    if call.option("axis") not in (len(shape) - 1, -1):
        importer.lacks(
            call,
            f"axis of a concatenation must be the channels' ({len(shape) - 1}), got "
            f"{call.option('axis')}",
        )
    if importer.reads(call) != list(call.inputs) or call.option("fusedActivationFunction"):
        importer.lacks(call, "concatenation must be of tensors alone, without activation")
    for index in call.inputs:
        if importer.quantization(index) != output:
            importer.lacks(call, "parts of a concatenation must have its scale and zero point")
    names = tuple(importer.codes_read(call, index) for index in call.inputs)
    dim = 1 if len(shape) == 4 else len(shape) - 1
    importer.step("cat", names, {"dim": dim}, call.outputs[0], call.name)


def _pad(importer: TfliteImporter, call: TfliteCall) -> None:
    """Leave a padding with zeros to the convolutions that read it."""
    _kept(importer, call)
    result = call.outputs[0]
    users = importer.users(result)
    others = [u.op for u in users if u.op not in _PADDED or u.inputs[0] != result]
    if not users or others or result in importer.file.outputs:
        said = ", ".join(others) or "a result"
        importer.lacks(call, f"padding must be read by convolutions alone, got {said}")
    widths = importer.constant(call, 1)
    if widths.shape != (4, 2) or widths[[0, 3]].any() or widths.min() < 0:
        importer.lacks(call, f"padding must be of the image, got {widths.tolist()}")
    value = importer.constant(call, 2)
    zero = int(importer.tensor(call.inputs[0]).zero_point[0])
    if value is not None and (value.size != 1 or int(value.reshape(-1)[0]) != zero):
        importer.lacks(call, f"padding must be with the zero point {zero}")
    (top, bottom), (left, right) = widths[1:3].tolist()
    importer.pads[result] = call, ((top, bottom), (left, right))


def _upsample(importer: TfliteImporter, call: TfliteCall) -> None:
    """Import a repetition of pixels, measured: LiteRT moves codes that tell their place."""
    name = _kept(importer, call)
    before, after = (importer.tensor(i).shape for i in (call.inputs[0], call.outputs[0]))
    for axis in (1, 2):
        size, new = before[axis], after[axis]
        if new % size or size > 256:
            importer.lacks(call, f"size must be a multiple of {before[1:3]}, got {after[1:3]}")
        if not_asked():
            if call.option("alignCorners"):
                importer.lacks(call, "corners must not be aligned where LiteRT is not installed")
            continue
        places = np.arange(size, dtype=np.uint8)
        line = places.reshape([-1 if d == axis else 1 for d in range(4)])
        codes = np.ascontiguousarray(np.broadcast_to(line, (1, *before[1:3], 1)))
        shapes = codes.shape, (1, *after[1:3], 1)
        data = part(importer.file, call, importer.reads(call), shapes)
        given = file_codes(codes, importer.tensor(call.inputs[0]).dtype)
        found = Interpreter(data)(given)[0]
        repeated = given.repeat(after[1] // before[1], 1).repeat(after[2] // before[2], 2)
        if not np.array_equal(found, repeated):
            importer.lacks(call, "each pixel must be repeated equally often, got other places")
    importer.step("interpolate", (name,), {"size": list(after[1:3])}, call.outputs[0], call.name)


def _slice(importer: TfliteImporter, call: TfliteCall) -> None:
    """Import a part that begins and sizes give."""
    shape = importer.tensor(call.inputs[0]).shape
    begins, sizes = (importer.constant(call, index).reshape(-1).tolist() for index in (1, 2))
    ends = [
        begin + size if size >= 0 else whole
        for begin, size, whole in zip(begins, sizes, shape, strict=True)
    ]
    _part(importer, call, [[b, e, 1] for b, e in zip(begins, ends, strict=True)])


def _strided_slice(importer: TfliteImporter, call: TfliteCall) -> None:
    """Import a part with steps; dimensions stay."""
    begins, ends, steps = (importer.constant(call, i).reshape(-1).tolist() for i in (1, 2, 3))
    changes = ("ellipsisMask", "newAxisMask", "shrinkAxisMask", "offset")
    if any(call.option(name) for name in changes) or min(steps) < 1:
        importer.lacks(call, "part must keep its dimensions, with steps of at least 1")
    spans: list[list[int | None]] = []
    for place, span in enumerate(zip(begins, ends, steps, strict=True)):
        begin, end, step = span
        from_start, to_end = (call.option(n, 0) >> place & 1 for n in ("beginMask", "endMask"))
        spans.append([None if from_start else begin, None if to_end else end, step])
    _part(importer, call, spans)


def _part(
    importer: TfliteImporter, call: TfliteCall, spans: Sequence[Sequence[int | None]]
) -> None:
    name, shape = _kept(importer, call), importer.tensor(call.inputs[0]).shape
    if len(spans) not in (2, 4):
        importer.lacks(call, f"part must be of an image or a row, got {len(spans)} dimensions")
    order = (0, 3, 1, 2) if len(spans) == 4 else (0, 1)  # as PyTorch has them
    sized = zip(shape, spans, strict=True)
    whole = [range(size) == range(size)[slice(*span)] for size, span in sized]
    index = [[None] * 3 if whole[axis] else list(spans[axis]) for axis in order]
    importer.step("part", (name,), {"index": index}, call.outputs[0], call.name)


def _split(importer: TfliteImporter, call: TfliteCall) -> None:
    """Import equal parts."""
    source, axis = call.inputs[1], int(importer.constant(call, 0).reshape(-1)[0])
    shape, kind = importer.tensor(source).shape, importer.quantization(source)
    if any(importer.quantization(index) != kind for index in call.outputs):
        importer.lacks(call, f"scale and zero point of {call.op} must stay as they are")
    name, dimensions = importer.codes_read(call, source), len(shape)
    if dimensions not in (2, 4):
        importer.lacks(call, f"parts must be of an image or a row, got {dimensions} dimensions")
    axis %= dimensions
    length = shape[axis] // len(call.outputs)
    dim = axis if dimensions == 2 else (0, 2, 3, 1)[axis]
    for place, index in enumerate(call.outputs):
        arguments = {"dim": dim, "start": place * length, "length": length}
        importer.step("narrow", (name,), arguments, index, f"{call.name}.{place}")


MOVES = {
    "CONCATENATION": _concatenation,
    "EXPAND_DIMS": _reshape,
    "PAD": _pad,
    "PADV2": _pad,
    "RESHAPE": _reshape,
    "RESIZE_NEAREST_NEIGHBOR": _upsample,
    "SLICE": _slice,
    "SPLIT": _split,
    "SQUEEZE": _reshape,
    "STRIDED_SLICE": _strided_slice,
}
