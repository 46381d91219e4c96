"""Networks of other inputs and results than photographs and logits, whole in RTL."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from input_networks import LARGE, NETWORKS, make

from maccord import api
from maccord.sim.memory import MemoryModel
from maccord.sim.netlist import generated
from maccord.sim.network.run import run_network
from maccord.sim.network.task import NetworkTask
from maccord.sim.recording import record_network
from maccord.sim.results import Verdict

PARAMETERS = api.Parameters(rows=4, cols=4)
DEFAULT = api.Parameters()


def _quantized(factory, shape: tuple[int, ...]) -> tuple[api.QuantizedNetwork, np.ndarray]:
    x = np.random.default_rng(3).normal(size=(4, *shape)).astype(np.float32)
    return api.quantize(make(factory), x, "net"), x


@pytest.mark.parametrize("name", NETWORKS)
def test_equals_pytorch_whole_in_rtl(name: str) -> None:
    network, x = _quantized(*NETWORKS[name])
    found = api.simulate(network, x[:2], PARAMETERS, MemoryModel(stalls=0.05, seed=5))
    assert found.equal, found.problems
    assert found.result
    outputs = {output.tensor: output.label for output in network.outputs}
    results = found.result.results
    if network.tail is None:
        assert {each.tensor: each.label for each in results} == outputs
    for each in results:
        assert each.compared == np.prod(each.shape) > 0
        assert (each.shape[0], each.mismatches_torch) == (2, 0)
    written = set(network.graph.tensors) - {network.graph.input.name}
    fused = {node.inputs[0] for node in network.graph.nodes if node.operation.op == "clamp"}
    assert written - fused <= set(found.rtl)


@pytest.mark.nightly
@pytest.mark.parametrize("name", LARGE)
def test_mlperf_tiny_at_its_own_width(name: str) -> None:
    network, x = _quantized(*LARGE[name])
    found = api.simulate(network, x[:1], DEFAULT)
    assert found.equal, found.problems


def test_a_result_that_is_not_pytorchs_is_a_mismatch() -> None:
    """Of the second result, whose codes are equal: only the real numbers tell."""
    network, x = _quantized(*NETWORKS["several"])
    recording = record_network(network, "clean", x[:1], 0)
    results = dict(recording.results)
    name = network.graph.outputs[1]
    results[name] = results[name] + np.float32(0.001)
    wrong = replace(recording, results=results)
    task = NetworkTask(wrong, PARAMETERS, generated(PARAMETERS))
    outcome = run_network(task)
    assert outcome.verdict is Verdict.MISMATCH
    assert outcome.problems == (f"result {name}: 5 of 5 differ from PyTorch's",)
    assert outcome.result and outcome.result.mismatches_torch == 5
