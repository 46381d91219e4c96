"""Whole runs: the same bytes for any number of processes, on a cluster, and after a kill."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from pathlib import Path

import pytest
from distributed import LocalCluster
from processes import reaped, wait_until

from maccord.generalize import outputs
from maccord.generalize import run as running
from maccord.generalize.plan import Plan
from maccord.generalize.request import GeneralizeRequest

SMALL = {
    "pool": "tiny",
    "bits": (32, 2),
    "epochs": 1,
    "train_images": 64,
    "test_images": 24,
    "measured": 10,
    "landscape": 3,
    "perturb": "fog:1,fgsm:0.05",
    "rtl": 0,
}
LARGER = SMALL | {
    "bits": (32, 8, 4, 2),
    "epochs": 8,
    "test_images": 300,
    "landscape": 13,
    "perturb": "fog:1,glass_blur:5,pgd:0.05",
}
FIGURES = {"gaps": ("Gaps", b"")}
FILES = ("results.csv", "landscape.csv", "tables/table_1.csv", "tables/table_I.csv")
MAIN = "from maccord.cli.main import main; main()"
#: Of a larger run, what stands on its console when it is killed: twice in training.
PLACES = ("networks trained", "networks trained", "chunks of corrupted", "measured", "strips of")


class Here(Executor):
    """Runs each task at once, in this process."""

    def submit(self, function, /, *given, **named):
        future = Future()
        try:
            future.set_result(function(*given, **named))
        except BaseException as error:
            future.set_exception(error)
        return future


@contextmanager
def inline(scheduler, jobs):
    yield Here()


@contextmanager
def started(options, out: Path, jobs: int):
    """A run in a process group of its own, which is killed with the block."""
    given = options | {"out": out, "jobs": jobs}
    given["bits"] = ",".join(map(str, given["bits"]))
    named = {name.replace("_", "-"): str(value) for name, value in given.items()}
    words = [word for name, value in named.items() for word in (f"--{name}", value)]
    command = [sys.executable, "-c", MAIN, "generalize", *words]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    with reaped(process):
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def written(out: Path) -> dict[str, bytes]:
    """All results by name but for the time of day."""
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file()
        and path.name != "provenance.json"
        and path.relative_to(out).parts[0] not in ("parts", "pool")
    }


def test_a_killed_run_resumes_to_the_same_bytes(tmp_path, monkeypatch) -> None:
    """Killed by SIGKILL with its workers; then a part is damaged and a network is gone."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    with started(SMALL, killed, 2) as process:
        wait_until(lambda: len(list(killed.rglob("*.npz"))) >= 5, process)
    assert not (killed / "results.csv").exists()
    monkeypatch.setattr(running, "executor", inline)
    assert running.run(GeneralizeRequest(**SMALL, out=whole, jobs=1)) == 0
    monkeypatch.undo()
    monkeypatch.setattr(outputs, "_figures", lambda outcome, rows: FIGURES)  # they take seconds
    kept = sorted(killed.rglob("*-gap-*.npz"))
    kept[0].write_bytes(kept[0].read_bytes()[:100])  # as a full disk leaves it
    next((killed / "pool").rglob("*-w2.pt")).unlink()
    assert running.run(GeneralizeRequest(**SMALL, out=killed, jobs=2)) == 0
    assert all(
        jobs.done == jobs.total for jobs in Plan(GeneralizeRequest(**SMALL, out=killed)).jobs()
    )
    for name in FILES:
        assert (killed / name).read_bytes() == (whole / name).read_bytes(), name
    summary = json.loads((whole / "summary.json").read_text())
    assert summary["schema"] == running.SCHEMA and summary["networks"] == 4
    report = (whole / "report.html").read_text()
    head = report.index("<h1>")
    assert summary["claim"].replace("'", "&#39;") in report[head : head + 2000]
    for title in ("Table 1:", "Table 2:", "Table 3:", "Table 4 and 6:", "Table 5:", "Table I:"):
        assert title in report
    for title in ("Table A:", "Table B:", "Figure 1:", "Figure 2:", "a procedural stand-in"):
        assert title in report


def test_a_dry_run_counts_tasks_and_runs_none(tmp_path, capsys) -> None:
    request = GeneralizeRequest(pool="full", out=tmp_path, dry_run=True)
    assert running.run(request) == 0
    said = capsys.readouterr().out
    assert "networks trained: 972, of which 0 are done" in said
    assert "chunks of corrupted images: 1872" in said  # 4 networks, 78 levels, 6 chunks
    assert "strips of landscape: 68" in said and "levels in RTL: 12" in said
    assert "in all: 3900 tasks, 0 done; nothing was run" in said
    assert not any(tmp_path.rglob("*.*"))


@pytest.mark.nightly
def test_killed_anywhere_and_on_a_cluster_it_writes_the_same_bytes(tmp_path) -> None:
    """SIGKILL to the whole group at five places and a random moment after; then to the end."""
    whole, killed, spread = (tmp_path / name for name in ("whole", "killed", "spread"))
    with started(LARGER, whole, 1) as process:
        assert process.wait() == 0
    rng = random.Random(0)
    for place in PLACES:
        with started(LARGER, killed, 2) as process:
            assert process.stderr is not None
            assert any(place in line for line in process.stderr), place
            time.sleep(rng.random())
        assert process.returncode == -signal.SIGKILL
        assert not (killed / "results.csv").exists()
    with started(LARGER, killed, 2) as process:
        assert process.wait() == 0
    expected = written(whole)
    assert {"results.csv", "report.html", "figures/landscape.png"} <= set(expected)
    assert written(killed) == expected
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster:
        scheduler = f"dask:{cluster.scheduler_address}"
        assert running.run(GeneralizeRequest(**LARGER, out=spread, scheduler=scheduler)) == 0
    assert written(spread) == expected


@pytest.mark.nightly
def test_the_rtl_equals_the_integer_network(tmp_path) -> None:
    """One image of each precision, clean, foggy, and attacked through the float network."""
    request = GeneralizeRequest(**(SMALL | {"rtl": 1, "landscape": 0}), out=tmp_path)
    assert running.run(request) == 0
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["rtl_equal"] and summary["rtl_images"] == 6
    assert "RTL against the integer network" in (tmp_path / "report.html").read_text()
