"""Whole programs of random networks: every tensor at the end of its stage, memory, accounts."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np
import pytest

from maccord.compiler import count_macs
from maccord.compiler.features import with_features
from maccord.compiler.network import CompiledNetwork, compile_network
from maccord.golden.graph import Add, Concat, Conv2d, Linear
from maccord.golden.machine.machine import Machine, ProgramError
from maccord.golden.network import execute
from maccord.spec.isa import Instruction, Opcode
from maccord.spec.parameters import Parameters
from maccord.verify.regress.networks import NetworkBuilder, random_network

SMALL = {"activation_bytes": 1 << 14, "weight_bytes": 1 << 12, "output_bytes": 1 << 11}
CONFIGURATIONS = [
    Parameters(),
    Parameters(9, 4, axi_bytes=8, accumulators=256, **SMALL),
    Parameters(4, 4, axi_bytes=64, accumulators=64, **SMALL),
    Parameters(12, 20, axi_bytes=32, line_cells=16, **SMALL),
]


class Watched(Machine):
    """Keeps each stage's tensor as it is when the stage's RECORD is executed.

    Attributes
    ----------
    tensors : dict of str to ndarray, uint8
        Codes, by the stage's name.
    """

    def __init__(self, compiled: CompiledNetwork, memory: np.ndarray) -> None:
        super().__init__(compiled.parameters, memory)
        pairs = zip(compiled.stages, compiled.areas, strict=True)
        self._ends = {stage.record: (stage, area) for stage, area in pairs}
        self.tensors: dict[str, np.ndarray] = {}

    def _execute(self, instruction: Instruction) -> None:
        super()._execute(instruction)
        if instruction.opcode == Opcode.RECORD:
            stage, area = self._ends.pop(instruction["memory"])
            codes = area.view(self.memory) ^ np.uint8(0x80)
            self.tensors[stage.name] = codes.reshape(stage.output_shape)


def images(rng: np.random.Generator, compiled: CompiledNetwork) -> np.ndarray:
    return rng.integers(0, 256, compiled.network.input.shape).astype(np.uint8)


def check(compiled: CompiledNetwork, x_q: np.ndarray) -> None:
    """Every tensor is the golden network's, whatever lay in its place; the input is kept."""
    golden = execute(compiled.network, x_q)
    memory = compiled.image(x_q)
    kept = np.ones(memory.size, bool)
    for area in compiled.areas:
        area.view(memory)[:] = 0xC3
        area.view(kept.view(np.uint8))[:] = False
    before = memory.copy()
    machine = Watched(compiled, memory)
    machine.run(compiled.program_offset)
    assert list(machine.tensors) == [stage.name for stage in compiled.stages]
    for stage in compiled.stages:
        name = stage.name if stage.name in golden else stage.inputs[0]  # a copy of a part
        np.testing.assert_array_equal(machine.tensors[stage.name], golden[name], stage.name)
    check_places(compiled, memory, golden)
    np.testing.assert_array_equal(memory[kept], before[kept])
    assert kept[: x_q.size].all()


def check_places(
    compiled: CompiledNetwork, memory: np.ndarray, golden: dict[str, np.ndarray]
) -> None:
    """The places of all tensors, in order, are those of the bytes that are written."""
    assert [place.name for place in compiled.places] == list(golden)
    byte = np.arange(memory.size) % 251
    areas = {area.name: area for area in compiled.areas}
    for place in compiled.places:
        assert place.size == golden[place.name].size
        if place.name in areas:
            found, due = (one.view(byte.astype(np.uint8)) for one in (place, areas[place.name]))
            np.testing.assert_array_equal(found.ravel(), due.ravel(), place.name)
    for last in compiled.places:
        if last.name in compiled.network.outputs:
            codes = last.view(memory).ravel() ^ np.uint8(0x80)
            np.testing.assert_array_equal(codes, golden[last.name].ravel(), last.name)


def check_accounts(compiled: CompiledNetwork) -> None:
    """Multiplications and bytes, counted again from the network."""
    tensors = compiled.network.tensors
    operations = {node.name: node.operation for node in compiled.network.nodes}
    for stage in compiled.stages:
        operation = operations.get(stage.name)
        read = sum(prod(tensors[name].shape) for name in stage.inputs)
        macs = 0
        if isinstance(operation, Conv2d | Linear):
            macs = prod(stage.output_shape) * operation.weight[0].size
            read += operation.weight.size + 8 * len(operation.weight)
        assert stage.input_shapes == tuple(tensors[name].shape for name in stage.inputs)
        assert (stage.macs, stage.read_bytes) == (macs, read)
        assert stage.written_bytes == prod(stage.output_shape)
    # The counter knows nothing of leads.
    counted = sum(
        stage.macs
        for stage in compiled.stages
        if not (isinstance(made := operations.get(stage.name), Conv2d) and made.groups > 1)
    )
    assert count_macs(compiled.program, compiled.parameters.rows) >= counted


@pytest.mark.parametrize("parameters", CONFIGURATIONS, ids=lambda p: p.name)
@pytest.mark.parametrize("seed", range(5))
def test_random_networks_equal_reference(seed: int, parameters: Parameters) -> None:
    rng = np.random.default_rng(seed)
    network = random_network(rng, int(rng.integers(2, 5)))
    compiled = compile_network(network, parameters, batch=int(rng.integers(1, 4)))
    check(compiled, images(rng, compiled))
    check_accounts(compiled)


@pytest.mark.parametrize("parameters", CONFIGURATIONS, ids=lambda p: p.name)
@pytest.mark.parametrize("tables", [0.0, 0.4])
@pytest.mark.parametrize("seed", range(2))
def test_random_networks_with_products(seed: int, tables: float, parameters: Parameters) -> None:
    rng = np.random.default_rng([seed, 1])
    network = random_network(rng, int(rng.integers(2, 5)), tables, products=True)
    hardware = with_features(parameters, [network])
    assert hardware.product
    compiled = compile_network(network, hardware, batch=int(rng.integers(1, 4)))
    check(compiled, images(rng, compiled))
    if not tables:
        check_accounts(compiled)


def chain(seed: int = 1) -> NetworkBuilder:
    """Seven layers of 3 x 3, one behind the other, of one size, a pool, and a linear layer."""
    net = NetworkBuilder(np.random.default_rng(seed), (1, 12, 12, 8))
    x = "net.input"
    for _ in range(7):
        x = net.conv(x, 8, 3)
    net.linear(net.flatten(net.max_pool(x, 2, 2)), 5)
    return net


def compiled_chain() -> tuple[CompiledNetwork, np.ndarray]:
    net = chain()
    compiled = compile_network(net.network("net.9"), Parameters())
    x_q = images(np.random.default_rng(2), compiled)
    check(compiled, x_q)
    return compiled, x_q


def test_a_chain_takes_turns_in_two_places() -> None:
    compiled, _ = compiled_chain()
    bases = [area.base for area in compiled.areas]
    assert len(bases) == 9
    assert bases[:7] == [bases[0], bases[1]] * 3 + [bases[0]]
    assert bases[0] != bases[1]


def test_every_result_is_there_at_the_end() -> None:
    """Of a chain whose first and third tensors are results, too."""
    network = replace(chain().network("net.9"), other_outputs=("net.0", "net.2"))
    compiled = compile_network(network, Parameters())
    names = [node.name for node in compiled.network.nodes]
    assert {"net.0", "net.2", "net.9"} <= set(names)
    check(compiled, images(np.random.default_rng(3), compiled))


def test_multiplications_are_counted_exactly_without_groups() -> None:
    compiled, _ = compiled_chain()
    macs = sum(stage.macs for stage in compiled.stages)
    assert macs == 12 * 12 * 8 * 72 + 6 * 12 * 12 * 8 * 72 + 5 * prod((7, 7, 8))
    assert count_macs(compiled.program, 16) == macs


def test_a_broken_program_is_noticed() -> None:
    """A byte less in any store, a load from elsewhere, and a result where another one lives."""
    compiled, x_q = compiled_chain()
    stores = [n for n, i in enumerate(compiled.program) if i.opcode == Opcode.STORE]
    loads = [n for n, i in enumerate(compiled.program) if i.opcode == Opcode.LOAD]
    changes = [(index, "row_bytes", -1) for index in stores]
    changes += [(index, "memory", -1) for index in loads if compiled.program[index]["memory"]]
    changes += [(stores[-1], "memory", -compiled.program[stores[-1]]["memory"])]
    assert len(changes) > 20
    for index, name, step in changes:
        program, old = list(compiled.program), compiled.program[index]
        fields = {**old.fields, name: old[name] + step}
        program[index] = Instruction(old.opcode, fields, old.wait, old.signal)
        with pytest.raises((AssertionError, ProgramError)):
            check(replace(compiled, program=program), x_q)


def overlapping(compiled: CompiledNetwork, name: str) -> set[str]:
    """Other tensors that share bytes with one."""
    (own,) = (area for area in compiled.areas if area.name == name)
    return {
        area.name
        for area in compiled.areas
        if area is not own and area.base < own.end and own.base < area.end
    }


def test_a_tensor_that_is_read_late_is_kept() -> None:
    """What a sum far behind reads shares no bytes until then; a tensor after it may."""
    net = NetworkBuilder(np.random.default_rng(3), (1, 8, 8, 16))
    x = first = net.conv("net.input", 16)
    for _ in range(4):
        x = net.conv(x, 16, 3)
    x = net.add(x, first)
    for _ in range(3):
        x = net.conv(x, 16)
    compiled = compile_network(net.network(x), Parameters())
    check(compiled, images(np.random.default_rng(4), compiled))
    between = {f"net.{number}" for number in range(1, 6)}
    assert not overlapping(compiled, first) & between
    assert overlapping(compiled, first)


@pytest.mark.parametrize("parameters", CONFIGURATIONS, ids=lambda p: p.name)
def test_parts_are_written_in_place_or_copied(parameters: Parameters) -> None:
    """In place if a node writes them for one concatenation alone; copied otherwise."""
    net = NetworkBuilder(np.random.default_rng(5), (1, 6, 5, 3))
    like = net.like("net.input")
    once, twice = (net.conv("net.input", 7, 3, output=like) for _ in range(2))
    inner = net.concat(once, twice)
    pool = net.max_pool(twice, 3, 1)
    outer = net.concat(inner, "net.input", twice, pool)
    compiled = compile_network(net.network(outer), parameters, batch=2)
    x_q = images(np.random.default_rng(6), compiled)
    check(compiled, x_q)
    copies = [stage.name for stage in compiled.stages if stage.op == Concat.op]
    assert copies == [f"{inner}[1]", f"{outer}[1]", f"{outer}[2]"]
    areas = {area.name: area for area in compiled.areas}
    offsets = [areas[name].base for name in (once, *copies, pool)]
    assert [offset - offsets[0] for offset in offsets] == [0, 7, 14, 17, 24]
    assert {areas[name].pitch for name in (once, *copies, pool)} == {31}
    memory = compiled.image(x_q)
    Machine(parameters, memory).run(compiled.program_offset)
    whole = memory[offsets[0] :][: 2 * 6 * 5 * 31].reshape(2, 6, 5, 31) ^ np.uint8(0x80)
    np.testing.assert_array_equal(whole, execute(compiled.network, x_q)[outer])


def test_flattened_images_side_by_side() -> None:
    """A flattened part is copied; a flattened concatenation is its bytes."""
    net = NetworkBuilder(np.random.default_rng(7), (1, 4, 4, 3))
    first = net.conv("net.input", 5, 3)
    like = net.like(first)
    second = net.conv("net.input", 2, output=like)
    rows = net.concat(net.flatten(first), net.flatten(second))
    third = net.concat(*(net.conv("net.input", outputs, output=like) for outputs in (3, 4)))
    total = net.add(net.linear(rows, 6), net.linear(net.flatten(third), 6))
    compiled = compile_network(net.network(total), Parameters(), batch=3)
    check(compiled, images(np.random.default_rng(8), compiled))
    assert sum(stage.op == Concat.op for stage in compiled.stages) == 2


def test_flattened_part_is_refused() -> None:
    net = NetworkBuilder(np.random.default_rng(9), (1, 4, 4, 3))
    first = net.conv("net.input", 5, 3)
    joined = net.concat(first, net.conv("net.input", 2, output=net.like(first)))
    rows = net.flatten(first)
    out = net.add(net.linear(rows, 6), net.linear(net.flatten(joined), 6))
    with pytest.raises(ValueError, match=f"{rows} must not be a flattened part of a concat"):
        compile_network(net.network(out), Parameters())


def test_concatenation_that_would_requantize_is_refused() -> None:
    net = NetworkBuilder(np.random.default_rng(10), (1, 4, 4, 3))
    first, second = net.conv("net.input", 5), net.conv("net.input", 5)
    quantizations = net.like(first), net.like(second)
    joined = net.append(Concat("", quantizations, quantizations[0]), first, second)
    text = rf"{joined}: inputs of other scales need hardware with lookup \(--lookup\), got r16c16"
    with pytest.raises(ValueError, match=text):
        compile_network(net.network(joined), Parameters())


@pytest.mark.parametrize("interrupts", [False, True])
def test_records(interrupts: bool) -> None:
    """One at the end of each stage, behind all of its stores, apart from everything else."""
    net = chain(2)
    compiled = compile_network(net.network("net.9"), Parameters(), interrupts=interrupts)
    records = [i for i in compiled.program if i.opcode == Opcode.RECORD]
    assert [i["memory"] for i in records] == [stage.record for stage in compiled.stages]
    assert {i["value"] for i in records} == {int(interrupts)}
    memory = compiled.image(images(np.random.default_rng(11), compiled))
    for stage in compiled.stages:
        assert not memory[stage.record : stage.record + 128].any()
        assert all(not area.base <= stage.record < area.end for area in compiled.areas)


def test_wrong_requests_are_refused() -> None:
    network = chain().network("net.9")
    with pytest.raises(ValueError, match="batch must be at least 1, got 0"):
        compile_network(network, Parameters(), batch=0)
    compiled = compile_network(network, Parameters(), batch=2)
    with pytest.raises(ValueError, match=r"inputs must be 2 images, got 1"):
        compiled.image(np.zeros((1, 12, 12, 8), np.uint8))
    tiny = Parameters(activation_bytes=1 << 11, weight_bytes=1 << 10)
    net = NetworkBuilder(np.random.default_rng(12), (1, 3, 3, 300))
    with pytest.raises(ValueError, match=r"net.0: activation_bytes must be at least 2700 to hold"):
        compile_network(net.network(net.conv("net.input", 2, 3)), tiny)


def test_a_sum_alone_reads_both_operands() -> None:
    """Its account holds two tensors, and no multiplications with weights."""
    net = NetworkBuilder(np.random.default_rng(13), (1, 5, 5, 9))
    total = net.add("net.input", "net.input")
    compiled = compile_network(net.network(total), Parameters(), batch=2)
    (stage,) = compiled.stages
    assert isinstance(compiled.network.nodes[0].operation, Add)
    assert (stage.macs, stage.read_bytes, stage.written_bytes) == (0, 900, 450)
    check(compiled, images(np.random.default_rng(14), compiled))
