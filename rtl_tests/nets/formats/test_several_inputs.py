"""Files of two inputs: each is quantized by itself, and every tensor is the runtime's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx_networks import Builder
from tflite_builder import TfliteBuilder

from maccord.golden.network import execute
from maccord.nets.formats.files import load_file
from maccord.nets.formats.network import FileNetwork
from maccord.sim.inputs import Inputs
from maccord.sim.recording import record_all

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("ai_edge_litert")

LEFT, RIGHT = (3, 8, 8), (2, 8, 8)


def from_onnx(path: Path, kind: int = 1) -> Path:
    """Two images of other channels and scales, convolved and added."""
    b, parts = Builder(0), []

    def quantized(real: str, scale: float, zero: int) -> str:
        ends = [b.constant(np.float32(scale)), b.constant(np.int8(zero))]
        return b.op("DequantizeLinear", b.op("QuantizeLinear", real, *ends), *ends)

    for name, (channels, *_), scale in (("left", LEFT, 0.03), ("right", RIGHT, 0.05)):
        codes = b.rng.integers(-127, 128, (4, channels, 1, 1), np.int8)
        ends = b.constant(np.float32(0.01)), b.constant(np.int8(0))
        weight = b.op("DequantizeLinear", b.constant(codes), *ends)
        real = name
        if kind == 1:
            real = quantized(name, scale, -4)
        else:
            ends = b.constant(np.float32(scale)), b.constant(np.int8(-4))
            real = b.op("DequantizeLinear", name, *ends)
        parts.append(quantized(b.op("Conv", real, weight, kernel_shape=[1, 1]), 0.06, 3))
    result = quantized(b.op("Add", *parts), 0.09, -1)
    make = onnx.helper
    inputs = [
        make.make_tensor_value_info(name, kind, [1, *shape])
        for name, shape in (("left", LEFT), ("right", RIGHT))
    ]
    outputs = [make.make_tensor_value_info(result, 1, [1, 4, 8, 8])]
    graph = make.make_graph(b.nodes, "net", inputs, outputs, b.constants)
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)
    return path


def from_tflite(path: Path, kind: str = "FLOAT32") -> Path:
    """The same in TFLite."""
    net, parts = TfliteBuilder(0), []
    for name, (channels, *size), scale in (("left", LEFT, 0.03), ("right", RIGHT, 0.05)):
        x = net.input((1, *size, channels), kind, scale, name=name)
        parts.append(net.conv(f"{name}_conv", x, 4, 1))
    path.write_bytes(net.file(net.pair("ADD", "sum", parts[0], parts[1], 0.09)))
    return path


FILES = {
    "floats.onnx": from_onnx,
    "codes.onnx": lambda path: from_onnx(path, 3),
    "floats.tflite": from_tflite,
    "codes.tflite": lambda path: from_tflite(path, "INT8"),
    "bytes.tflite": lambda path: from_tflite(path, "UINT8"),
}


def loaded(file: str, folder: Path) -> FileNetwork:
    return load_file(str(FILES[file](folder / file)))


@pytest.mark.parametrize("file", FILES)
def test_every_tensor_is_the_runtimes(file: str, tmp_path: Path) -> None:
    network = loaded(file, tmp_path)
    assert network.input_names == ("left", "right")
    assert [source.name.rpartition(".")[2] for source in network.graph.sources] == ["left", "right"]
    assert network.input_shapes == ((1, *LEFT), (1, *RIGHT))
    rng = np.random.default_rng(0)
    given = tuple(rng.normal(size=(3, *shape)).astype(np.float32) for shape in (LEFT, RIGHT))
    theirs = network.tensors(given)
    ours = execute(network.graph, *network.source_codes(given))
    assert {n: int((ours[n] != codes).sum()) for n, codes in theirs.items()} == (
        dict.fromkeys(theirs, 0)
    )
    # each input matters
    other = network.tensors((given[0], np.zeros_like(given[1])))
    assert (other[network.graph.output] != theirs[network.graph.output]).any()


def test_the_command_line_feeds_them_by_name(tmp_path: Path) -> None:
    file = FILES["floats.onnx"](tmp_path / "two.onnx")
    paths = []
    for number, shape in enumerate((LEFT, RIGHT)):
        paths.append(tmp_path / f"{number}.npy")
        np.save(paths[-1], np.full((1, *shape), 0.25 * (number + 1), np.float32))
    given = Inputs(
        module=str(file), input=paths[1], further_inputs=(paths[0],), input_names=("right", "left")
    )
    (recording,) = record_all((), given)
    left, right = recording.inputs
    assert left.shape == (1, 8, 8, 3) and np.unique(left) == [128 - 4 + 8]
    assert right.shape == (1, 8, 8, 2) and np.unique(right) == [128 - 4 + 10]
