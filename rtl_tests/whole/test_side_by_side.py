"""A network in parts side by side: the cycles and bytes of the whole run, or no join."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import asdict, replace
from functools import cache

import numpy as np
import pytest
from network_tasks import PARAMETERS, network_task

from maccord.compiler.parts import Part, cut
from maccord.golden.network import execute
from maccord.sim.netlist import generated
from maccord.sim.network import side_by_side as subject
from maccord.sim.network.run import _job, run_network
from maccord.sim.network.task import NetworkTask
from maccord.sim.results import Verdict
from maccord.sim.simulate import Job, Result, simulate

SPEED = {"sim_seconds", "sim_cycles_per_second"}


@cache
def task(batch: int = 1) -> NetworkTask:
    return replace(network_task("Joined", batch), verilog=generated(PARAMETERS))


@pytest.fixture(autouse=True)
def kept(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.WARNING):
        yield


@pytest.mark.parametrize(("parts", "batch"), [(2, 1), (3, 2)])
def test_the_whole_run_s_cycles_and_bytes(
    parts: int, batch: int, caplog: pytest.LogCaptureFixture
) -> None:
    one = run_network(task(batch))
    several = run_network(replace(task(batch), parts=parts))
    assert (one.verdict, several.verdict) == (Verdict.AGREES, Verdict.AGREES)
    assert one.result and several.result
    found, wanted = asdict(several.result), asdict(one.result)
    assert {k for k in wanted if found[k] != wanted[k]} <= SPEED
    assert not caplog.records, "it ran as a whole"


@cache
def in_two() -> tuple[list[Part], list[Result]]:
    """Both parts, as they ran."""
    compiled, inputs = task().compiled, task().recording.inputs
    golden = execute(compiled.network, *inputs)
    parts = cut(compiled, 2)
    whole = Job(task().verilog, 16, compiled.image(*inputs), 0, ())
    jobs = [subject.part_job(compiled, whole, part, golden) for part in parts]
    return parts, [subject._counted(*each) for each in zip(parts, map(simulate, jobs), strict=True)]


def test_parts_that_agree_join() -> None:
    parts, results = in_two()
    assert subject._apart(task().compiled, parts, results) == ""


def test_one_cycle_at_the_join_keeps_them_apart() -> None:
    parts, (before, after) = in_two()
    records = [dict(record) for record in before.records]
    records[-1]["cycles"] += 1
    records[-1]["control"] += 1
    wrong = replace(before, records=records)
    assert " takes " in subject._apart(task().compiled, parts, [wrong, after])


def test_other_beats_before_the_join_keep_them_apart() -> None:
    parts, (before, after) = in_two()
    name = task().compiled.stages[parts[1].join].name
    wrong = replace(after, traces=after.traces | {name: after.traces[name] ^ 1})
    assert "other beats" in subject._apart(task().compiled, parts, [before, wrong])


def test_a_program_at_other_addresses_keeps_them_apart() -> None:
    """Its counters agree, but not its beats: the program is fetched from elsewhere."""
    compiled, inputs = task().compiled, task().recording.inputs
    (first, second), (before, _) = in_two()
    moved = replace(second, start=0)
    whole = Job(task().verilog, 16, compiled.image(*inputs), 0, ())
    golden = execute(compiled.network, *inputs)
    after = subject._counted(moved, simulate(subject.part_job(compiled, whole, moved, golden)))
    assert "other beats" in subject._apart(compiled, [first, moved], [before, after])


def test_a_bit_that_both_computed_keeps_them_apart() -> None:
    parts, (before, after) = in_two()
    name = task().compiled.stages[parts[1].join].name
    other = before.tensors[name].copy()
    other.flat[3] ^= 1
    wrong = replace(before, tensors=before.tensors | {name: other})
    assert subject._apart(task().compiled, parts, [wrong, after]) == f"{name} differs"


def test_a_part_that_lacks_a_tensor_stays_apart() -> None:
    parts, (before, after) = in_two()
    name = task().compiled.stages[-1].name
    wrong = replace(after, incomplete={name: 1})
    assert subject._apart(task().compiled, parts, [before, wrong]).endswith("not complete")


def test_parts_that_do_not_join_run_as_a_whole(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(subject, "_apart", lambda *_: "so said")
    one = run_network(task())
    again = run_network(replace(task(), parts=2))
    assert one.result and again.result and again.verdict is Verdict.AGREES
    assert again.result.cycles == one.result.cycles
    assert [r.getMessage() for r in caplog.records] == [
        "parts not joined, the network runs as a whole: so said"
    ]


def test_a_part_from_a_wrong_tensor_does_not_join(caplog: pytest.LogCaptureFixture) -> None:
    compiled, inputs = task().compiled, task().recording.inputs
    golden = execute(compiled.network, *inputs)
    read = compiled.stages[cut(compiled, 2)[1].first].inputs[0]
    wrong = golden | {read: np.zeros_like(golden[read])}
    job = _job(task(), compiled.image(*inputs))
    found = subject.side_by_side(compiled, job, 2, lambda: wrong)
    assert caplog.records[0].getMessage().endswith(" differs")
    whole = simulate(job)
    assert found.cycles == whole.cycles and found.tensors.keys() == whole.tensors.keys()
