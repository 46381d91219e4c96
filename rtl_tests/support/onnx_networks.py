"""Small ONNX networks, quantized by ONNX Runtime's own tool, and the files that hold them.

``python rtl_tests/support/onnx_networks.py`` writes the files again. They are kept, so that tests
of the importer do not depend on the tool's next version.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["FILES", "FOLDER", "NETWORKS", "Builder", "float_model", "images", "quantized_model"]

FOLDER = Path(__file__).with_name("onnx_files")
SHAPE = (3, 16, 16)
FORMS = ("qdq_int8", "qdq_uint8", "qoperator_int8", "qoperator_uint8")
OPSETS = (13, 17, 21)


class Builder:
    """Collects nodes and seeded weights of a float network."""

    def __init__(self, seed: int) -> None:
        import onnx

        self.onnx = onnx
        self.rng = np.random.default_rng(seed)
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, value: object) -> str:
        """Keep a constant; return its name."""
        name = f"constant{len(self.constants)}"
        self.constants.append(self.onnx.numpy_helper.from_array(np.asarray(value), name))
        return name

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Append an operator; return its result."""
        name = f"{kind.lower()}{len(self.nodes)}"
        node = self.onnx.helper.make_node(kind, inputs, [name], f"/{name}", **attributes)
        self.nodes.append(node)
        return name

    def weights(self, *shape: int) -> str:
        """Keep normally distributed weights with a sum of squares of about 2 an output."""
        spread = np.sqrt(2 / np.prod(shape[1:]))
        return self.constant((self.rng.standard_normal(shape) * spread).astype(np.float32))

    def conv(
        self,
        x: str,
        channels: tuple[int, int],
        kernel: int = 3,
        stride: int = 1,
        groups: int = 1,
        pads: list[int] | None = None,
    ) -> str:
        """Append a convolution, by default with the padding that keeps the size."""
        inputs, outputs = channels
        weight = self.weights(outputs, inputs // groups, kernel, kernel)
        bias = self.constant((self.rng.standard_normal(outputs) * 0.1).astype(np.float32))
        return self.op(
            *("Conv", x, weight, bias),
            kernel_shape=[kernel] * 2,
            strides=[stride] * 2,
            pads=pads or [kernel // 2] * 4,
            group=groups,
        )

    def head(self, x: str, inputs: int) -> str:
        """Append a flattening and ten logits."""
        bias = self.constant((self.rng.standard_normal(10) * 0.1).astype(np.float32))
        return self.op("Gemm", self.op("Flatten", x), self.weights(10, inputs), bias, transB=1)

    def model(self, result: str, shape: tuple[int, ...], opset: int = 17) -> Any:
        """Return the float network."""
        make = self.onnx.helper
        ends = [
            make.make_tensor_value_info(name, 1, ["N", *sizes])
            for name, sizes in (("input", SHAPE), (result, shape))
        ]
        graph = make.make_graph(self.nodes, "net", ends[:1], ends[1:], self.constants)
        return make.make_model(graph, opset_imports=[make.make_opsetid("", opset)], ir_version=8)


def residual(b: Builder) -> tuple[str, tuple[int, ...]]:
    """A sum with a ReLU, and a global average pool."""
    x = b.op("Relu", b.conv("input", (3, 8), stride=2))
    y = b.conv(b.op("Relu", b.conv(x, (8, 8))), (8, 8))
    z = b.op("GlobalAveragePool", b.op("Relu", b.op("Add", x, y)))
    return b.head(z, 8), (10,)


def depthwise(b: Builder) -> tuple[str, tuple[int, ...]]:
    """ReLU6, depthwise convolutions, and TensorFlow's padding at the end alone."""
    bounds = [b.constant(np.float32(value)) for value in (0, 6)]
    x = b.op("Clip", b.conv("input", (3, 8), stride=2, pads=[0, 0, 1, 1]), *bounds)
    x = b.conv(b.op("Clip", b.conv(x, (8, 8), groups=8), *bounds), (8, 12), kernel=1)
    x = b.op("Clip", b.conv(x, (12, 12), groups=12, stride=2), *bounds)
    return b.head(b.op("GlobalAveragePool", x), 12), (10,)


def joined(b: Builder) -> tuple[str, tuple[int, ...]]:
    """A concatenation, max pools and a global average pool."""
    x = b.op("Relu", b.conv("input", (3, 8)))
    x = b.op("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    parts = [b.op("Relu", b.conv(x, (8, 6), kernel=kernel)) for kernel in (1, 3)]
    x = b.op("Concat", *parts, axis=1)
    x = b.op("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    return b.head(b.op("GlobalAveragePool", x), 12), (10,)


def gated(b: Builder) -> tuple[str, tuple[int, ...]]:
    """SiLU, a squeeze-and-excitation gate, and an upsampling."""
    x = b.conv("input", (3, 8), stride=2)
    x = b.op("Mul", x, b.op("Sigmoid", x))
    gate = b.op("Sigmoid", b.conv(b.op("GlobalAveragePool", x), (8, 8), kernel=1))
    x = b.op("Mul", x, gate)
    scales = b.constant(np.array([1, 1, 2, 2], np.float32))
    ways = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    x = b.op("Resize", x, "", scales, mode="nearest", **ways)
    return b.conv(x, (8, 6)), (6, 16, 16)


NETWORKS: dict[str, Callable[[Builder], tuple[str, tuple[int, ...]]]] = {
    "residual": residual,
    "depthwise": depthwise,
    "joined": joined,
    "gated": gated,
}
FILES = [f"{name}_{form}" for name in NETWORKS for form in FORMS]
FILES += [f"residual_{form}_opset{opset}" for form in FORMS[::3] for opset in OPSETS[::2]]


def images(count: int, seed: int = 0) -> np.ndarray:
    """Normally distributed inputs."""
    return np.random.default_rng(seed).standard_normal((count, *SHAPE)).astype(np.float32)


def float_model(name: str, opset: int = 17) -> Any:
    """Return one of `NETWORKS` in floating point."""
    builder = Builder(list(NETWORKS).index(name))
    return builder.model(*NETWORKS[name](builder), opset)


def quantized_model(name: str, form: str, opset: int = 17) -> bytes:
    """Return one of `NETWORKS`, quantized by ONNX Runtime's tool in one of `FORMS`."""
    import onnx
    from onnxruntime.quantization import (
        CalibrationDataReader,
        QuantFormat,
        QuantType,
        quantize_static,
    )

    class Reader(CalibrationDataReader):
        """Six inputs."""

        def __init__(self) -> None:
            self.inputs = iter([{"input": image[None]} for image in images(6)])

        def get_next(self) -> Any:
            return next(self.inputs, None)

    style, dtype = form.split("_")
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        onnx.save(float_model(name, opset), before)
        quantize_static(
            *(before, after, Reader()),
            quant_format=QuantFormat.QDQ if style == "qdq" else QuantFormat.QOperator,
            per_channel=True,
            activation_type=QuantType.QInt8 if dtype == "int8" else QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        return after.read_bytes()


def written(file: str) -> bytes:
    """Return one of `FILES`, made again."""
    name, _, form = file.partition("_")
    form, _, opset = form.partition("_opset")
    return quantized_model(name, form, int(opset or 17))


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for each in FILES:
        (FOLDER / f"{each}.onnx").write_bytes(written(each))
