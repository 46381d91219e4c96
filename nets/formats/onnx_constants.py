"""Constants of an ONNX file: weights, and what operators compute from constants alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...runtime.extras import extra_module
from .onnx_file import Call
from .onnx_values import Weights

if TYPE_CHECKING:
    from .onnx_importer import OnnxImporter

__all__ = ["import_constant"]


def import_constant(importer: OnnxImporter, call: Call) -> None:
    """Compute what only constants go into; a DequantizeLinear gives weights."""
    importer.makers[call.outputs[0]] = call
    if call.op == "DequantizeLinear":
        importer.values[call.outputs[0]] = _weights(importer, call)
        return
    if any(name in importer.values for name in call.inputs):
        importer.refuse(call, f"{call.op} must not compute weights")
    try:
        evaluator = extra_module("onnx.reference", "onnx", "to read ONNX files")
        found = evaluator.ReferenceEvaluator(call.node).run(
            None, {name: importer.constants[name] for name in call.inputs if name}
        )
    except Exception as error:
        importer.refuse(call, f"{call.op} of constants must be computable: {error}")
    for name, value in zip(call.outputs, found, strict=False):
        importer.constants[name] = np.asarray(value)


def _weights(importer: OnnxImporter, call: Call) -> Weights:
    codes, scale = importer.constant(call, 0), importer.constant(call, 1)
    zero = importer.constant(call, 2)
    assert codes is not None
    assert scale is not None
    if codes.dtype not in (np.int8, np.uint8, np.int32) or scale.dtype != np.float32:
        importer.refuse(
            call,
            f"weights must be int8 or uint8 and their scale float32, got {codes.dtype} and "
            f"{scale.dtype}",
        )
    if call.attributes.get("block_size"):
        importer.refuse(call, "scales of weights must be one per channel, got blocks")
    axis = int(call.attributes.get("axis", 1)) if scale.size > 1 else 0
    differences = codes.astype(np.int64)
    if zero is not None and codes.dtype == np.int32 and zero.any():
        importer.refuse(call, f"zero point of a bias must be 0, got {zero.reshape(-1)[:1]}")
    if zero is not None:
        if zero.size > 1:
            zero = zero.reshape([-1 if d == axis % codes.ndim else 1 for d in range(codes.ndim)])
        differences = differences - zero.astype(np.int64)
    return Weights(differences, scale, axis)
