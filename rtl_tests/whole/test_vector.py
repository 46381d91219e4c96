"""One sum that separates arithmetics: four engines, the golden model and RTL give the same code."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from lookup_networks import PARAMETERS
from vector_networks import CODE, INPUT, NETWORKS, OUTPUT, STEPS, WEIGHT, ZERO

from maccord.golden.network import compute, execute
from maccord.sim.netlist import generated
from maccord.sim.network.run import run_network
from maccord.sim.network.task import NetworkTask
from maccord.sim.recording import record_network
from maccord.sim.results import Verdict

for _package in ("onnxruntime", "ai_edge_litert", "executorch"):
    pytest.importorskip(_package)
pytestmark = pytest.mark.usefixtures("quick_builds")


def gemmlowp(acc: int, factor: float) -> int:
    """TFLite's reference: a high product of 31 bits, rounded, then a rounding shift."""
    mantissa, exponent = np.frexp(factor)
    fixed = round(mantissa * (1 << 31))
    high = (acc * fixed + (1 << 30)) >> 31
    shift = -int(exponent)
    return (high + (1 << (shift - 1)) - (high < 0)) >> shift


def test_it_separates_them() -> None:
    """fp32 gives exactly 6.5, whose even neighbour is 6; wider arithmetics give 7."""
    f = np.float32
    division = f(INPUT) * f(WEIGHT) / f(OUTPUT)
    reciprocal = f(INPUT) * f(WEIGHT) * (f(1) / f(OUTPUT))
    assert f(STEPS) * division == f(STEPS) * reciprocal == 6.5
    assert ZERO + np.rint(6.5) == CODE
    factor = INPUT * WEIGHT / OUTPUT
    assert STEPS * factor > 6.5
    assert ZERO + round(STEPS * factor) == ZERO + gemmlowp(STEPS, factor) == CODE + 1


@pytest.mark.parametrize("engine", NETWORKS)
def test_four_engines_and_rtl_give_the_same_code(engine: str, tmp_path: Path) -> None:
    network = NETWORKS[engine](tmp_path)
    assert network.engine.startswith(engine)
    image = np.zeros(network.input_shape, np.float32)
    image[0, 0] = 117 * np.float32(INPUT)
    recording = record_network(network, "clean", image, 0)
    (layer,) = network.layers
    assert np.unique(recording.tensors[layer]).tolist() == [CODE]
    assert np.unique(execute(network.graph, recording.x_q)[layer]).tolist() == [CODE]
    (node,) = network.graph.nodes
    more = np.nextafter(node.operation.multiplier, np.float32(1))
    other = replace(node.operation, multiplier=more)
    assert np.unique(compute(other, [recording.x_q])).tolist() == [CODE + 1]
    task = NetworkTask(recording, PARAMETERS, generated(PARAMETERS), keep=True)
    outcome = run_network(task)
    assert outcome.verdict is Verdict.AGREES, outcome.problems
    assert np.unique(outcome.rtl[layer]).tolist() == [CODE]
