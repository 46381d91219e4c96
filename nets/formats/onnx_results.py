"""The results of an ONNX file: real values of codes, codes, or an end in floating point."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...golden.quantization import Quantization
from ..int8 import Step
from ..layouts import Layout
from .onnx_values import Codes, Floats, Real, Work, codes_of

if TYPE_CHECKING:
    from .onnx_importer import OnnxImporter

__all__ = ["import_results"]


def import_results(importer: OnnxImporter) -> None:
    """Append a step for each result.

    Raises
    ------
    ValueError
        If one of several is computed in floating point, or one does not come from codes.
    """
    outputs = importer.file.outputs
    codes = []
    for index, name in enumerate(outputs):
        value = importer.values.get(name)
        if isinstance(value, Real | Codes):
            codes.append((codes_of(value).step, index, name))
        elif isinstance(value, Floats) and len(outputs) == 1 and value.reads:
            _import_tail(importer, name, value)
            return
        else:
            raise ValueError(
                f"{importer.network}: result {name} must come from quantized tensors, or be the "
                "only one"
            )
    alone = len(codes) == 1
    for step, index, name in codes:
        arguments = {"results": [(index, "" if alone else name)]}
        end = importer.name("logits" if alone else f"results.{name}")
        importer.steps.append(Step(end, "dequantize", (step,), arguments, ""))


def _import_tail(importer: OnnxImporter, name: str, value: Floats) -> None:
    calls = [call for call in value.calls if call.outputs[0] not in importer.makers]
    work = Work(value.calls, (), value.reads, name, Quantization(1.0, 0))
    first = calls[0]
    arguments = {
        "calls": [call.op for call in calls],
        "scores": len(importer.runtime.shapes[name]) == 2,
        "reason": f"{importer.network}.{first.name}: results must be quantized, got {first.op}",
        "region": importer.region(work, Layout.ROWS),
    }
    inputs = tuple(codes_of(read).step for read in work.reads)
    importer.steps.append(Step(importer.name(first.name), "tail", inputs, arguments, name))
