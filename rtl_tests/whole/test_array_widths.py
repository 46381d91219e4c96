"""Arrays generated for weights of 4 and 2 bits, in RTL: whole networks, and what they refuse."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from accelerator_bench import netlist, run_layer
from lattice_networks import on_lattices
from narrow_networks import array_of, narrowed, of_width
from schedule_layers import random_layer, random_linear

from maccord.api.networks import quantize
from maccord.api.testing import assert_equal_in_rtl
from maccord.compiler import schedule
from maccord.compiler.network import compile_network
from maccord.golden.network import compute, execute
from maccord.sim.network.tensors import caught
from maccord.sim.simulate import Job, simulate
from maccord.spec.isa import Opcode, encode_program
from maccord.spec.registers import ErrorCode, Status
from maccord.verify.regress.networks import random_network

pytestmark = pytest.mark.usefixtures("quick_builds")
WIDTHS = pytest.mark.parametrize("bits", [4, 2])
IMAGES = np.random.default_rng(0).normal(size=(3, 3, 8, 8)).astype(np.float32)


@WIDTHS
def test_a_network_equals_pytorch(bits: int) -> None:
    """Dense, depthwise, linear: every tensor of RTL, golden model and PyTorch."""
    most = (1 << bits - 1) - 1
    model = on_lattices(dict.fromkeys((0, 2, 5, 7), most))
    network = quantize(model, IMAGES, weight_bits="auto")
    assert {layer.weight_bits for layer in network.layers.values()} == {bits}
    found = assert_equal_in_rtl(model, IMAGES, array_of(bits), weight_bits="auto")
    assert found.cycles


@WIDTHS
@pytest.mark.parametrize(
    "seed", [1, *(pytest.param(n, marks=pytest.mark.nightly) for n in range(2, 8))]
)
def test_random_networks_equal_reference(seed: int, bits: int) -> None:
    """All operators: pools, sums and copies among layers of the width."""
    rng = np.random.default_rng(seed)
    network = of_width(random_network(rng, 4), rng, bits)
    compiled = compile_network(network, array_of(bits), batch=2)
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


@pytest.mark.parametrize(
    ("family", "bits", "rows"),
    [
        ("ecp5", 4, 8),
        pytest.param("ecp5", 2, 16, marks=pytest.mark.nightly),
        pytest.param("xcup", 4, 16, marks=pytest.mark.nightly),
    ],
)
def test_two_narrow_columns_to_a_block(family: str, bits: int, rows: int) -> None:
    """All rows in one chain, a random layer and the largest sums of both signs."""
    p = replace(array_of(bits), rows=rows, family=family, packed=True)
    rng = np.random.default_rng(0)
    extreme = narrowed(random_linear(rng, 32, 8), rng, bits)
    least = -(1 << bits - 1)
    extreme = replace(
        extreme,
        weight=rng.choice([least, ~least], (8, 32)).astype(np.int8),
        multiplier=np.full_like(extreme.multiplier, 2.0 ** -(5 + bits)),  # of 2**(11 + bits)
    )
    extreme.weight[:2] = [[least], [~least]]
    for layer, shape in ((extreme, (4, 32)), random_layer(np.random.default_rng(3))):
        x_q = rng.choice([0, 255], shape).astype(np.uint8)
        x_q.reshape(shape[0], -1)[:1] = 0
        narrow = narrowed(layer, rng, bits) if layer is not extreme else layer
        y_q, result, _ = run_layer(narrow, x_q, p)
        assert (result.status, result.protocol_error) == (Status.DONE, "")
        np.testing.assert_array_equal(y_q, compute(narrow, [x_q]))


@WIDTHS
def test_wider_weights_end_with_an_error(bits: int) -> None:
    """A program for the next wider array, whose host did not read FEATURES."""
    rng = np.random.default_rng(0)
    layer, x_q = narrowed(random_linear(rng, 45, 5), rng, bits), np.zeros((1, 45), np.uint8)
    work = schedule(layer, x_q.shape, array_of(bits))
    wide = [
        replace(i, fields=i.fields | {"weight_width": i["weight_width"] - 1})
        if i.opcode == Opcode.SETUP
        else i
        for i in work.program
    ]
    memory = work.image(x_q)
    binary = np.frombuffer(encode_program(wide), np.uint8)
    memory[work.memory.program :][: binary.size] = binary
    result = simulate(Job(netlist(array_of(bits)), 8, memory, work.memory.program, ()))
    assert result.status & Status.ERROR
    assert result.error_code == ErrorCode.ILLEGAL_INSTRUCTION
