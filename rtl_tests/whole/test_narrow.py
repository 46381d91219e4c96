"""Packed weights in RTL: layers and networks of mixed widths, and the cycles they take."""

from __future__ import annotations

import numpy as np
import pytest
from accelerator_bench import netlist, run_layer
from narrow_networks import NARROW_ARRAYS, narrowed, narrowed_network
from random_networks import random_network
from schedule_layers import random_conv2d, random_layer, random_linear

from maccord.compiler.network import compile_network
from maccord.golden.graph import Conv2d, Linear
from maccord.golden.network import compute, execute
from maccord.sim.simulate import Job, simulate
from maccord.spec.registers import Status
from maccord.spec.weight_widths import WIDTHS

pytestmark = pytest.mark.usefixtures("quick_builds")

SMALL = NARROW_ARRAYS["9x4 bus 8"]
ARRAYS = ["9x4 bus 8", pytest.param("16x16", marks=pytest.mark.nightly)]


@pytest.mark.parametrize(
    "seed", [n if n < 6 else pytest.param(n, marks=pytest.mark.nightly) for n in range(30)]
)
@pytest.mark.parametrize("name", ARRAYS)
def test_random_layers_equal_reference(name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    layer, shape = random_layer(rng)
    layer = narrowed(layer, rng, WIDTHS[seed % 3])
    x_q = rng.integers(0, 256, shape).astype(np.uint8)
    stalls = {"stall_probability": 0.2, "stall_seed": seed} if seed % 2 else {}
    y_q, result, _ = run_layer(layer, x_q, NARROW_ARRAYS[name], **stalls)
    assert (result.protocol_error, result.stray_bytes, result.unwritten) == ("", 0, [0])
    np.testing.assert_array_equal(y_q, compute(layer, [x_q]))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", ARRAYS)
def test_networks_of_mixed_widths(name: str, seed: int) -> None:
    """Layers of 8, 4 and 2 bits in one program: every tensor that is kept."""
    rng = np.random.default_rng(seed)
    network = narrowed_network(random_network(rng, 4), rng)
    operations = [node.operation for node in network.nodes]
    widths = {o.weight_bits for o in operations if isinstance(o, Conv2d | Linear)}
    assert widths == {*WIDTHS}
    compiled = compile_network(network, NARROW_ARRAYS[name], batch=2)
    x_q = rng.integers(0, 256, compiled.network.input.shape).astype(np.uint8)
    memory, place = compiled.image(x_q), compiled.places[-1]
    job = Job(
        *(netlist(compiled.parameters), compiled.parameters.axi_bytes, memory),
        *(compiled.program_offset, [(0, memory.size)]),
        cycle_limit=50 * sum(stage.estimate for stage in compiled.stages) + 100_000,
    )
    result = simulate(job)
    assert (result.status, result.protocol_error) == (Status.DONE, "")
    golden = execute(compiled.network, x_q)[compiled.network.output]
    found = place.view(result.outputs[0]) ^ np.uint8(0x80)
    np.testing.assert_array_equal(found.ravel(), golden.ravel())


def test_layers_that_wait_for_weights_take_a_quarter() -> None:
    """A linear layer of one pixel; its array is 4 rows high for each row of packed weights."""
    rng = np.random.default_rng(1)
    layer = random_linear(rng, 1152, 16)
    x_q = rng.integers(0, 256, (1, 1152)).astype(np.uint8)
    cycles = {}
    for bits in WIDTHS:
        narrow = narrowed(layer, rng, bits)
        y_q, result, _ = run_layer(narrow, x_q, SMALL)
        np.testing.assert_array_equal(y_q, compute(narrow, [x_q]))
        cycles[bits] = result.cycles
    print(cycles)
    assert cycles[4] <= 0.62 * cycles[8]
    assert cycles[2] <= 0.45 * cycles[8]


def test_layers_that_compute_lose_no_cycle() -> None:
    rng = np.random.default_rng(1)
    layer = random_conv2d(rng, (4, 9, 3, 3), padding=(1, 1))
    x_q = rng.integers(0, 256, (1, 8, 8, 9)).astype(np.uint8)
    cycles = {}
    for bits in WIDTHS:
        narrow = narrowed(layer, rng, bits)
        y_q, result, _ = run_layer(narrow, x_q, SMALL)
        np.testing.assert_array_equal(y_q, compute(narrow, [x_q]))
        cycles[bits] = result.counters["compute"], result.cycles
    print(cycles)
    assert len({compute_ for compute_, _ in cycles.values()}) == 1
    assert max(cycles[4][1], cycles[2][1]) <= cycles[8][1]
