"""Tables in compiled programs: random networks on the machine, places, refusals, cycles."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from lookup_networks import PARAMETERS

from maccord.compiler import builder as builders
from maccord.compiler.features import with_features
from maccord.compiler.network import CompiledNetwork, compile_network
from maccord.compiler.timing import TABLE_CYCLES, estimate_cycles
from maccord.golden.graph import Concat
from maccord.golden.machine.machine import Machine
from maccord.golden.network import execute
from maccord.spec.isa import TABLE_BYTES, Opcode
from maccord.spec.isa_features import Feature
from maccord.spec.isa_needs import needed
from maccord.spec.parameters import Parameters
from maccord.verify.regress.networks import NetworkBuilder, random_network

CONFIGURATIONS = [
    PARAMETERS,
    Parameters(lookup=True),
    replace(PARAMETERS, activation_bytes=1 << 12, output_bytes=1 << 11),
]


def wrong_tensors(compiled: CompiledNetwork, seed: int = 0) -> list[str]:
    """Tensors that lie in memory at the end, but not as the golden model has them."""
    network = compiled.network
    x_q = np.random.default_rng(seed).integers(0, 256, network.input.shape, dtype=np.uint8)
    memory = compiled.image(x_q)
    Machine(compiled.parameters, memory).run(compiled.program_offset)
    golden = execute(network, x_q)
    (place,) = (place for place in compiled.places if place.name == network.output)
    found = compiled.tensor(network.output, place.view(memory).copy())
    return [network.output] * (not np.array_equal(found, golden[network.output]))


@pytest.mark.parametrize("seed", range(15))
def test_random_networks_on_the_machine(seed: int) -> None:
    network = random_network(np.random.default_rng(seed), 4, tables=0.6)
    compiled = compile_network(network, CONFIGURATIONS[seed % len(CONFIGURATIONS)])
    assert Feature.LOOKUP in needed(compiled.program, compiled.parameters)
    assert wrong_tensors(compiled) == []


def small(seed: int = 1) -> tuple[NetworkBuilder, str]:
    """A builder with a convolution and its table."""
    net = NetworkBuilder(np.random.default_rng(seed), (1, 6, 6, 4))
    return net, net.lookup(net.conv("net.input", 7, 3))


def opcodes(compiled: CompiledNetwork) -> list[Opcode]:
    return [instruction.opcode for instruction in compiled.program]


def test_a_fused_table_costs_no_pass() -> None:
    net, y = small()
    compiled = compile_network(net.network(y), PARAMETERS)
    network = net.network(y)
    alone = compile_network(replace(network, nodes=network.nodes[:1], output="net.0"), PARAMETERS)
    assert opcodes(compiled).count(Opcode.COMPUTE) == opcodes(alone).count(Opcode.COMPUTE)
    assert opcodes(compiled).count(Opcode.TABLE) == 1
    assert [stage.name for stage in compiled.stages] == [y]
    estimates = [estimate_cycles(each.program, PARAMETERS) for each in (compiled, alone)]
    assert 0 < estimates[0] - estimates[1] < TABLE_CYCLES + 100
    assert compiled.estimate == alone.estimate + TABLE_CYCLES


def test_equal_tables_lie_in_memory_once() -> None:
    net, y = small()
    table = np.arange(256, dtype=np.uint8)[::-1].copy()
    y = net.lookup(net.conv(y, 5), table)
    y = net.lookup(net.conv(y, 5), table)
    tables = compile_network(net.network(y), PARAMETERS).tables
    offsets = [offset for offset, _ in tables.values()]
    assert len(offsets) == 3
    assert offsets[1] == offsets[2] == offsets[0] + TABLE_BYTES


def test_a_setup_without_its_table_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each setup of an operation needs the table anew."""
    network = random_network(np.random.default_rng(0), 4, tables=0.6)
    monkeypatch.setattr(builders.Builder, "_load_table", lambda self: None)
    assert wrong_tensors(compile_network(network, PARAMETERS)) != []


def test_a_table_at_another_place_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    net, y = small()
    compiled = compile_network(net.network(y), PARAMETERS)
    offset, data = compiled.tables[y]
    moved = replace(compiled, tables={y: (offset, np.roll(data, 1))})
    assert wrong_tensors(compiled) == []
    assert wrong_tensors(moved) == [y]


def test_hardware_without_tables_is_refused() -> None:
    net, y = small()
    with pytest.raises(ValueError, match=r"net.1: a table needs hardware with lookup \(--lookup\)"):
        compile_network(net.network(y), replace(PARAMETERS, lookup=False))


def test_a_concatenation_of_other_scales() -> None:
    """It is refused without tables; with them, a part of another scale takes one."""
    net = NetworkBuilder(np.random.default_rng(2), (1, 6, 6, 4))
    a, b = net.conv("net.input", 5), net.conv("net.input", 3)
    y = net.append(Concat("", (net.like(a), net.like(b)), net.like(a)), a, b)
    with pytest.raises(
        ValueError, match=r"net.2: inputs of other scales need hardware with lookup"
    ):
        compile_network(net.network(y), replace(PARAMETERS, lookup=False))
    compiled = compile_network(net.network(y), PARAMETERS)
    assert opcodes(compiled).count(Opcode.TABLE) == 1
    assert [stage.name for stage in compiled.stages] == [a, f"{y}[1]"]
    assert wrong_tensors(compiled) == []


def test_unchanged_codes_move_nothing() -> None:
    net = NetworkBuilder(np.random.default_rng(3), (1, 6, 6, 4))
    y = net.lookup(net.conv("net.input", 5), np.arange(256, dtype=np.uint8))
    compiled = compile_network(net.network(y), replace(PARAMETERS, lookup=False))
    assert opcodes(compiled).count(Opcode.TABLE) == 0
    assert len(compiled.stages) == 1
    assert wrong_tensors(compiled) == []


def test_a_pool_in_parts_takes_a_table_once() -> None:
    """Its sums stay in the accumulators; the table sees the means alone."""
    parameters = replace(PARAMETERS, activation_bytes=1 << 11, weight_bytes=1 << 11)
    net = NetworkBuilder(np.random.default_rng(4), (1, 27, 29, 4))
    y = net.lookup(net.avg_pool("net.input", 26))
    compiled = compile_network(net.network(y), parameters)
    assert [(stage.name, stage.op) for stage in compiled.stages] == [(y, "avg_pool2d")]
    assert opcodes(compiled).count(Opcode.SETUP) == opcodes(compiled).count(Opcode.TABLE) == 1
    assert wrong_tensors(compiled) == []


def test_large_max_pools_do_not_take_a_table() -> None:
    net = NetworkBuilder(np.random.default_rng(5), (1, 14, 14, 4))
    y = net.lookup(net.max_pool("net.input", 13, 1))
    compiled = compile_network(net.network(y), PARAMETERS)
    assert [stage.op for stage in compiled.stages] == ["max_pool2d", "lookup"]
    assert wrong_tensors(compiled) == []


def test_networks_that_need_tables_switch_them_on() -> None:
    net, y = small()
    assert with_features(Parameters(), [net.network(y)]) == Parameters(lookup=True)
    assert with_features(Parameters(), [net.network(y)], switches=()) == Parameters()
    same = NetworkBuilder(np.random.default_rng(3), (1, 6, 6, 4))
    y = same.lookup(same.conv("net.input", 5), np.arange(256, dtype=np.uint8))
    assert with_features(Parameters(), [same.network(y)]) == Parameters()
