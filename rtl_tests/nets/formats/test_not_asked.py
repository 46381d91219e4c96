"""Model files without their runtime: the golden model alone runs them, and says so."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tflite_builder import TfliteBuilder

from maccord.golden.network import execute
from maccord.nets.formats.files import load_file
from maccord.nets.formats.network import FileNetwork
from maccord.runtime.errors import ToolchainError
from maccord.sim.recording import record_network

pytest.importorskip("onnxruntime")
pytest.importorskip("executorch")
pytest.importorskip("ai_edge_litert")

SUPPORT = Path(__file__).parents[2] / "support"
RUNTIMES = ("onnxruntime", "executorch.runtime", "ai_edge_litert.interpreter")
FILES = (
    *("onnx_files/residual_qdq_uint8.onnx", "onnx_files/residual_qdq_int8_opset13.onnx"),
    *("onnx_files/joined_qoperator_int8.onnx", "onnx_files/gated_qdq_int8.onnx"),
    *("onnx_files/depthwise_qoperator_uint8.onnx", "pt2_files/gated.pt2"),
    *(f"tflite_files/{n}.tflite" for n in ("residual", "depthwise", "concatenated", "gated")),
)


@pytest.fixture
def hidden(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No runtime can be imported."""
    with monkeypatch.context() as patch:
        for name in RUNTIMES:
            patch.setitem(sys.modules, name, None)
        yield


def computed(network: FileNetwork) -> dict[str, np.ndarray]:
    """What the golden model makes of random images."""
    shape = (2, *network.input_shape[1:])
    images = np.random.default_rng(3).normal(size=shape).astype(np.float32)
    return execute(network.graph, *network.source_codes(images))


@pytest.mark.parametrize("file", FILES)
def test_the_golden_model_computes_the_same(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables, sums and means come from formulas then: in these files no code differs."""
    expected = computed(load_file(str(SUPPORT / file)))
    for name in RUNTIMES:
        monkeypatch.setitem(sys.modules, name, None)
    network = load_file(str(SUPPORT / file))
    found = computed(network)
    assert found.keys() == expected.keys()
    assert {n: int((found[n] != codes).sum()) for n, codes in expected.items() if n in found} == (
        dict.fromkeys(expected, 0)
    )
    assert network.engine.endswith(", not asked")


@pytest.mark.parametrize(
    ("file", "runtime", "extra"),
    [
        ("onnx_files/gated_qdq_int8.onnx", "ONNX Runtime", "onnx"),
        ("pt2_files/residual.pt2", "ExecuTorch", "executorch"),
        ("tflite_files/residual.tflite", "LiteRT", "tflite"),
    ],
)
@pytest.mark.usefixtures("hidden")
def test_nothing_is_called_the_runtimes(file: str, runtime: str, extra: str) -> None:
    network = load_file(str(SUPPORT / file))
    assert network.not_asked.startswith(f"{runtime} was not asked, as ")
    assert network.not_asked.endswith(f"pip install 'maccord[{extra}]'")
    image = np.zeros(network.input_shape, np.float32)
    with pytest.raises(ToolchainError, match=f"{runtime} was not asked"):
        network.tensors(image)
    with pytest.raises(ToolchainError, match=f"{runtime} was not asked"):
        network.results(image)
    recording = record_network(network, "clean", image, 0)
    assert recording.not_asked == network.not_asked
    assert list(recording.tensors) == [network.graph.input.name]
    assert recording.results == {} and recording.logits.size == 0
    (alone, *_) = network.layers
    assert network.record(image, [alone])[alone].y_torch.size == 0


@pytest.mark.usefixtures("hidden")
def test_what_only_the_runtime_computes_is_refused(tmp_path: Path) -> None:
    net = TfliteBuilder(0)
    x = net.conv("x", net.input((1, 8, 8, 3)), 4, 1)
    path = tmp_path / "other.tflite"
    path.write_bytes(net.file(net.unary("EXP", "y", x, 0.05, 0)))
    with pytest.raises(ToolchainError, match=r"EXP is measured in LiteRT, which is not installed"):
        load_file(str(path))
