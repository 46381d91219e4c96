"""What a run of a whole network makes of a simulation: every way to be wrong is named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from network_tasks import Flipped, StandIn, change_weight, network_task

from maccord.runtime.errors import SimulationError
from maccord.sim.network.results import NetworkResult
from maccord.sim.network.run import run_network
from maccord.sim.network.task import stage_index
from maccord.sim.results import Outcome, Verdict
from maccord.sim.simulate import Job, Result
from maccord.spec.registers import COUNTERS, ErrorCode, Status

CONV = "Joined.body.0.conv"


def said(outcome: Outcome) -> str:
    return " / ".join(outcome.problems)


def result_of(outcome: Outcome) -> NetworkResult:
    assert outcome.result is not None
    return outcome.result


@pytest.mark.parametrize(("name", "tensors"), [("Joined", 14), ("Copied", 7)])
@pytest.mark.parametrize("batch", [1, 3])
def test_a_right_run_agrees(name: str, tensors: int, batch: int) -> None:
    task = network_task(name, batch)
    outcome = run_network(task, backend=StandIn(task))
    assert (outcome.verdict, outcome.problems) == (Verdict.AGREES, ())
    result = result_of(outcome)
    assert result.agrees and (result.tensors, result.batch) == (tensors, batch)
    made = {node.name for node in task.compiled.network.nodes}
    sizes = [task.recording.tensors[node].size for node in made]
    copies = [s for s in task.compiled.stages if s.name not in made]
    copied = sum(task.recording.tensors[stage.inputs[0]].size for stage in copies)
    assert result.compared == outcome.equal == sum(sizes) + copied
    assert result.predicted == result.predicted_torch
    np.testing.assert_array_equal(result.logits, task.recording.logits)
    assert result.frames_per_second == pytest.approx(batch * 200e6 / result.cycles, rel=1e-12)


def test_stages_sum_to_the_whole() -> None:
    task = network_task()
    result = result_of(run_network(task, backend=StandIn(task)))
    assert sum(stage.cycles for stage in result.stages) == result.cycles
    for cause in COUNTERS:
        taken = sum(stage.cycles_by_cause[cause] for stage in result.stages)
        assert taken == result.cycles_by_cause[cause]
    assert result.macs == task.recording.macs == sum(stage.macs for stage in result.stages)
    assert result.roofline_ratio == result.cycles / result.roofline_cycles
    assert [stage.name for stage in result.stages] == [s.name for s in task.compiled.stages]
    with_parts = [stage for stage in result.stages if stage.op == "conv2d"]
    assert all(stage.bound_by == "compute" for stage in with_parts)


def test_cycles_of_the_port_are_the_last_stages() -> None:
    task = network_task()
    plain = result_of(run_network(task, backend=StandIn(task)))
    outcome = run_network(task, backend=StandIn(task, cycles=plain.cycles + 3))
    result = result_of(outcome)
    assert result.stages[-1].cycles == plain.stages[-1].cycles + 3
    assert result.stages[-1].cycles_by_cause["control"] == 3
    assert result.stages[:-1] == plain.stages[:-1]


def test_a_bit_flipped_in_a_golden_tensor() -> None:
    task = network_task()
    outcome = run_network(task, backend=StandIn(task), alter_golden=Flipped(CONV))
    assert outcome.verdict is Verdict.MISMATCH
    result = result_of(outcome)
    assert (result.mismatches_golden, result.mismatches_torch) == (1, 0)
    assert [s.name for s in result.stages if s.mismatches_golden] == [CONV]
    assert f"{CONV}, tensor 4 of 14, is the first that differs: 1 of 128 codes" in said(outcome)
    assert f"{CONV}[0, 0, 0, 0] (n, y, x, c), channel 0: expected" in said(outcome)
    assert "accumulator" in said(outcome) and said(outcome).endswith("not the RTL")


def test_a_bit_flipped_by_the_rtl() -> None:
    task = network_task()
    backend = StandIn(task)
    backend.wrong = {CONV: 9, "Joined.head": 3}
    outcome = run_network(task, backend=backend)
    assert outcome.verdict is Verdict.MISMATCH
    assert result_of(outcome).mismatches_golden == result_of(outcome).mismatches_torch == 2
    assert f"{CONV}, tensor 4 of 14, is the first" in said(outcome)
    assert "; 1 behind it differ, too" in said(outcome)
    assert f"{CONV}[0, 0, 1, 1] (n, y, x, c), channel 1: " in said(outcome)
    assert said(outcome).endswith("gives the golden output: the RTL is wrong")


def test_an_addition_has_no_accumulator() -> None:
    task = network_task()
    backend = StandIn(task)
    backend.wrong = {"Joined.body.0.add": 0}
    outcome = run_network(task, backend=backend)
    assert outcome.verdict is Verdict.MISMATCH
    assert "Joined.body.0.add[0, 0, 0, 0]" in said(outcome)
    assert "accumulator" not in said(outcome)


def test_a_weight_changed_in_memory() -> None:
    task = network_task()
    outcome = run_network(task, backend=StandIn(task), alter_image=change_weight)
    assert outcome.verdict is Verdict.MISMATCH
    assert "Joined.stem, tensor 1 of 14, is the first that differs" in said(outcome)
    assert "not the RTL" in said(outcome)


def test_a_copy_is_compared_where_it_lies() -> None:
    task = network_task("Copied")
    copy = next(s.name for s in task.compiled.stages if s.name.startswith("Copied.cat["))
    backend = StandIn(task)
    backend.wrong = {copy: 7}
    outcome = run_network(task, backend=backend)
    assert outcome.verdict is Verdict.MISMATCH
    assert said(outcome).startswith(f"{copy}, tensor ")
    assert "; 1 behind it differ, too" in said(outcome)  # the concatenation that it is part of
    assert said(outcome).endswith("the RTL is wrong")


def test_pytorch_alone_may_disagree() -> None:
    task = network_task()
    task.recording.tensors[CONV][0, 0, 0, 0] ^= 1
    outcome = run_network(task, backend=StandIn(task))
    assert outcome.verdict is Verdict.MISMATCH
    assert (result_of(outcome).mismatches_golden, result_of(outcome).mismatches_torch) == (0, 1)
    assert "the reference disagrees with both" in said(outcome)


def test_other_logits_are_a_mismatch() -> None:
    task = network_task(batch=2)
    task.recording.logits[1] = -task.recording.logits[1]
    outcome = run_network(task, backend=StandIn(task))
    assert outcome.verdict is Verdict.MISMATCH
    assert result_of(outcome).mismatches_torch
    assert said(outcome).startswith("image 1: class ") and "in PyTorch" in said(outcome)


def test_a_tensor_that_nobody_caught_is_noticed() -> None:
    task = network_task()
    fewer = replace(task.compiled, areas=task.compiled.areas[:1] + task.compiled.areas[2:])
    stages = task.compiled.stages[:1] + task.compiled.stages[2:]
    backend = StandIn(task)
    (whole,) = fewer.segments
    segments = (replace(whole, stages=range(len(stages))),)
    backend.compiled = replace(fewer, stages=stages, segments=segments)
    blind = replace(task)
    vars(blind)["compiled"] = fewer
    records = StandIn(task).records()
    backend.fields = {"records": records, "cycles": records[-1]["cycles"]}
    backend.fields["counters"] = records[-1]
    outcome = run_network(blind, backend=backend)
    assert outcome.verdict is Verdict.MISMATCH
    assert said(outcome) == "1 tensors were not compared, the first is Joined.pool"


@pytest.mark.parametrize(
    ("fields", "verdict", "words"),
    [
        ({"stray_bytes": 3, "first_stray": 16}, 1, "3 bytes outside of the tensor being made"),
        ({"double_bytes": 2, "first_double": 16}, 1, "2 bytes were written twice"),
        (
            {"incomplete": {CONV: 5, "Joined.fc": 7}},
            1,
            f"2 of 12 tensors were never complete, {CONV} is the first and lacks 5 bytes",
        ),
        ({"protocol_errors": 2, "protocol_error": "awlen"}, 3, "protocol was violated: awlen"),
        ({"overlaps": 1}, 3, "1 bursts overlapped"),
        ({"macs": 5}, 3, "Joined.stem: the record's macs, 55,296, must lie between 0 before it"),
        ({"interrupts": 1}, 3, "0 records ask for the interrupt, 1 came before the last one"),
    ],
)
def test_right_bytes_do_not_excuse(fields: dict, verdict: int, words: str) -> None:
    task = network_task()
    outcome = run_network(task, backend=StandIn(task, **fields))
    assert outcome.verdict == verdict
    assert words in said(outcome)
    if verdict == Verdict.MISMATCH:
        assert not result_of(outcome).agrees
    else:
        assert outcome.result is None


def test_interrupts_that_never_come_are_noticed() -> None:
    task = network_task(interrupts=True)
    assert run_network(task, backend=StandIn(task, interrupts=11)).verdict is Verdict.AGREES
    outcome = run_network(task, backend=StandIn(task))
    assert outcome.verdict is Verdict.FAILED
    assert said(outcome) == "12 records ask for the interrupt, 0 came before the last one"


def altered(name: str, index: int, by: int) -> dict:
    """Records with one counter changed."""
    records = StandIn(network_task()).records()
    records[index][name] += by
    return {"records": records}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (altered("compute", 3, 1), f"{CONV}: the record's counters by cause sum to"),
        (altered("cycles", 3, -1), f"{CONV}: the record's counters by cause sum to"),
        (altered("macs", 3, 1 << 40), f"{CONV}: the record's macs"),
        (altered("stores", 3, -1), f"{CONV}: the record's stores, -1, must lie between 0 before"),
    ],
)
def test_counters_that_cannot_be(fields: dict, words: str) -> None:
    task = network_task()
    outcome = run_network(task, backend=StandIn(task, **fields))
    assert (outcome.verdict, outcome.result) == (Verdict.FAILED, None)
    assert words in said(outcome)


def test_multiplications_are_counted() -> None:
    task = network_task()
    backend = StandIn(task)
    records = backend.records()
    records[-1]["macs"] += 1
    backend.fields = {"records": records, "macs": records[-1]["macs"]}
    outcome = run_network(task, backend=backend)
    assert outcome.verdict is Verdict.FAILED
    assert "multiplications, the program has" in said(outcome)


def test_a_record_that_was_not_written() -> None:
    task = network_task()
    records = StandIn(task).records()
    records[2] = {}
    outcome = run_network(task, backend=StandIn(task, records=records))
    assert (outcome.verdict, outcome.result) == (Verdict.FAILED, None)
    assert said(outcome) == "Joined.pool_1: the counters' record was not written"


def test_an_error_status_is_named_with_the_tensor() -> None:
    task = network_task()
    fields = {
        "status": Status.DONE | Status.ERROR,
        "error_code": ErrorCode.WRITE_ERROR,
        "incomplete": {"Joined.fc": 7},
    }
    outcome = run_network(task, backend=StandIn(task, **fields))
    assert (outcome.verdict, outcome.result) == (Verdict.FAILED, None)
    assert "error WRITE_ERROR" in said(outcome) and "Joined.fc is the first" in said(outcome)


def test_a_hang_and_another_accelerator() -> None:
    task = network_task()

    def hang(job: Job) -> Result:
        raise SimulationError(f"No interrupt after {job.cycle_limit} cycles.")

    assert run_network(task, backend=hang).verdict is Verdict.FAILED
    outcome = run_network(task, backend=StandIn(task, registers={"ROWS": 8}))
    assert outcome.verdict is Verdict.BAD_INPUT
    assert said(outcome) == "the netlist must have been made with rows 4, got one with 8"


def test_waves_begin_with_the_layer_that_was_asked_for() -> None:
    task = network_task()
    names = [stage.name for stage in task.compiled.stages]
    asked: list[int] = []

    def backend(job: Job) -> Result:
        asked.append(job.waves_after)
        return StandIn(task)(job)

    for name in ("", names[0], names[3]):
        run_network(replace(task, waves_layer=name), backend=backend)
    assert asked == [0, 0, 3]
    with pytest.raises(ValueError, match=rf"operation of Joined, got 'Joined.ste' .*{names[0]}"):
        stage_index(task.compiled, "Joined.ste")
