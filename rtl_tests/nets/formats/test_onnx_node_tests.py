"""ONNX's own tests of its quantized operators: each refused in a sentence that names why.

The package onnx makes them; an input that is no activation becomes a constant of the file. None of
them has weights of 8 bits, so none is one layer of the hardware.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from maccord.nets.formats.files import load_file

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

MODULES = (
    *("qlinearconv", "qlinearmatmul", "quantizelinear", "dequantizelinear"),
    *("convinteger", "matmulinteger", "dynamicquantizelinear"),
)
# by the beginning of a test's name, the first that fits: what the sentence says
REASONS = {
    "test_qlinearconv": "node.y: weights must be at most 8 bits from their zero point, got -255",
    "test_qlinearmatmul_2D_uint8_float32": "weights must be at most 8 bits from their zero point",
    "test_qlinearmatmul_2D_int8_float32": "weights must be at most 8 bits from their zero point",
    "test_qlinearmatmul_3D_uint8_float32": "node.y: weights must be a matrix, got shape (2, 4, 3)",
    "test_qlinearmatmul_3D_int8_float32": "node.y: weights must be a matrix, got shape (2, 4, 3)",
    "test_qlinearmatmul": "node.y: scale must be one float32, got float16",
    "test_quantizelinear_axis": "node.y: scale must be one float32, got float32 of shape (3,)",
    "test_quantizelinear_uint4": "node.y: scale must be one float32, got float32 of shape (3,)",
    "test_quantizelinear_int4": "node.y: scale must be one float32, got float32 of shape (3,)",
    "test_quantizelinear_uint2": "node.y: scale must be one float32, got float32 of shape (3,)",
    "test_quantizelinear_int2": "node.y: scale must be one float32, got float32 of shape (3,)",
    "test_quantizelinear_float4": "node.y: scale must be one float32, got float32 of shape (3,)",
    "test_quantizelinear_blocked": "node.y: scale must be one float32, got float32 of shape (3, 2)",
    "test_quantizelinear": "input x must have the shape",
    "test_dequantizelinear_axis": "node.y: scale must be one float32, got float32 of shape (3,)",
    "test_dequantizelinear_blocked": "node.y: scale must be one float32, got float32 of shape (1,",
    "test_dequantizelinear_": "input x must be float32, uint8 or int8",
    "test_dequantizelinear": "input x must have the shape",
    "test_convinteger": "model must be quantized with constant scales, got ConvInteger",
    "test_matmulinteger": "model must be quantized with constant scales, got MatMulInteger",
    "test_dynamicquantizelinear_min_adjusted_expanded": "of QuantizeLinear must be a constant",
    "test_dynamicquantizelinear_min_adjusted": "constant scales, got DynamicQuantizeLinear",
    "test_dynamicquantizelinear_max_adjusted_expanded": "input x must have the shape",
    "test_dynamicquantizelinear_expanded": "input x must have the shape",
    "test_dynamicquantizelinear": "constant scales, got DynamicQuantizeLinear",
}


def cases() -> list[Any]:
    """The tests of the quantized operators."""
    from importlib import import_module

    from onnx.backend.test.case import node

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in MODULES:
            import_module(f"onnx.backend.test.case.node.{name}")
    return [case for case in node._NodeTestCases if any(m in case.name for m in MODULES)]


CASES = {case.name: case for case in cases()}


def as_file(case: Any, path: Path) -> None:
    """Write a test as a file of one input."""
    inputs, _ = case.data_sets[0]
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    for entry, value in list(zip(model.graph.input, inputs, strict=True))[1:]:
        if isinstance(value, onnx.TensorProto):
            constant = onnx.TensorProto()
            constant.CopyFrom(value)
        else:
            constant = onnx.numpy_helper.from_array(np.asarray(value))
        constant.name = entry.name
        model.graph.initializer.append(constant)
    del model.graph.input[1:]
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "N"
    for entry in model.opset_import:
        entry.version = min(max(entry.version, 13), 21)
    model.ir_version = min(model.ir_version, 10)
    onnx.save(model, path)


def test_there_are_some() -> None:
    assert len(CASES) >= 40
    assert {case.model.graph.node[0].op_type for case in CASES.values()} >= {
        "QLinearConv",
        "QLinearMatMul",
        "QuantizeLinear",
    }


@pytest.mark.parametrize("name", CASES)
def test_is_refused_by_name(name: str, tmp_path: Path) -> None:
    """Their weights need nine bits, or their types and scales are none of the hardware's."""
    path = tmp_path / "node.onnx"
    as_file(CASES[name], path)
    with pytest.raises(ValueError, match=r"\S") as refused:
        load_file(str(path))
    reason = next(text for start, text in REASONS.items() if name.startswith(start))
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)
