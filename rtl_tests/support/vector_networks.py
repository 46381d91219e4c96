"""One sum that separates arithmetics, as a network of each engine.

585 steps of a sum are exactly 6.5 steps of the output in fp32, and a little more in double
precision and in fixed point.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.ao.quantization import QConfigMapping, get_default_qconfig
from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx

from maccord.nets.formats.files import load_file
from maccord.nets.framework import qnnpack
from maccord.nets.library import QuantizedNetwork, quantized

__all__ = ["CODE", "INPUT", "NETWORKS", "OUTPUT", "STEPS", "WEIGHT", "ZERO"]

INPUT, WEIGHT, OUTPUT = 0.05296124517917633, 0.024093778803944588, 0.11484327912330627
STEPS = 117 * 5
ZERO, CODE = 2, 8  # the graph's codes: -126 and -120 of int8
SHAPE = (3, 4, 4)


def from_pytorch(_: Path) -> QuantizedNetwork:
    """A converted module, whose numbers are replaced."""
    example = torch.zeros((1, *SHAPE))
    model = nn.Sequential(nn.Conv2d(3, 1, 1)).eval()
    mapping = QConfigMapping().set_global(get_default_qconfig("qnnpack"))
    with qnnpack():
        prepared = prepare_fx(model, mapping, (example,))
        prepared(torch.randn(example.shape))
        converted = convert_fx(prepared)
        converted.get_buffer(_named(converted, "scale")).fill_(INPUT)
        converted.get_buffer(_named(converted, "zero_point")).fill_(128)
        layer = converted.get_submodule("0")
        layer.scale, layer.zero_point = OUTPUT, ZERO
        codes = torch.full((1, 3, 1, 1), 5 * WEIGHT)
        weight = torch.quantize_per_tensor(codes, WEIGHT, 0, torch.qint8)
        layer.set_weight_bias(weight, torch.zeros(1))  # pyright: ignore[reportCallIssue]
    return quantized(converted, "vector", "as given", [example.numpy()])


def _named(module: nn.Module, ending: str) -> str:
    return next(name for name, _ in module.named_buffers() if f"_{ending}_" in name)


def from_onnx(path: Path) -> QuantizedNetwork:
    """QDQ groups."""
    import onnx
    from onnx_networks import Builder

    builder, real = Builder(0), "input"
    for kind in ((INPUT, 0), (OUTPUT, -126)):
        if kind[0] == OUTPUT:
            codes = builder.constant(np.full((1, 3, 1, 1), 5, np.int8))
            ends = builder.constant(np.float32(WEIGHT)), builder.constant(np.int8(0))
            weight = builder.op("DequantizeLinear", codes, *ends)
            real = builder.op("Conv", real, weight, kernel_shape=[1, 1])
        ends = builder.constant(np.float32(kind[0])), builder.constant(np.int8(kind[1]))
        real = builder.op("DequantizeLinear", builder.op("QuantizeLinear", real, *ends), *ends)
    model = builder.model(real, (1, *SHAPE[1:]))
    sizes = model.graph.input[0].type.tensor_type.shape.dim[1:]
    for size, wanted in zip(sizes, SHAPE, strict=True):
        size.dim_value = wanted
    onnx.save(model, path / "vector.onnx")
    return load_file(str(path / "vector.onnx"))


def from_tflite(path: Path) -> QuantizedNetwork:
    """A convolution."""
    from tflite_builder import TfliteBuilder

    net = TfliteBuilder(0)
    x = net.input((1, *SHAPE[1:], SHAPE[0]), "INT8", scale=INPUT, zero=0)
    y = net.conv("conv", x, 1, 1, scale=OUTPUT, zero=-126)
    _, weights, bias = net.graph.operators[-1].inputs
    net.graph.tensors[weights].quantization.scale[:] = WEIGHT
    net.model.buffers[net.graph.tensors[weights].buffer].data = np.full(3, 5, np.uint8)
    net.model.buffers[net.graph.tensors[bias].buffer].data = np.zeros(4, np.uint8)
    (path / "vector.tflite").write_bytes(net.file(y))
    return load_file(str(path / "vector.tflite"))


class _One(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("codes", torch.full((1, 3, 1, 1), 5, dtype=torch.int8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        dequantize = torch.ops.quantized_decomposed.dequantize_per_tensor
        weights = dequantize(self.codes, WEIGHT, 0, -127, 127, torch.int8)
        return nn.functional.conv2d(x, weights)


def from_program(_: Path) -> QuantizedNetwork:
    """A program between its quantizations."""
    from pt2_networks import Ends, exported

    from maccord.nets.formats.pt2_network import load_program

    return load_program(exported(Ends(_One(), (INPUT, 0), (OUTPUT, -126)), (1, *SHAPE)), "vector")


#: By the beginning of the engine's name.
NETWORKS: dict[str, Callable[[Path], QuantizedNetwork]] = {
    "qnnpack": from_pytorch,
    "ONNX Runtime 1.": from_onnx,
    "LiteRT 2.": from_tflite,
    "ExecuTorch 1.": from_program,
}
