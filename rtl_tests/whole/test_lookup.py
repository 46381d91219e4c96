"""Tables on the whole accelerator: every code, and networks in which every tensor is PyTorch's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from accelerator_bench import netlist
from lookup_networks import PARAMETERS, Activations, Concatenated, Difference, images, network
from torch import nn

from maccord.api.simulation import simulate
from maccord.compiler.network import CompiledNetwork, compile_network
from maccord.compiler.timing import TABLE_CYCLES
from maccord.golden.graph import Lookup, Network, Node, Quantization, Tensor
from maccord.sim.simulate import Job
from maccord.sim.simulate import simulate as simulate_job
from maccord.spec.isa import Instruction, Opcode, encode_program
from maccord.spec.isa_needs import needed
from maccord.spec.registers import ErrorCode, Status

pytestmark = pytest.mark.usefixtures("quick_builds")
ONE = Quantization(1.0, 0)
CODES = np.arange(256, dtype=np.uint8)


@pytest.mark.parametrize("factory", [Activations, Concatenated, Difference])
def test_every_tensor_is_pytorchs(factory: type[nn.Module]) -> None:
    found = simulate(network(factory), images(), PARAMETERS)
    assert found.problems == ()
    assert found.result is not None
    assert found.result.mismatches_golden == found.result.mismatches_torch == 0
    # Tables are fused but for one, whose input others read, too
    assert not any(stage.op == "host" for stage in found.result.stages)
    alone = [stage.name for stage in found.result.stages if stage.op == "lookup"]
    expected = {Concatenated: ["net.cat[2]"], Difference: ["net.sub.negated"]}
    assert alone == expected.get(factory, [])


def every_code() -> tuple[CompiledNetwork, np.ndarray, np.ndarray]:
    """A table alone, an input in which each column sees every code, and the table."""
    rng = np.random.default_rng(6)
    table = rng.integers(0, 256, 256, dtype=np.uint8)
    x_q = np.stack([rng.permutation(CODES) for _ in range(PARAMETERS.cols + 1)], axis=-1)
    x_q = x_q.reshape(1, 16, 16, -1)
    net = Network(
        "net",
        Tensor("net.input", x_q.shape, ONE),
        (Node(Lookup("net.table", ONE, ONE, table), ("net.input",)),),
        "net.table",
    )
    return compile_network(net, PARAMETERS, records=False), x_q, table


def run(compiled: CompiledNetwork, image: np.ndarray) -> tuple[np.ndarray, int]:
    """Codes of the output in RTL, and cycles."""
    job = Job(
        netlist(PARAMETERS),
        PARAMETERS.axi_bytes,
        image,
        compiled.program_offset,
        (),
        ledger=compiled.areas,
        features=needed(compiled.program, compiled.parameters),
        cycle_limit=50_000,
    )
    result = simulate_job(job)
    assert result.status == Status.DONE
    (name,) = result.tensors
    return compiled.tensor(name, result.tensors[name]), result.cycles


def test_every_code_in_every_column() -> None:
    compiled, x_q, table = every_code()
    codes, cycles = run(compiled, compiled.image(x_q))
    np.testing.assert_array_equal(codes, table[x_q])
    assert abs(cycles - compiled.estimate) < TABLE_CYCLES  # the table, and little else


def test_an_entry_off_by_one_in_memory_is_seen_where_it_is_used() -> None:
    compiled, x_q, table = every_code()
    image = compiled.image(x_q)
    ((offset, _),) = compiled.tables.values()
    image[offset + (77 ^ 0x80)] ^= 1
    codes, _ = run(compiled, image)
    np.testing.assert_array_equal(codes != table[x_q], x_q == 77)


def test_a_table_whose_token_never_comes_ends_the_program() -> None:
    compiled, x_q, _ = every_code()
    program = [
        Instruction(
            step.opcode, step.fields, step.wait, 0 if step.opcode == Opcode.LOAD else step.signal
        )
        for step in compiled.program
    ]
    image = compiled.image(x_q)
    code = np.frombuffer(encode_program(program), np.uint8)
    image[compiled.program_offset : compiled.program_offset + code.size] = code
    job = Job(
        netlist(PARAMETERS), PARAMETERS.axi_bytes, image, compiled.program_offset, (),
        ledger=compiled.areas, cycle_limit=50_000,
    )  # fmt: skip
    result = simulate_job(job)
    assert result.status & Status.ERROR
    assert result.error_code == ErrorCode.DEADLOCK
    assert result.cycles < 2000


@pytest.mark.nightly
def test_every_tensor_is_pytorchs_on_block_rams_of_the_ecp5() -> None:
    found = simulate(network(Concatenated), images(), replace(PARAMETERS, family="ecp5"))
    assert found.problems == ()
    assert found.equal
