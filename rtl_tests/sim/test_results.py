"""Records on disk: the fields that scripts rely on, and atomic file writes."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from network_tasks import StandIn, network_task
from schedule_layers import random_conv2d, random_linear

from maccord.compiler.network import alone
from maccord.runtime.files import atomic_write
from maccord.sim.dump import write_dump
from maccord.sim.network.results import NetworkResult
from maccord.sim.network.run import run_network
from maccord.sim.network.task import NetworkRecording
from maccord.sim.results import file_stem, save, write_json

FIELDS = [
    *("network", "layer", "op", "engine", "weights", "perturbation", "seed", "rows", "cols"),
    *("input_shape", "output_shape", "macs", "cycles", "utilization", "cycles_by_cause"),
    *("compared", "mismatches_golden", "mismatches_torch", "sim_cycles_per_second"),
    *("build_seconds", "sim_seconds", "verilator", "stall_seed"),
    *("image", "latency", "stalls", "netlist"),
]
DUMP = {
    *("x_q", "w_q", "bias", "bias_q", "x_scale", "x_zero_point", "w_scales", "y_scale"),
    *("y_zero_point", "stride", "padding", "dilation", "groups", "y_golden", "y_rtl", "y_torch"),
    *("layout", "op", "engine"),
}


def result(perturbation: str = "clean") -> NetworkResult:
    shapes = ((1, 4, 4, 3), (1, 2, 2, 8))
    causes = {"compute": 90, "stores": 10}
    return NetworkResult(
        *("net", "net.conv", "conv2d", "qnnpack", "seed 0", perturbation, 0, 4, 2),
        *(*shapes, 800, 100, 1.0, causes, 32, 0, 0, 5e5, 0.0, 0.1, "5.048", 3),
        *("china", 30, 0.0, "generated"),
        *("r4c2", 16, 1, 200.0, 2e6, 100.0, 100.0, 1.0, 800, 0, 1, (), (), (), (), ()),
    )


def test_json_has_exactly_the_fields(tmp_path: Path) -> None:
    path = save(tmp_path / "r4c2", result())
    assert path == tmp_path / "r4c2" / "net.conv.json"
    assert list(json.loads(path.read_text())) == ["schema", *FIELDS, "not_asked", "provenance"]


def test_one_result_is_an_object_and_several_a_list(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "results.json"
    write_json(path, [result()])
    assert json.loads(path.read_text())["layer"] == "net.conv"
    write_json(path, [result(), result("awgn:0.3")])
    assert [r["perturbation"] for r in json.loads(path.read_text())] == ["clean", "awgn:0.3"]


def test_perturbed_results_have_files_of_their_own(tmp_path: Path) -> None:
    assert file_stem("net.conv", "awgn:0.3") == "net.conv@awgn-0.3"
    assert save(tmp_path, result("awgn:0.3")) != save(tmp_path, result())


def test_agreement_needs_both_references() -> None:
    assert result().agrees
    assert not replace(result(), mismatches_golden=1).agrees
    assert not replace(result(), mismatches_torch=1).agrees


def test_a_file_is_whole_or_absent(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    with pytest.raises(RuntimeError), atomic_write(path) as temporary:  # noqa: PT012 - must end it
        temporary.write_text("half")
        raise RuntimeError
    assert not list(tmp_path.iterdir())
    with atomic_write(path) as temporary:
        temporary.write_text("whole")
        assert not path.exists()
    assert [p.read_text() for p in tmp_path.iterdir()] == ["whole"]


def test_the_error_names_the_file_that_was_wanted(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "deep.json", Path("/proc/deep.json")):
        with pytest.raises(OSError) as caught, atomic_write(path):
            pass
        assert caught.value.filename == str(path)


@pytest.mark.parametrize("kind", ["conv2d", "linear"])
def test_dump_has_exactly_the_fields(kind: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    if kind == "linear":
        layer, shape, layout = random_linear(rng, 5, 3), (1, 5), "NC"
    else:
        layer, shape = random_conv2d(rng, (4, 3, 3, 2), stride=(2, 1), padding=(1, 0)), (1, 6, 6, 3)
        layout = "NHWC"
    x = rng.integers(0, 256, shape, np.uint8)
    y = rng.integers(0, 256, layer.output_shape(shape), np.uint8)
    path = tmp_path / "layer.npz"
    network, torch = alone(layer, "net", shape), {layer.name: y ^ 2}
    recorded = NetworkRecording(
        "qnnpack", "seed 0", "clean", 0, network, x, torch, layer=layer.name
    )
    write_dump(path, recorded, {network.input.name: x, layer.name: y}, {layer.name: y ^ 1})
    with np.load(path, allow_pickle=False) as found:
        assert set(found) == DUMP
        assert (str(found["layout"]), str(found["engine"])) == (layout, "qnnpack")
        assert str(found["op"]) == layer.op
        assert np.array_equal(found["w_q"], layer.weight)
        assert np.array_equal(found["y_rtl"], y ^ 1) and np.array_equal(found["y_torch"], y ^ 2)
        types = {n: found[n].dtype for n in ("x_q", "w_q", "bias", "bias_q", "y_rtl")}
        assert types == {"x_q": "u1", "w_q": "i1", "bias": "f4", "bias_q": "i4", "y_rtl": "u1"}
        assert found["stride"].tolist() == ([2, 1] if kind == "conv2d" else [1, 1])
        assert found["padding"].tolist() == ([1, 0] if kind == "conv2d" else [0, 0])


def test_dump_of_a_network_has_the_fields_of_each_tensor(tmp_path: Path) -> None:
    job = replace(network_task("Copied", batch=2), keep=True)
    outcome = run_network(job, backend=StandIn(job))
    path = tmp_path / "network.npz"
    write_dump(path, job.recording, outcome.golden, outcome.rtl)
    with np.load(path, allow_pickle=False) as file:
        found = dict(file)
    names = {key.rpartition("/")[0] for key in found}
    assert names == set(job.recording.tensors)
    for name in ("Copied.conv", "Copied.fc"):
        fields = {key.rpartition("/")[2] for key in found if key.startswith(f"{name}/")}
        assert fields == DUMP | {"inputs"}
        (source,) = found[f"{name}/inputs"]
        before = found[f"{source}/x_q" if source == "Copied.input" else f"{source}/y_rtl"]
        assert np.array_equal(found[f"{name}/x_q"], before)
    for name in names - {"Copied.input"}:
        outputs = [found[f"{name}/y_{by}"] for by in ("golden", "rtl", "torch")]
        assert all(np.array_equal(y, job.recording.tensors[name]) for y in outputs)
    assert found["Copied.pool/kernel"].tolist() == [2, 2]
    assert found["Copied.cat/inputs"].tolist() == ["Copied.conv", "Copied.conv"]
