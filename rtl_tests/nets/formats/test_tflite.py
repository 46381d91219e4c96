"""Networks of TFLite files: the golden model computes every tensor of LiteRT."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("ai_edge_litert")

from tflite_builder import TfliteBuilder, Value
from tflite_networks import FOLDER, NETWORKS, images

from maccord.golden.graph import Add, AvgPool2d, Clamp, Conv2d, Host, Lookup
from maccord.golden.kernels.add import add
from maccord.golden.kernels.avg_pool2d import avg_pool2d
from maccord.golden.network import execute
from maccord.nets.formats.files import load_file
from maccord.nets.formats.network import FileNetwork
from maccord.nets.integer import IntegerNetwork


def loaded(file: str) -> FileNetwork:
    """A network of one of the kept files."""
    return load_file(str(FOLDER / f"{file}.tflite"))


def saved(path: Path, net: TfliteBuilder, *results: Value) -> FileNetwork:
    """A network of a file that is built."""
    path.write_bytes(net.file(*results))
    return load_file(str(path))


def differences(network: FileNetwork, count: int = 4) -> dict[str, int]:
    """Codes that differ, by tensor; every tensor of the graph is compared."""
    inputs = images(network.input_shape, count, seed=5)
    expected = network.tensors(inputs)
    assert set(expected) == set(network.graph.tensors)
    found = execute(network.graph, expected[network.graph.input.name])
    return {
        name: int(np.count_nonzero(found[name] != codes))
        for name, codes in expected.items()
        if not np.array_equal(found[name], codes)
    }


def hosts(network: FileNetwork) -> list[tuple[str, ...]]:
    """Operators that the host computes."""
    return [n.operation.calls for n in network.graph.nodes if isinstance(n.operation, Host)]


@pytest.mark.parametrize("file", NETWORKS)
def test_every_tensor_is_the_runtimes(file: str) -> None:
    network = loaded(file)
    assert differences(network) == {}
    assert network.engine.startswith("LiteRT 2.")
    assert network.engine.endswith(", CPU, XNNPACK")
    assert hosts(network) == ([("SOFTMAX",)] if file == "depthwise" else [])
    inputs = images(network.input_shape, 3)
    codes = network.input_codes(inputs)
    fast = IntegerNetwork(network.graph).tensors(codes)
    exact = execute(network.graph, codes)
    assert all(np.array_equal(fast[name], exact[name]) for name in exact)


@pytest.mark.parametrize("file", NETWORKS)
def test_the_kept_files_are_the_scripts(file: str) -> None:
    assert (FOLDER / f"{file}.tflite").read_bytes() == NETWORKS[file]()


def test_a_wrong_factor_is_found() -> None:
    network = loaded("residual")
    expected = network.tensors(images(network.input_shape, 4))
    graph = network.graph
    node = next(node for node in graph.nodes if isinstance(node.operation, Conv2d))
    assert isinstance(node.operation, Conv2d)
    wrong = replace(node.operation, multiplier=node.operation.multiplier * np.float32(1.001))
    nodes = tuple(replace(n, operation=wrong) if n is node else n for n in graph.nodes)
    found = execute(replace(graph, nodes=nodes), expected[graph.input.name])
    assert not np.array_equal(found[node.name], expected[node.name])


def test_a_changed_file_is_another_network(tmp_path: Path) -> None:
    """The reference runs the file: with another weight in it, the graph of the first one fails."""
    network, data = loaded("residual"), bytearray((FOLDER / "residual.tflite").read_bytes())
    weight = network.layers["residual.block.conv1"].weight.transpose(0, 2, 3, 1).tobytes()
    place = bytes(data).index(weight)
    data[place] ^= 64
    path = tmp_path / "residual.tflite"
    path.write_bytes(bytes(data))
    inputs = images(network.input_shape, 2)
    expected = load_file(str(path)).tensors(inputs)
    found = execute(network.graph, expected[network.graph.input.name])
    assert any(not np.array_equal(found[name], codes) for name, codes in expected.items())


@pytest.mark.parametrize(("size", "stride"), [(2, 2), (2, 1), (3, 2), (4, 3), (6, 1)])
def test_integer_averages_round_half_away(tmp_path: Path, size: int, stride: int) -> None:
    net = TfliteBuilder(size)
    x = net.conv("conv", net.input((1, 13, 13, 3)), 16)
    network = saved(tmp_path / "a.tflite", net, net.pool("AVERAGE_POOL_2D", "p", x, size, stride))
    assert differences(network) == {}
    assert hosts(network) == []
    if size % 2:
        return
    # without the scale that moves ties, the same pool is another one
    nodes = tuple(
        replace(node, operation=replace(node.operation, own_output=None))
        if isinstance(node.operation, AvgPool2d)
        else node
        for node in network.graph.nodes
    )
    pool = next(n.operation for n in nodes if isinstance(n.operation, AvgPool2d))
    given = network.tensors(images(network.input_shape, 4))
    source = next(n.inputs[0] for n in nodes if n.operation is pool)
    name = next(n.name for n in nodes if n.operation is pool)
    assert not np.array_equal(avg_pool2d(given[source], pool), given[name])


@pytest.mark.parametrize(("ratio", "on_host"), [(2.2917, False), (2.3, True)])
def test_means_with_ties_run_on_the_host(tmp_path: Path, ratio: float, on_host: bool) -> None:
    """XNNPACK adds the zero points before it rounds, which ties show."""
    net = TfliteBuilder(3)
    x = net.conv("conv", net.input((1, 8, 8, 3)), 32, scale=0.25)
    network = saved(tmp_path / "m.tflite", net, net.mean("mean", x, keep=True, ratio=ratio))
    assert differences(network) == {}
    assert hosts(network) == ([("MEAN",)] if on_host else [])


def test_sums_with_many_ties_need_hardware_that_rounds_half_up(tmp_path: Path) -> None:
    net = TfliteBuilder(1)
    x = net.conv("x", net.input((1, 8, 8, 3)), 4, 1, scale=0.04)
    y = net.conv("y", x, 4, 1, scale=0.05)
    network = saved(tmp_path / "ties.tflite", net, net.pair("ADD", "add", x, y, 0.06))
    (node,) = (n for n in network.graph.nodes if isinstance(n.operation, Add))
    assert isinstance(node.operation, Add)
    assert node.operation.rounding == "half_up"
    assert differences(network) == {}
    given = network.tensors(images(network.input_shape, 40))
    away = replace(node.operation, rounding="half_away")
    a, b = (given[name] for name in node.inputs)
    assert not np.array_equal(add(a, b, away), given[node.name])


def test_activations_of_sums_products_and_pools(tmp_path: Path) -> None:
    """The clamps have tensors before them, which LiteRT computes beside the file's."""
    net = TfliteBuilder(8)
    x = net.conv("stem", net.input((1, 8, 8, 3)), 8)
    y = net.conv("side", x, 8, scale=x.scale, zero=x.zero)
    a = net.pair("ADD", "add", x, y, x.scale * 1.3, "RELU6")
    b = net.pair("MUL", "mul", x, y, 0.05, "RELU_N1_TO_1")
    c = net.pair("ADD", "sum", a, b, 0.06)
    for op in ("MAX_POOL_2D", "AVERAGE_POOL_2D"):
        c = net.pool(op, op.lower(), c, 2, 1)
        net.graph.operators[-1].builtinOptions.fusedActivationFunction = net.activation("RELU6")
    network = saved(tmp_path / "clamps.tflite", net, c)
    assert differences(network) == {}
    assert hosts(network) == []
    assert sum(isinstance(node.operation, Clamp) for node in network.graph.nodes) == 4


def middle(op: str, options: str = "", **values: object) -> Callable[[TfliteBuilder, Value], Value]:
    """An operator without parameters of its own."""

    def appended(net: TfliteBuilder, x: Value) -> Value:
        result = net.value("middle", x.shape, 1 / 256 if op == "SOFTMAX" else x.scale, -128)
        net.operator(op, [x.index], [result.index], options, **values)
        return result

    return appended


def padded_sum(net: TfliteBuilder, x: Value) -> Value:
    """A padded tensor that two operators read, one of them no convolution."""
    padded = net.pad("pad", x, [[0, 0], [1, 0], [0, 1], [0, 0]])
    y = net.conv("padded", padded, x.shape[3], padding="SAME", scale=x.scale, zero=x.zero)
    return net.pair("ADD", "both", padded, y, x.scale * 1.5)


def same_average(net: TfliteBuilder, x: Value) -> Value:
    """An average that leaves padding out of its count."""
    return net.pool("AVERAGE_POOL_2D", "same", x, 3, 2, "SAME")


HOSTED: dict[str, tuple[Callable[[TfliteBuilder, Value], Value], str]] = {
    "softmax": (middle("SOFTMAX", "SoftmaxOptions", beta=1.0), "SOFTMAX"),
    "padding": (padded_sum, "PAD"),
    "average": (same_average, "AVERAGE_POOL_2D"),
}


@pytest.mark.parametrize("what", HOSTED)
def test_the_runtime_computes_the_rest(tmp_path: Path, what: str) -> None:
    append, op = HOSTED[what]
    net = TfliteBuilder(9)
    x = append(net, net.conv("stem", net.input((1, 7, 9, 3)), 8))
    path = tmp_path / "hosted.tflite"
    network = saved(path, net, net.conv("head", x, 8, 1))
    assert hosts(network) == [(op,)]
    assert differences(network) == {}
    host = next(n.operation for n in network.graph.nodes if isinstance(n.operation, Host))
    again = pickle.loads(pickle.dumps(host.function))
    given = network.tensors(images(network.input_shape, 2))
    node = next(n for n in network.graph.nodes if n.operation is host)
    np.testing.assert_array_equal(again([given[n] for n in node.inputs]), given[node.name])
    with pytest.raises(ValueError, match=r"^hosted\.\w+: .* got "):
        load_file(str(path), strict=True)


@pytest.mark.parametrize(
    ("op", "options", "values"),
    [
        ("LOGISTIC", "", {}),
        ("RELU", "", {}),
        ("RELU6", "", {}),
        ("LEAKY_RELU", "LeakyReluOptions", {"alpha": 0.1}),
        ("QUANTIZE", "QuantizeOptions", {}),
    ],
)
def test_functions_of_one_code_are_tables(
    tmp_path: Path, op: str, options: str, values: dict[str, float]
) -> None:
    net = TfliteBuilder(10)
    x = net.conv("stem", net.input((1, 7, 7, 3)), 8, 1)
    scale, zero = (1 / 256, -128) if op == "LOGISTIC" else (x.scale * 0.7, -40)
    result = net.value("table", x.shape, scale, zero)
    net.operator(op, [x.index], [result.index], options, version=1 + (op != "RELU"), **values)
    network = saved(tmp_path / "table.tflite", net, result)
    assert differences(network) == {}
    assert hosts(network) == []
    assert any(isinstance(node.operation, Lookup) for node in network.graph.nodes)


def test_shapes_that_the_file_computes_and_branches_without_result(tmp_path: Path) -> None:
    """As converters write a reshape of an unknown number of images."""
    net = TfliteBuilder(13)
    x = net.conv("conv", net.input((1, 5, 5, 3)), 4)
    net.conv("unread", x, 6)
    shape = net.tensor("shape", (4,), "INT32")
    net.operator("SHAPE", [x.index], [shape], "ShapeOptions", outType=2, version=1)
    count = net.tensor("count", (), "INT32")
    ends = [net.constant(f"end{n}", np.array([v])) for n, v in enumerate((0, 1, 1))]
    net.operator(
        "STRIDED_SLICE", [shape, *ends], [count], "StridedSliceOptions", shrinkAxisMask=1, version=1
    )
    columns = net.constant("columns", np.array(100))
    row = net.tensor("row", (2,), "INT32")
    net.operator("PACK", [count, columns], [row], "PackOptions", valuesCount=2, version=1)
    flat = net.value("flat", (1, 100), x.scale, x.zero)
    net.operator("RESHAPE", [x.index, row], [flat.index], "ReshapeOptions")
    network = saved(tmp_path / "shapes.tflite", net, net.linear("logits", flat, 10))
    assert differences(network) == {}
    assert list(network.layers) == ["shapes.conv", "shapes.logits"]
    assert hosts(network) == []


def test_results_in_floating_point_are_the_files(tmp_path: Path) -> None:
    net = TfliteBuilder(11)
    x = net.linear("logits", net.conv("conv", net.input((1, 5, 5, 3)), 4), 10)
    x = net.dequantize("reals", x)
    result = net.value("softmax", x.shape, 1.0, 0, "FLOAT32")
    net.operator("SOFTMAX", [x.index], [result.index], "SoftmaxOptions", beta=1.0)
    network = saved(tmp_path / "tail.tflite", net, result)
    inputs = images(network.input_shape, 2)
    tensors = network.tensors(inputs)
    assert network.tail is not None
    found = network.tail([tensors[name] for name in network.tail_reads])
    np.testing.assert_array_equal(found, network.results(inputs)[network.graph.output])


def test_several_results_are_the_files(tmp_path: Path) -> None:
    net = TfliteBuilder(12)
    x = net.conv("image", net.input((1, 6, 5, 3)), 4)
    row = net.dequantize("reals", net.linear("row", x, 10))
    network = saved(tmp_path / "two.tflite", net, x, row)
    inputs = images(network.input_shape, 2)
    found = network.results(inputs)
    codes = network.tensors(inputs)
    for name in network.graph.outputs:
        kind = network.graph.tensors[name].quantization
        steps = codes[name].astype(np.float32) - np.float32(kind.zero_point)
        np.testing.assert_array_equal(found[name], np.float32(kind.scale) * steps)
