"""Elementwise operators of TFLite files, measured: tables of codes, sums and products.

LiteRT's own kernels compute every code, or every pair of codes; the hardware has to give the same
result for all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ...golden.quantization import Quantization
from .codes import file_codes, unsigned
from .fixed_sum import fixed_sum
from .half_up_sum import half_up_sum
from .onnx_elementwise import CODES, product
from .tflite_file import TfliteCall
from .tflite_formulas import computed
from .tflite_layers import close_scales, without_activation
from .tflite_runtime import Interpreter, not_asked, part

if TYPE_CHECKING:
    from .tflite_importer import TfliteImporter

__all__ = ["ELEMENTWISE"]

Codes = npt.NDArray[np.uint8]

_UNARY = (
    *("ABS", "ELU", "EXP", "GELU", "HARD_SWISH", "LEAKY_RELU", "LOG", "LOGISTIC", "QUANTIZE"),
    *("RELU", "RELU6", "RELU_0_TO_1", "RELU_N1_TO_1", "RSQRT", "SQRT", "TANH"),
)
_BINARY = ("ADD", "DIV", "MAXIMUM", "MINIMUM", "MUL", "SQUARED_DIFFERENCE", "SUB")


def _run(importer: TfliteImporter, call: TfliteCall, given: list[Codes]) -> Codes:
    """Return what the operator makes of codes (1, H, W, 1)."""
    if not_asked():
        return computed(importer, call, given)
    reads = importer.reads(call)
    shapes = [codes.shape for codes in (*given, given[0])]
    data = part(importer.file, call, reads, shapes)
    inputs = [
        file_codes(np.ascontiguousarray(codes), importer.tensor(index).dtype)
        for index, codes in zip(reads, given, strict=True)
    ]
    try:
        return unsigned(Interpreter(data)(*inputs)[0])
    except ValueError as error:
        importer.lacks(call, f"{call.op} must be computable alone, got: {error}")


def _table(importer: TfliteImporter, call: TfliteCall) -> None:
    """Import a function of one code."""
    (index,) = importer.reads(call)
    source, output = importer.codes_read(call, index), importer.quantization(call.outputs[0])
    found = _run(importer, call, [CODES.reshape(1, 1, 256, 1)]).reshape(-1)
    if np.array_equal(found, CODES):
        # the same codes, read with a scale or zero point of their own
        importer.step("mul_scalar", (source,), importer.written(call), call.outputs[0], call.name)
        return
    arguments = {
        "scale": output.scale,
        "zero_point": output.zero_point,
        "table": found.tolist(),
    }
    importer.step("lookup", (source,), arguments, call.outputs[0], call.name)


def _binary(importer: TfliteImporter, call: TfliteCall) -> None:
    """Import a function of two tensors, or of one and a constant."""
    reads = importer.reads(call)
    if len(reads) == 1:
        others = [importer.tensor(i).data for i in call.inputs if i not in reads]
        if len(others) == 1 and others[0] is not None and others[0].size > 1:
            importer.lacks(
                call, f"constant of {call.op} must be one number, got shape {others[0].shape}"
            )
        _table(importer, call)
        return
    if len(set(reads)) != 2:
        importer.lacks(call, f"inputs of {call.op} must be two tensors, got one twice")
    _pair(importer, call, reads)


def _pair(importer: TfliteImporter, call: TfliteCall, reads: list[int]) -> None:
    if call.op not in ("ADD", "MUL"):
        importer.lacks(call, f"function of two tensors must be ADD or MUL, got {call.op}")
    sources = tuple(importer.codes_read(call, index) for index in reads)
    first, second = (importer.quantization(index) for index in reads)
    ends = first, second, importer.quantization(call.outputs[0])
    grid = np.ascontiguousarray(np.broadcast_to(CODES[None, :, None, None], (1, 256, 256, 1)))
    given = [grid, grid.transpose(0, 2, 1, 3)]
    whole = _run(importer, call, given).reshape(256, 256)
    bare, plain = without_activation(call), whole
    if call.option("fusedActivationFunction"):
        plain = _run(importer, bare, given).reshape(256, 256)
    low, high = int(whole.min()), int(whole.max())
    if not np.array_equal(np.clip(plain, low, high), whole):
        importer.lacks(call, f"activation of {call.op} must be a clamp of its codes")
    if (low, high) == (int(plain.min()), int(plain.max())) or high == 255:
        _append(importer, call, sources, _operation(importer, call, whole, ends), call.outputs[0])
        return
    operation = _operation(importer, call, plain, ends)
    name = _append(importer, call, sources, operation, importer.extra(bare))
    importer.step("clamp_codes", (name,), {"low": low, "high": high}, call.outputs[0], call.name)


def _append(
    importer: TfliteImporter,
    call: TfliteCall,
    sources: tuple[str, ...],
    operation: tuple[str, dict[str, Any]],
    result: int | str,
) -> str:
    """Append a sum or product; one with a scale of its own is read with the file's."""
    op, arguments = operation
    written = importer.written(call)
    path = call.name if isinstance(result, int) else f"{call.name}.plain"
    if arguments["scale"] == written["scale"]:
        return importer.step(op, sources, arguments, result, path)
    name = importer.step(op, sources, arguments, importer.same(result), f"{path}.product")
    return importer.step("mul_scalar", (name,), written, result, path)


def _operation(
    importer: TfliteImporter,
    call: TfliteCall,
    found: Codes,
    ends: tuple[Quantization, Quantization, Quantization],
) -> tuple[str, dict[str, Any]]:
    """Return the sum or product that gives all 65,536 codes.

    XNNPACK's sum rounds half up. All hardware imitates that by its settings, but for some scales
    with many ties; those need hardware that rounds half up.

    XNNPACK's factor of a product may be the hardware's but for its last bits. A scale close to the
    output's then gives it.
    """
    written = importer.written(call)
    setting = fixed_sum(found, ends) if call.op == "ADD" else None
    if setting is not None:
        written |= {"factors": list(setting.factors), "zero_points": list(setting.zero_points)}
        return "add_relu" if setting.relu else "add", written
    rounded = half_up_sum(found, ends) if call.op == "ADD" else None
    if rounded is not None:
        return rounded.op, written | {"rounding": rounded.rounding}
    for own in close_scales(ends[2]) if call.op == "MUL" else ():
        operation = product("mul", found, (*ends[:2], own))
        if operation is not None:
            return operation.op, written | {"scale": own.scale}
    return importer.lacks(
        call,
        f"{call.op} must be a sum or product that the hardware's fixed point gives for all 65,536 "
        "pairs of codes, got scales for which it does not",
    )


ELEMENTWISE = dict.fromkeys(_UNARY, _table) | dict.fromkeys(_BINARY, _binary)
