"""Networks that are cut: the host computes between two programs, and what it writes is compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from host_networks import HOSTED, host_task
from network_tasks import StandIn

from maccord.compiler.host_work import HostWork, turns
from maccord.compiler.network import compile_network
from maccord.golden.graph import Host, Network, Node
from maccord.golden.network import execute
from maccord.golden.operations.host import HostFunction
from maccord.sim.netlist import generated
from maccord.sim.network.host_lines import host_lines
from maccord.sim.network.page import page
from maccord.sim.network.run import run_network
from maccord.sim.network.task import NetworkTask
from maccord.sim.results import Outcome, Verdict
from maccord.spec.isa import INSTRUCTION_BYTES, Opcode
from maccord.spec.parameters import Parameters

SIZE = Parameters(rows=4, cols=4, axi_bytes=8)
CUTS = {"OneCut": 1, "TwoCuts": 2, "Part": 1, "Ordered": 1, "Chained": 2, "Flat": 1}
CUTS |= {"Signal": 2, "Longer": 2, "Sequence": 2}


def task_of(name: str, verilog: str = "module maccord; endmodule", **fields: object) -> NetworkTask:
    """A network for the instruction-level model, or in RTL if there is a netlist."""
    return replace(host_task(name, SIZE, verilog), **fields)


def altered(task: NetworkTask, function: HostFunction) -> NetworkTask:
    """The task with another function in its first operation of the host, in the program alone."""
    compiled = task.compiled
    nodes = list(compiled.network.nodes)
    index = next(i for i, node in enumerate(nodes) if isinstance(node.operation, Host))
    changed = replace(nodes[index].operation, function=function)
    nodes[index] = Node(changed, nodes[index].inputs, nodes[index].output)
    other = replace(task)
    vars(other)["compiled"] = replace(
        compiled, network=replace(compiled.network, nodes=tuple(nodes))
    )
    return other


def honest(task: NetworkTask) -> Callable[[dict], dict]:
    """Alter the golden tensors back to those of the unaltered network."""
    tensors = execute(task.compiled.network, task.recording.x_q)
    return lambda _: tensors


@pytest.mark.parametrize("name", HOSTED)
@pytest.mark.usefixtures("quick_builds")
def test_rtl_equals_pytorch(name: str) -> None:
    """Two images at a time; a network with cuts also with interrupts."""
    task = task_of(name, generated(SIZE), interrupts=name in CUTS)
    outcome = run_network(task)
    assert outcome.problems == ()
    result = outcome.result
    assert outcome.verdict is Verdict.AGREES and result is not None
    hosts = [stage for stage in result.stages if stage.ran_on == "host"]
    assert len(hosts) == CUTS.get(name, 0)
    assert [stage.op for stage in hosts] == ["host"] * len(hosts)
    assert all(stage.cycles == 0 and stage.compared > 0 for stage in hosts)
    assert sum(stage.cycles for stage in result.stages) == result.cycles
    assert sum(result.cycles_by_cause.values()) == result.cycles
    assert result.compared == sum(codes.size for codes in outcome.rtl.values())
    assert result.logits == result.logits_torch and len(result.logits) == 2
    assert result.predicted == (() if name == "Class" else result.predicted_torch)
    assert result.host_written_bytes == sum(stage.compared for stage in hosts)
    assert result.programs == len(task.compiled.segments)
    if name in CUTS:  # the last record of a program may coincide with its end
        asked = len(result.stages) - len(hosts)
        assert asked - result.programs <= result.interrupts <= asked


def test_a_network_without_cuts_is_one_program() -> None:
    compiled = task_of("Tail").compiled
    (segment,) = compiled.segments
    assert (segment.offset, segment.end) == (0, len(compiled.program))
    assert list(segment.stages) == list(range(len(compiled.stages)))
    assert turns(compiled) == [segment]


def test_programs_start_where_they_may_and_cover_all_stages() -> None:
    compiled = task_of("TwoCuts").compiled
    assert len(compiled.segments) == 3
    covered = [index for segment in compiled.segments for index in segment.stages]
    hosts = [index for index, stage in enumerate(compiled.stages) if stage.on_host]
    assert sorted(covered + hosts) == list(range(len(compiled.stages)))
    for segment in compiled.segments:
        assert segment.offset % 256 == 0
        assert segment.offset == segment.start * INSTRUCTION_BYTES
        opcodes = [i.opcode for i in compiled.program[segment.start : segment.end]]
        assert opcodes.index(Opcode.END) == len(opcodes) - 1
    kinds = [isinstance(turn, HostWork) for turn in turns(compiled)]
    assert kinds == [False, True, False, True, False]


def test_nothing_for_the_accelerator_is_refused() -> None:
    network = task_of("OneCut").recording.network
    node = next(node for node in network.nodes if isinstance(node.operation, Host))
    source = replace(network.tensors[node.inputs[0]], name="net.input")
    alone = Network("net", source, (Node(node.operation, ("net.input",)),), node.name)
    with pytest.raises(ValueError, match="net must have an operation for the accelerator"):
        compile_network(alone, SIZE)


def said(outcome: Outcome) -> str:
    return "\n".join(outcome.problems)


@pytest.mark.usefixtures("quick_builds")
def test_wrong_codes_of_the_host_are_noticed_in_rtl() -> None:
    """One code of one image; what the accelerator makes of it differs, too."""
    task = task_of("OneCut", generated(SIZE))
    right = next(n.operation for n in task.compiled.network.nodes if isinstance(n.operation, Host))

    def wrong(given: list[np.ndarray]) -> np.ndarray:
        codes = right.function(given).copy()
        codes[1, 2, 3, 4] ^= 64
        return codes

    outcome = run_network(altered(task, wrong), alter_golden=honest(task))
    assert outcome.verdict is Verdict.MISMATCH
    assert "net.softmax, tensor 2 of 6, is the first that differs: 1 of 192 codes" in said(outcome)
    assert "net.softmax[1, 2, 3, 4] (n, y, x, c)" in said(outcome)
    assert "the host computes this tensor: what it read, computed or wrote is" in said(outcome)


@pytest.mark.usefixtures("quick_builds")
def test_a_host_that_fails_is_one_sentence() -> None:
    def failing(given: list[np.ndarray]) -> np.ndarray:
        raise RuntimeError("no such kernel\nin three lines")

    task = task_of("OneCut", generated(SIZE))
    outcome = run_network(altered(task, failing), alter_golden=honest(task))
    assert outcome.verdict is Verdict.FAILED
    assert outcome.problems == ("The host cannot compute net.softmax: no such kernel",)


def test_the_rtl_is_blamed_behind_a_cut() -> None:
    task = task_of("TwoCuts")
    backend = StandIn(task)
    backend.wrong = {"net.second": 5}
    outcome = run_network(task, backend=backend)
    assert outcome.verdict is Verdict.MISMATCH
    assert said(outcome).endswith("gives the golden output: the RTL is wrong")


def test_counters_of_each_program_are_checked() -> None:
    task = task_of("TwoCuts")
    assert run_network(task, backend=StandIn(task)).verdict is Verdict.AGREES
    records = StandIn(task).records()
    records[1]["compute"] += 1
    outcome = run_network(task, backend=StandIn(task, records=records))
    assert (outcome.verdict, outcome.result) == (Verdict.FAILED, None)
    assert "net.second: the record's counters by cause sum to" in said(outcome)


def test_other_results_behind_the_last_codes_are_a_mismatch() -> None:
    for name, words in (("Tail", "image 1: class "), ("Class", "differ from PyTorch's")):
        task = task_of(name)
        task.recording.logits[1] += 1
        outcome = run_network(task, backend=StandIn(task))
        assert outcome.verdict is Verdict.MISMATCH
        assert words in said(outcome)


def test_reports_say_what_the_host_computes_and_moves() -> None:
    task = task_of("TwoCuts")
    result = run_network(task, backend=StandIn(task)).result
    assert result is not None
    (line,) = host_lines(result)
    assert line.startswith("3 programs; the host computes 2 operations in PyTorch, reads 204 bytes")
    text = page([result])
    assert "host: GroupNorm" in text and "on the host, 192 bytes read, 192 written" in text
    task = task_of("Tail")
    tail = run_network(task, backend=StandIn(task)).result
    assert tail is not None
    assert host_lines(tail) == [
        "behind the last codes the host computes net.softmax (softmax), 10 bytes read"
    ]
