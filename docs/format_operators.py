"""Write docs/format_operators.md: where operators of model files run, and what is said of them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pt2_operators
import tflite_operators

from maccord.golden.network import execute
from maccord.nets.formats.files import load_file
from maccord.nets.formats.network import FileNetwork

__all__ = ["PAGE", "page"]

PAGE = Path(__file__).parent / "format_operators.md"
_HEAD = """# Operators of model files

Each operator behind a convolution, between two quantizations. *Host*: the runtime computes it on
the host; with `--strict` the sentence refuses the network. *Refused*: the file runs nowhere.
`python docs/format_operators.py` writes this page, and compares every tensor of what runs with the
runtime's.

## ONNX

| operator | runs on | sentence |
|---|---|---|
"""
_TFLITE = """
## TFLite

| operator | runs on | sentence |
|---|---|---|
"""
_PT2 = """
## PT2E

| operator | runs on | sentence |
|---|---|---|
"""
_IMAGE = (1, 4, 8, 8)
_F, _I = np.float32, np.int64

# operator, further inputs, attributes; "x" is the tensor before, "y" another of its shape
EXAMPLES: list[tuple[str, list[Any], dict[str, Any]]] = [
    ("Conv", ["x", "w3"], {}),
    ("Conv", ["x", "w3"], {"auto_pad": "SAME_UPPER", "strides": [2, 2]}),
    ("ConvTranspose", ["x", "wt"], {}),
    ("Add", ["x", "y"], {}),
    ("Sub", ["x", "y"], {}),
    ("Mul", ["x", "y"], {}),
    ("Div", ["x", "y"], {}),
    ("Max", ["x", "y"], {}),
    ("Add", ["x", _F(0.3)], {}),
    ("Mul", ["x", _F(-0.7)], {}),
    ("Pow", ["x", _F(2)], {}),
    ("Add", ["x", np.arange(4, dtype=_F).reshape(1, 4, 1, 1)], {}),
    ("Concat", ["x", "y"], {"axis": 1}),
    ("Concat", ["x", "y"], {"axis": 2}),
    ("Relu", ["x"], {}),
    ("Clip", ["x", _F(0), _F(6)], {}),
    ("LeakyRelu", ["x"], {"alpha": 0.1}),
    ("PRelu", ["x", np.full((4, 1, 1), 0.2, _F)], {}),
    ("Sigmoid", ["x"], {}),
    ("HardSigmoid", ["x"], {}),
    ("HardSwish", ["x"], {}),
    ("Tanh", ["x"], {}),
    ("Elu", ["x"], {}),
    ("Erf", ["x"], {}),
    ("Softplus", ["x"], {}),
    ("Mish", ["x"], {}),
    ("Gelu", ["x"], {}),
    ("Exp", ["x"], {}),
    ("Abs", ["x"], {}),
    ("Sqrt", ["x"], {}),
    ("MaxPool", ["x"], {"kernel_shape": [2, 2], "strides": [2, 2]}),
    ("MaxPool", ["x"], {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [0, 0, 1, 1]}),
    ("MaxPool", ["x"], {"kernel_shape": [3, 3], "strides": [1, 1], "pads": [0, 0, 2, 2]}),
    ("AveragePool", ["x"], {"kernel_shape": [2, 2], "strides": [2, 2]}),
    ("GlobalAveragePool", ["x"], {}),
    ("GlobalMaxPool", ["x"], {}),
    ("ReduceMean", ["x"], {"axes": [2, 3]}),
    ("ReduceMax", ["x"], {"axes": [2, 3]}),
    ("Flatten", ["x"], {}),
    ("Reshape", ["x", np.array([0, -1], _I)], {}),
    ("Reshape", ["x", np.array([0, 2, 16, 8], _I)], {}),
    ("Transpose", ["x"], {"perm": [0, 1, 3, 2]}),
    ("Slice", ["x", *(np.array([n], _I) for n in (2, 8, 2))], {}),
    ("Split", ["x"], {"axis": 1}),
    ("Resize", ["x", "", np.array([1, 1, 2, 2], _F)], {"mode": "nearest"}),
    ("Resize", ["x", "", np.array([1, 1, 2, 2], _F)], {"mode": "linear"}),
    ("Pad", ["x", np.array([0, 0, 1, 1, 0, 0, 1, 1], _I)], {}),
    ("DepthToSpace", ["x"], {"blocksize": 2}),
    ("BatchNormalization", ["x", *(np.ones(4, _F) for _ in range(4))], {}),
    ("InstanceNormalization", ["x", np.ones(4, _F), np.ones(4, _F)], {}),
    ("LpNormalization", ["x"], {"axis": 1}),
    ("Softmax", ["x"], {"axis": 1}),
    ("Identity", ["x"], {}),
]


class _File:
    """Collects nodes and constants."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.rng = np.random.default_rng(0)

    def constant(self, value: Any) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(onnx.numpy_helper.from_array(np.asarray(value), name))
        return name

    def op(self, op: str, *inputs: str, **attributes: Any) -> str:
        name = f"{op}{len(self.nodes)}"
        self.nodes.append(onnx.helper.make_node(op, list(inputs), [name], name, **attributes))
        return name

    def quantized(self, real: str, scale: float) -> str:
        ends = [self.constant(_F(scale)), self.constant(np.int8(3))]
        return self.op("DequantizeLinear", self.op("QuantizeLinear", real, *ends), *ends)

    def weights(self, *shape: int) -> str:
        codes = self.constant(self.rng.integers(-99, 99, shape, dtype=np.int8))
        return self.op(
            "DequantizeLinear", codes, self.constant(_F(0.004)), self.constant(np.int8(0))
        )


def _written(op: str, inputs: list[Any], attributes: dict[str, Any]) -> bytes:
    """Return a file that ends in an operator."""
    file, made = _File(), {}
    wanted = [each for each in inputs if isinstance(each, str)]
    source = file.quantized("input", 0.02)
    for name, scale in (("x", 0.03), ("y", 0.04)):
        if name in wanted:
            made[name] = file.quantized(file.op("Conv", source, file.weights(4, 4, 1, 1)), scale)
    for name, shape in (("w3", (4, 4, 3, 3)), ("wt", (4, 4, 2, 2))):
        if name in wanted:
            made[name] = file.weights(*shape)
    names = [
        made.get(each, "") if isinstance(each, str) else file.constant(each) for each in inputs
    ]
    real = file.quantized(file.op(op, *names, **attributes), 0.035)
    make = onnx.helper
    rank = 2 if op == "Flatten" or "[0, -1]" in map(_said, inputs) else 4
    graph = make.make_graph(
        file.nodes,
        "net",
        [make.make_tensor_value_info("input", 1, _IMAGE)],
        [make.make_tensor_value_info(real, 1, [f"d{axis}" for axis in range(rank)])],
        file.constants,
    )
    opset = 20 if op in ("Gelu",) else 17
    if op == "Mish":
        opset = 18
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", opset)], ir_version=9)
    return model.SerializeToString()


def _check(network: FileNetwork) -> None:
    """Compare all tensors of two inputs with ONNX Runtime's."""
    inputs = np.random.default_rng(1).standard_normal((2, *network.input_shape[1:]), np.float32)
    expected = network.tensors(inputs)
    found = execute(network.graph, expected[network.graph.input.name])
    for name, codes in expected.items():
        np.testing.assert_array_equal(found[name], codes, name)


def _row(op: str, inputs: list[Any], attributes: dict[str, Any]) -> tuple[str, str, str]:
    shown = ", ".join(f"{key} {value}" for key, value in attributes.items())
    name = f"{op}({', '.join(_said(each) for each in inputs)}{'; ' if shown else ''}{shown})"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.onnx"
        path.write_bytes(_written(op, inputs, attributes))
        try:
            network = load_file(str(path))
        except ValueError as error:
            return name, "refused", str(error).replace(f"{folder}/", "")
        _check(network)
    reasons = [s.arguments["reason"] for s in network.steps if s.arguments.get("reason")]
    return (name, "host", reasons[0]) if reasons else (name, "hardware", "")


def _said(value: Any) -> str:
    if isinstance(value, str):
        return {"w3": "w", "wt": "w"}.get(value, value)
    return f"{value:g}" if np.ndim(value) == 0 else str(np.asarray(value).reshape(-1).tolist())


def page() -> str:
    """Return the page as Markdown."""
    return first() + last()


def first() -> str:
    """Return the page up to the section on TFLite."""
    of_onnx = "".join(_line(*_row(*example)) for example in EXAMPLES)
    of_tflite = "".join(_line(*row) for row in tflite_operators.rows())
    return _HEAD + of_onnx + _TFLITE + of_tflite


def last() -> str:
    """Return the section on PT2E, whose programs take the longest."""
    return _PT2 + "".join(_line(*row) for row in pt2_operators.rows())


def _line(name: str, where: str, sentence: str) -> str:
    said = f"`{sentence}`" if sentence else ""
    return f"| `{name}` | {where} | {said.replace('|', chr(92) + '|')} |\n"


if __name__ == "__main__":
    PAGE.write_text(page())
