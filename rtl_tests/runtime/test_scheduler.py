"""Tasks on a Dask cluster: the answers of local processes, and crashes that spare the others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import dask
import pytest
from distributed import LocalCluster
from pool_tasks import crash_on_odd, refuse_odd

from maccord.runtime.pool import Crash
from maccord.runtime.scheduler import check_reachable, run_on_cluster
from maccord.sim.cli_sim import run
from maccord.sim.request import SimulationRequest
from maccord.spec.parameters import Parameters

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """Address of a scheduler with one worker, which gives up a task that kills it."""
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as made,
    ):
        yield f"dask:{made.scheduler_address}"


def test_an_exception_or_a_killed_worker_is_an_answer_and_spares_the_others(cluster: str) -> None:
    found = dict(run_on_cluster(cluster, refuse_odd, [0, 1, 2]))
    assert (found[0], found[2]) == (0, 2)
    assert isinstance(found[1], Crash) and "1 is odd" in found[1].reason
    found = dict(run_on_cluster(cluster, crash_on_odd, [1]))
    assert isinstance(found[0], Crash) and "worker" in found[0].reason


def test_sim_writes_the_same_results_as_with_processes(cluster: str, tmp_path: Path) -> None:
    request = SimulationRequest(
        ("resnet18.fc", "squeezenet1_1.features.3.squeeze"), Parameters(rows=4, cols=4),
        out=tmp_path / "a", jobs=1,
    )  # fmt: skip
    others = replace(request, out=tmp_path / "b", scheduler=cluster)
    assert [run(each) for each in (request, others)] == [0, 0]
    names = sorted(path.name for path in request.folder.glob("*.json"))
    assert len(names) == 2
    for name in names:
        assert exact(others.folder / name) == exact(request.folder / name)


def exact(path: Path) -> list[str]:
    """Lines of a result but for those that depend on the time of day."""
    timed = ("seconds", "per_second", "speed", "utc", "date")
    return [line for line in path.read_text().splitlines() if not any(t in line for t in timed)]


def test_an_unreachable_scheduler_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="scheduler must be reachable, got tcp:"):
        check_reachable("dask:tcp://127.0.0.1:9")
