"""Packed weights in RTL: layers and networks of mixed widths, and the cycles they take."""

from __future__ import annotations

import numpy as np
import pytest
from accelerator_bench import netlist, run_layer
from narrow_networks import NARROW_ARRAYS, narrowed, narrowed_network
from schedule_layers import random_conv2d, random_layer, random_linear

from maccord.compiler.network import compile_network
from maccord.golden.graph import Conv2d, Linear
from maccord.golden.network import compute, execute
from maccord.sim.network.tensors import caught
from maccord.sim.simulate import Job, simulate
from maccord.spec.registers import Status
from maccord.spec.weight_widths import WIDTHS, tile_cycles
from maccord.verify.regress.networks import random_network

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
    job = Job(
        *(netlist(compiled.parameters), compiled.parameters.axi_bytes, compiled.image(x_q)),
        *(compiled.program_offset, ()),
        scratch=(compiled.scratch,),
        ledger=compiled.areas,
        records=[stage.record for stage in compiled.stages],
        cycle_limit=50 * compiled.estimate + 100_000,
    )
    result = simulate(job)
    assert (result.status, result.protocol_error) == (Status.DONE, "")
    found = caught(compiled, [x_q], result.tensors)
    golden = execute(compiled.network, x_q)
    assert {*found} >= {stage.name for stage in compiled.stages if stage.name in golden}
    for tensor in found.keys() & golden.keys():
        np.testing.assert_array_equal(found[tensor], golden[tensor], tensor)


def test_layers_that_wait_for_weights_gain() -> None:
    """Each pass of a linear layer of one pixel takes as long as its packed rows, or four cycles."""
    rng = np.random.default_rng(1)
    passes, columns = 320, 4
    layer = random_linear(rng, 9 * passes, 4 * columns)
    x_q = rng.integers(0, 256, (1, 9 * passes)).astype(np.uint8)
    cycles = {}
    for bits in WIDTHS:
        narrow = narrowed(layer, rng, bits)
        y_q, result, _ = run_layer(narrow, x_q, SMALL)
        np.testing.assert_array_equal(y_q, compute(narrow, [x_q]))
        cycles[bits] = result.cycles
    for bits in (4, 2):
        saved = (cycles[8] - cycles[bits]) / (passes * columns)
        due = 9 - tile_cycles(9, bits)
        assert 0.9 * due <= saved <= due, cycles  # the first activations take as long as before


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
    assert len({compute_ for compute_, _ in cycles.values()}) == 1
    assert max(cycles[4][1], cycles[2][1]) <= cycles[8][1]
