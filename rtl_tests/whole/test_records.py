"""A chain of layers as one program in Verilator: each tensor, each record, each interrupt."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from accelerator_bench import CONFIGURATIONS, netlist
from golden_layers import random_conv2d, random_linear

from maccord.compiler.network import CompiledNetwork, compile_network
from maccord.golden.graph import Flatten, Network, Node, Tensor
from maccord.golden.network import execute
from maccord.sim.simulate import Job, Result, run_plain, simulate
from maccord.spec.isa import Opcode
from maccord.spec.registers import COUNTERS, RECORDED, ErrorCode, Status

pytestmark = pytest.mark.usefixtures("quick_builds")

PARAMETERS = CONFIGURATIONS["4x4 bus 8"]


@cache
def chain() -> Network:
    """Four convolutions and a linear layer; the first tensors are dead when the last is written."""
    rng = np.random.default_rng(1)
    nodes, name = [], "net.input"
    size = 9
    channels = 3
    for index, (outputs, stride) in enumerate([(6, 1), (5, 2), (7, 1), (4, 1)]):
        conv = random_conv2d(
            rng, outputs, channels, (3, 3), stride=(stride, stride), padding=(1, 1)
        )
        source = nodes[-1].operation.output if nodes else conv.input
        nodes.append(Node(replace(conv, name=f"net.conv{index}", input=source), (name,)))
        name, channels, size = f"net.conv{index}", outputs, -(-size // stride)
    codes = nodes[-1].operation.output
    linear = random_linear(rng, 5, channels * size * size)
    nodes.append(Node(Flatten("net.flatten", codes), (name,)))
    nodes.append(Node(replace(linear, name="net.linear", input=codes), ("net.flatten",)))
    first = Tensor("net.input", (1, 9, 9, 3), nodes[0].operation.input)
    return Network("net", first, tuple(nodes), "net.linear")


def compiled_job(interrupts: bool, **settings: float) -> tuple[CompiledNetwork, np.ndarray, Job]:
    compiled = compile_network(chain(), PARAMETERS, interrupts=interrupts)
    x_q = np.random.default_rng(2).integers(256, size=(1, 9, 9, 3)).astype(np.uint8)
    job = Job(
        netlist(PARAMETERS),
        PARAMETERS.axi_bytes,
        compiled.image(x_q),
        compiled.program_offset,
        outputs=[],
        ledger=compiled.areas,
        records=[stage.record for stage in compiled.stages],
        cycle_limit=400_000,
        **settings,
    )
    return compiled, x_q, job


def check_records(compiled: CompiledNetwork, result: Result) -> None:
    """Each sums to its cycles, none runs backwards, and the last is not far from the end.

    A layer's work is done when its outputs are in memory; some of the next one's may be, too.
    """
    assert len(result.records) == len(compiled.stages)
    for record in result.records:
        assert tuple(record) == RECORDED
        assert sum(record[name] for name in COUNTERS) == record["cycles"]
    for before, after in pairwise(result.records):
        assert all(before[name] <= after[name] for name in RECORDED)
    due = np.cumsum([stage.macs for stage in compiled.stages]).tolist()
    macs = [record["macs"] for record in result.records]
    assert all(here <= found for here, found in zip(due, macs, strict=True))
    assert all(found < after for found, after in zip(macs, due[1:], strict=False))
    assert result.macs == macs[-1] == due[-1]
    left = result.counters["cycles"] - result.records[-1]["cycles"]
    assert 0 < left < 200  # the record's own way to memory
    assert sum(result.counters[name] for name in COUNTERS) == result.counters["cycles"]


@pytest.mark.parametrize("interrupts", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_a_chain_of_layers(seed: int, interrupts: bool) -> None:
    """Tensors equal the golden ones although they share memory, with and without stalls."""
    stalls = {"stall_probability": 0.3, "stall_seed": seed, "jitter": 40} if seed else {}
    compiled, x_q, job = compiled_job(interrupts, **stalls)
    result = simulate(job)
    assert result.status & Status.DONE and not result.status & Status.ERROR
    assert (result.protocol_error, result.stray_bytes, result.double_bytes) == ("", 0, 0)
    assert result.incomplete == {}
    golden = execute(compiled.network, x_q)
    for name, rows in result.tensors.items():
        np.testing.assert_array_equal(compiled.tensor(name, rows), golden[name], name)
    check_records(compiled, result)
    # The end comes before software has cleared the last record's interrupt.
    assert result.cycles - result.counters["cycles"] == (0 if interrupts else 4)
    assert result.interrupts == (len(compiled.stages) if interrupts else 0)


def test_tensors_share_memory() -> None:
    """What the ledger is for: at the end, bytes of an earlier tensor are gone."""
    areas = compiled_job(False)[0].areas
    earlier = [(a, b) for k, b in enumerate(areas) for a in areas[:k]]
    assert any(a.base < b.end and b.base < a.end for a, b in earlier)


def test_interrupts_do_not_change_the_cycles() -> None:
    """The program goes on while software clears them; mains that look at each cycle agree."""
    quiet, loud = (simulate(compiled_job(interrupts)[2]) for interrupts in (False, True))
    watched = simulate(replace(compiled_job(True)[2], free=False))
    plain = run_plain(compiled_job(True)[2])
    assert quiet.counters == loud.counters == watched.counters
    assert quiet.records == loud.records == watched.records
    assert loud.interrupts == watched.interrupts
    assert plain.status & Status.DONE


def test_a_record_out_of_memory_is_a_write_error() -> None:
    """It ends like any other store that memory refuses, without a hang."""
    compiled, _, job = compiled_job(True)
    program = list(compiled.program)
    index = next(k for k, i in enumerate(program) if i.opcode == Opcode.RECORD)
    program[index] = replace(program[index], fields=program[index].fields | {"memory": 1 << 30})
    image = job.memory.copy()
    image[:] = replace(compiled, program=program).image(np.zeros((1, 9, 9, 3), np.uint8))
    result = simulate(replace(job, memory=image))
    assert result.error_code == ErrorCode.WRITE_ERROR
    assert list(result.tensors) == ["net.conv0"]
    assert result.records[0] == {}
    assert list(result.incomplete) == [stage.name for stage in compiled.stages[1:]]
