"""A vision transformer on the whole accelerator: RTL, golden model and PyTorch's kernels agree."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from accelerator_bench import netlist
from row_programs import ROW_PARAMETERS
from small_transformers import small_transformer
from tensor_products import product_network, random_codes

from maccord.compiler.network import CompiledNetwork, compile_network
from maccord.golden.network import execute
from maccord.sim.simulate import Job, Result, simulate
from maccord.spec.isa_needs import needed
from maccord.spec.parameters import Parameters
from maccord.spec.registers import Status

pytestmark = pytest.mark.usefixtures("quick_builds")


def simulated(compiled: CompiledNetwork, inputs: list[np.ndarray], **memory: Any) -> Result:
    """Run a program in RTL, and expect that it breaks no rule."""
    job = Job(
        netlist(compiled.parameters),
        compiled.parameters.axi_bytes,
        compiled.image(*inputs),
        compiled.program_offset,
        [],
        ledger=compiled.areas,
        scratch=[compiled.scratch],
        records=[stage.record for stage in compiled.stages],
        features=needed(compiled.program, compiled.parameters),
        cycle_limit=2 * 10**6,
        **memory,
    )
    result = simulate(job)
    assert result.status == Status.DONE
    assert (result.protocol_error, result.stray_bytes, result.double_bytes) == ("", 0, 0)
    assert not result.incomplete
    return result


@pytest.mark.slow
@pytest.mark.parametrize("stalls", [0.0, 0.3])
def test_every_tensor_is_that_of_pytorch(stalls: float) -> None:
    network, images = small_transformer()
    compiled = compile_network(network.graph, ROW_PARAMETERS)
    x_q, pytorch = network.codes(images), network.reference(images)
    jitter = 20 if stalls else 0
    result = simulated(compiled, [x_q], stall_probability=stalls, stall_seed=5, jitter=jitter)
    golden, compared = execute(compiled.network, x_q), 0
    for area in compiled.areas:
        rtl = compiled.tensor(area.name, result.tensors[area.name])
        np.testing.assert_array_equal(rtl, golden[area.name], err_msg=area.name)
        if area.name in pytorch:
            np.testing.assert_array_equal(rtl, pytorch[area.name], err_msg=area.name)
            compared += 1
    assert compared >= len(compiled.areas) - 1  # PyTorch has the first token flattened only


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_products_of_any_size(seed: int) -> None:
    print("seed", seed)
    rng = np.random.default_rng(seed)
    heads, *sizes = (int(n) for n in rng.integers(1, (4, 30, 30, 30)))
    zero_point = (0, 128, int(rng.integers(1, 256)))[seed % 3]
    network = product_network(
        scores=bool(seed % 2), sizes=(heads, *sizes), zero_point=zero_point, windows=1 + seed // 4
    )
    inputs = random_codes(network, rng)
    compiled = compile_network(network, ROW_PARAMETERS)
    result = simulated(
        compiled, inputs, latency=int(rng.integers(2, 60)), stall_probability=0.2, stall_seed=seed
    )
    (area,) = compiled.areas
    found = compiled.tensor(area.name, result.tensors[area.name])
    np.testing.assert_array_equal(found, execute(network, *inputs)[area.name])


#: The bus as wide as several rows of weights, and narrower than one.
BUSES = {"wide": Parameters(rows=8, cols=4, axi_bytes=16, gather=True, activation_bytes=4096,
                            weight_bytes=2048, output_bytes=4096, accumulators=64, line_cells=16),
         "narrow": Parameters(rows=6, cols=12, lanes=1, axi_bytes=8, gather=True,
                              activation_bytes=4096, weight_bytes=4096, output_bytes=4096,
                              accumulators=64, line_cells=16)}  # fmt: skip


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("name", BUSES)
def test_products_on_other_buses(name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    heads, *sizes = (int(n) for n in rng.integers(1, (4, 30, 30, 30)))
    network = product_network(
        scores=bool(seed % 2), sizes=(heads, *sizes), zero_point=int(rng.integers(256))
    )
    inputs = random_codes(network, rng)
    compiled = compile_network(network, BUSES[name])
    result = simulated(compiled, inputs, stall_probability=0.2, stall_seed=seed)
    (area,) = compiled.areas
    found = compiled.tensor(area.name, result.tensors[area.name])
    np.testing.assert_array_equal(found, execute(network, *inputs)[area.name])
