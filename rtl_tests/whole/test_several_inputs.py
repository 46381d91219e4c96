"""Networks of several inputs, whole in RTL."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from several_inputs import quantized

from maccord import api
from maccord.sim.memory import MemoryModel
from maccord.sim.netlist import generated
from maccord.sim.network.run import run_network
from maccord.sim.network.task import NetworkTask
from maccord.sim.recording import record_network
from maccord.sim.results import Verdict

PARAMETERS = api.Parameters(rows=4, cols=4)


@pytest.mark.parametrize("name", ["siamese", "added", "joined", "hosted"])
def test_every_tensor_is_pytorchs(name: str) -> None:
    network, inputs = quantized(name)
    found = api.simulate(
        network, tuple(x[:2] for x in inputs), PARAMETERS, MemoryModel(stalls=0.05)
    )
    assert found.equal, found.problems
    assert found.result
    sources = {source.name: (2, *source.shape[1:]) for source in network.graph.sources}
    assert found.result.inputs == sources
    assert found.result.input_shape == next(iter(sources.values()))
    assert set(network.graph.tensors) - set(sources) <= set(found.rtl)


def test_inputs_in_each_others_place_are_a_mismatch() -> None:
    network, inputs = quantized("siamese")
    recording = record_network(network, "clean", tuple(x[:1] for x in inputs), 0)
    task = NetworkTask(recording, PARAMETERS, generated(PARAMETERS))
    assert run_network(task).verdict is Verdict.AGREES

    def exchanged(image: np.ndarray, task: NetworkTask) -> np.ndarray:
        first, second = (place.view(image).copy() for place in task.compiled.places[:2])
        for place, codes in zip(task.compiled.places[:2], (second, first), strict=True):
            place.view(image)[:] = codes
        return image

    outcome = run_network(replace(task), alter_image=exchanged)
    assert outcome.verdict is Verdict.MISMATCH
    assert "net.body.0, tensor 1 of " in outcome.problems[0]
