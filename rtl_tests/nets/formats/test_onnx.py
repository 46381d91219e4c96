"""Networks of ONNX files: the golden model computes every tensor of ONNX Runtime."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from onnx_networks import FILES, FOLDER, FORMS, NETWORKS, Builder, images, quantized_model

from maccord.golden.graph import Concat, Conv2d, Host
from maccord.golden.network import execute
from maccord.nets.formats.files import load_file
from maccord.nets.formats.network import FileNetwork

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


def loaded(file: str) -> FileNetwork:
    """A network of one of the kept files."""
    return load_file(str(FOLDER / f"{file}.onnx"))


def differences(network: FileNetwork, inputs: np.ndarray) -> dict[str, int]:
    """Codes that differ, by tensor; every tensor of the graph is compared."""
    expected = network.tensors(inputs)
    found = execute(network.graph, expected[network.graph.input.name])
    assert set(network.graph.tensors) >= set(expected)
    return {
        name: int(np.count_nonzero(found[name] != codes))
        for name, codes in expected.items()
        if not np.array_equal(found[name], codes)
    }


@pytest.mark.parametrize("file", FILES)
def test_every_tensor_is_the_runtimes(file: str) -> None:
    network = loaded(file)
    assert differences(network, images(4, seed=5)) == {}
    assert network.engine.startswith("ONNX Runtime ")
    assert not any(isinstance(node.operation, Host) for node in network.graph.nodes)
    # all but what a concatenation rescales are tensors of the file's
    left_out = set(network.graph.tensors) - set(network.tensors(images(1)))
    joins = {node.name for node in network.graph.nodes if isinstance(node.operation, Concat)}
    assert {name.rpartition(".")[0] for name in left_out} <= joins


def test_a_wrong_factor_is_found() -> None:
    """One unit in the last place of one factor, with sums that meet a tie, is a difference."""
    network = loaded("residual_qdq_int8")
    inputs = images(4, seed=5)
    expected = network.tensors(inputs)
    graph = network.graph
    node = next(node for node in graph.nodes if isinstance(node.operation, Conv2d))
    assert isinstance(node.operation, Conv2d)
    wrong = replace(node.operation, multiplier=node.operation.multiplier * np.float32(1.001))
    nodes = tuple(replace(n, operation=wrong) if n is node else n for n in graph.nodes)
    found = execute(replace(graph, nodes=nodes), expected[graph.input.name])
    assert not np.array_equal(found[node.name], expected[node.name])


def test_a_changed_file_is_another_network(tmp_path: Path) -> None:
    """The reference runs the file: with other weights in it, the graph of the first one fails."""
    model = onnx.load(FOLDER / "residual_qdq_int8.onnx")
    weights = next(each for each in model.graph.initializer if each.dims == [8, 8, 3, 3])
    codes = onnx.numpy_helper.to_array(weights).copy()
    codes[0, 0, 0, 0] ^= 64
    weights.CopyFrom(onnx.numpy_helper.from_array(codes, weights.name))
    path = tmp_path / "residual_qdq_int8.onnx"
    onnx.save(model, path)
    other, network = load_file(str(path)), loaded("residual_qdq_int8")
    expected = other.tensors(images(2))
    found = execute(network.graph, expected[network.graph.input.name])
    assert any(not np.array_equal(found[name], codes) for name, codes in expected.items())


@pytest.mark.nightly
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", NETWORKS)
def test_the_kept_files_are_the_scripts(name: str, form: str) -> None:
    assert (FOLDER / f"{name}_{form}.onnx").read_bytes() == quantized_model(name, form)


def quantize(builder: Builder, real: str, scale: float, zero_point: int) -> str:
    """Append codes and their real values."""
    ends = [builder.constant(np.float32(scale)), builder.constant(np.int8(zero_point))]
    codes = builder.op("QuantizeLinear", real, *ends)
    return builder.op("DequantizeLinear", codes, *ends)


def layer(builder: Builder, real: str, codes: np.ndarray, scale: float) -> str:
    """Append a 1 x 1 convolution."""
    weight = builder.op(
        "DequantizeLinear",
        builder.constant(codes.astype(np.int8)),
        builder.constant(np.float32(scale)),
        builder.constant(np.int8(0)),
    )
    return builder.op("Conv", real, weight, kernel_shape=[1, 1])


def saved(builder: Builder, result: str, shape: tuple[int, ...], path: Path) -> FileNetwork:
    """A file of the builder's nodes, imported."""
    onnx.save(builder.model(result, shape), path)
    return load_file(str(path))


HOSTED = {
    "a pool": ("AveragePool", {"kernel_shape": [2, 2], "strides": [2, 2]}, (3, 8, 8)),
    "a norm": ("LpNormalization", {"axis": 1}, (3, 16, 16)),
    "a softmax": ("Softmax", {"axis": 1}, (3, 16, 16)),
}


@pytest.mark.parametrize("what", HOSTED)
def test_the_runtime_computes_the_rest(tmp_path: Path, what: str) -> None:
    op, attributes, shape = HOSTED[what]
    builder = Builder(1)
    real = quantize(builder, "input", 0.02, 3)
    real = quantize(builder, layer(builder, real, np.eye(3)[:, :, None, None] * 90, 0.01), 0.05, -7)
    real = quantize(builder, builder.op(op, real, **attributes), 0.03, -20)
    real = quantize(builder, layer(builder, real, np.eye(3)[:, :, None, None] * 70, 0.02), 0.05, 9)
    network = saved(builder, real, shape, tmp_path / "hosted.onnx")
    hosts = [node.operation for node in network.graph.nodes if isinstance(node.operation, Host)]
    assert [host.calls for host in hosts] == [(op,)]
    assert differences(network, images(2)) == {}
    with pytest.raises(ValueError, match=rf"^hosted\.{op.lower()}\d+: .* got {op}$"):
        load_file(str(tmp_path / "hosted.onnx"), strict=True)


def test_results_in_floating_point_are_the_files(tmp_path: Path) -> None:
    builder = Builder(2)
    real = quantize(builder, "input", 0.02, 3)
    real = quantize(builder, layer(builder, real, np.eye(3)[:, :, None, None] * 90, 0.01), 0.05, -7)
    result = builder.op("Softmax", builder.op("Flatten", real), axis=1)
    network = saved(builder, result, (768,), tmp_path / "tail.onnx")
    inputs = images(2)
    tensors = network.tensors(inputs)
    assert network.tail is not None
    found = network.tail([tensors[name] for name in network.tail_reads])
    np.testing.assert_array_equal(found, network.results(inputs)[network.graph.output])


def test_what_no_output_depends_on_is_left_out(tmp_path: Path) -> None:
    """A quantized branch that nothing reads, as tools leave behind, changes nothing."""
    model = onnx.load(FOLDER / "residual_qdq_int8.onnx")
    first = next(n for n in model.graph.node if n.op_type == "QuantizeLinear")
    ends = list(first.input[1:])
    for op, source, result in (
        ("DequantizeLinear", first.output[0], "dead_real"),
        ("Relu", "dead_real", "dead_relu"),
        ("QuantizeLinear", "dead_relu", "dead_codes"),
    ):
        inputs = [source] if op == "Relu" else [source, *ends]
        model.graph.node.append(onnx.helper.make_node(op, inputs, [result]))
    onnx.save(model, tmp_path / "residual_qdq_int8.onnx")
    network = load_file(str(tmp_path / "residual_qdq_int8.onnx"))
    assert network.graph.tensors.keys() == loaded("residual_qdq_int8").graph.tensors.keys()
    assert differences(network, images(1, seed=5)) == {}
