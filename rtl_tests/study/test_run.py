"""Whole studies, small ones: resumed, repeated, with another number of workers, damaged."""

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from distributed import LocalCluster
from processes import reaped, wait_until
from result_schemas import validate
from study_tasks import LIMIT, request, weights

from maccord.golden.kernels.quantize import dequantize, quantize_per_tensor
from maccord.golden.network import execute
from maccord.nets.images import normalize
from maccord.nets.training.digits import outline
from maccord.runtime.errors import SimulationError
from maccord.runtime.scheduler import answers, executor
from maccord.study import prepare
from maccord.study.differences import read_differences
from maccord.study.parts import part_path
from maccord.study.plan import conditions
from maccord.study.prepare import subjects
from maccord.study.request import StudyRequest
from maccord.study.rows import MODELS, read_rows
from maccord.study.run import run
from maccord.study.samples import read_samples
from maccord.study.subject import dataset, quantized_network
from maccord.study.work import inputs, run_task

CSV = ("results.csv", "differences.csv")


def files(asked: StudyRequest) -> dict[str, bytes]:
    """The CSV files of a study."""
    return {name: (asked.out / name).read_bytes() for name in CSV}


def done(asked: StudyRequest) -> list[Path]:
    """Whole parts of a study; what is still being written has a hidden name."""
    return sorted(p for p in (asked.out / "parts").rglob("*.npz") if p.name[0] != ".")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("study")


@pytest.fixture(scope="module")
def finished(folder: Path) -> StudyRequest:
    """A study that ran in one go."""
    asked = request(folder, save_logits=True)
    assert run(asked) == 0
    return asked


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without figures and report, which take longer than these studies."""
    monkeypatch.setattr("maccord.study.run.write_outputs", lambda out, *_, **__: out)


def test_results_are_those_of_the_golden_model(finished: StudyRequest) -> None:
    """Every integer logit, computed again from the data set by the golden model."""
    samples = {(s.perturbation, s.level): s for s in read_samples(finished.out / "logits")}
    with ThreadPoolExecutor(1) as pool:
        found = conditions(finished, subjects(finished, pool))
    assert len(found) == len(samples) == 3
    for condition in found:
        graph = quantized_network(condition.subject).graph
        crops = np.concatenate([inputs(t)[1] for t in condition.tasks if t.models != ("live",)])
        images = np.concatenate([normalize(crop) for crop in crops])
        x_q = quantize_per_tensor(images.transpose(0, 2, 3, 1), graph.input.quantization)
        codes = execute(graph, x_q)[graph.output]
        expected = dequantize(codes, graph.tensors[graph.output].quantization)
        sample = samples[condition.level.name, condition.level.level]
        assert tuple(sample.models) == MODELS
        np.testing.assert_array_equal(sample.logits["int8"], expected)
        indices = [index for t in condition.tasks if t.models != ("live",) for index in t.images]
        np.testing.assert_array_equal(sample.labels, dataset("digits", "test").labels[indices])
        assert len(indices) == LIMIT


def test_models_are_no_copies_of_each_other(finished: StudyRequest) -> None:
    sample = next(s for s in read_samples(finished.out / "logits") if s.perturbation == "awgn")
    models = list(sample.logits.values())
    for index, logits in enumerate(models):
        assert not any(np.array_equal(logits, other) for other in models[:index])


def test_rows_and_differences_are_complete(finished: StudyRequest) -> None:
    rows = read_rows(finished.out / "results.csv")
    levels = {(row.perturbation, row.level) for row in rows}
    assert levels == {("clean", 0), ("awgn", 0.3), ("vertical+horizontal:2", 2), ("all", 0)}
    differences = read_differences(finished.out / "differences.csv")
    assert {d.images for d in differences} == {LIMIT}
    assert sum(d.differing for d in differences) > 0
    said = (finished.out / "report.html").read_text()
    assert (
        "batches of 100 images in the data set&#39;s order, observers fresh at each level" in said
    )


def test_another_number_of_workers_writes_the_same_bytes(
    finished: StudyRequest, tmp_path: Path
) -> None:
    """All files: parts, figures and the page, too; but for the one that has date and command."""
    again = replace(finished, out=tmp_path / "again", jobs=1)
    assert run(again) == 0
    origins = [
        json.loads((out / "provenance.json").read_text()) for out in (finished.out, again.out)
    ]
    for origin in origins:
        validate("provenance", origin)
    assert origins[0]["digests"] == origins[1]["digests"]
    validate("study", json.loads((again.out / "info.json").read_text()))
    ours, theirs = (
        {
            str(path.relative_to(out)): path.read_bytes()
            for path in out.rglob("*.*")
            if path.is_file() and path.name != "provenance.json"
        }
        for out in (finished.out, again.out)
    )
    assert len(ours) > 30 and {*CSV, "report.html", "figures/claim.png"} <= set(ours)
    assert set(ours) == set(theirs)
    assert [name for name in ours if ours[name] != theirs[name]] == []


def test_a_cluster_writes_the_same_bytes(
    finished: StudyRequest, tmp_path: Path, undrawn: None
) -> None:
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as cluster:
        scheduler = f"dask:{cluster.scheduler_address}"
        again = replace(finished, out=tmp_path / "again", scheduler=scheduler)
        assert run(again) == 0
    assert files(again) == files(finished)


def test_seed_and_draw_change_what_they_should(finished: StudyRequest, tmp_path: Path) -> None:
    """Another seed: other noise. Unpaired: another draw, for FP32 alone."""
    with ThreadPoolExecutor(1) as pool:
        task = conditions(finished, subjects(finished, pool))[1].tasks[0]
    task = replace(task, images=task.images[:4], models=("fp32", "int8"))
    ours, other, unpaired = (
        run_task(found).logits
        for found in (task, replace(task, seed=1), replace(task, unpaired=True))
    )
    assert not np.array_equal(ours["int8"], other["int8"])
    np.testing.assert_array_equal(ours["int8"], unpaired["int8"])
    assert not np.array_equal(ours["fp32"], unpaired["fp32"])


def test_a_killed_study_goes_on_to_the_same_bytes(
    finished: StudyRequest, tmp_path: Path, undrawn: None
) -> None:
    """Killed after two parts, one damaged: only what is missing is computed again."""
    again = replace(finished, out=tmp_path / "again", jobs=1)
    command = [sys.executable, "-c", HALF]
    arguments = [
        *("--networks", "resnet18", "--weights", f"resnet18={again.weights['resnet18']}"),
        *("--perturb", again.perturb, "--limit", str(again.limit), "--calibration", "4"),
        *("--rtl", "0", "--out", str(again.out), "--jobs", "1"),
    ]
    process = subprocess.Popen([*command, "study", *arguments], start_new_session=True)
    with reaped(process):
        try:
            wait_until(lambda: len(done(again)) == 2, process)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
    kept = done(again)
    assert len(kept) == 2 and not (again.out / "results.csv").exists()
    kept[0].write_bytes(kept[0].read_bytes()[:100])
    times = {path: path.stat().st_mtime_ns for path in kept[1:]}
    assert run(again) == 0
    assert files(again) == files(finished)
    assert times == {path: path.stat().st_mtime_ns for path in times}, "finished work was redone"


# The command line, which stands still once two parts are written
HALF = """
import os, signal, sys
from maccord.cli import main as cli
from maccord.study import run

write, written = run.write_part, []

def write_two(path, part):
    write(path, part)
    written.append(path)
    if len(written) == 2:
        os.kill(os.getpid(), signal.SIGSTOP)

run.write_part = write_two
sys.argv = ["maccord", *sys.argv[1:]]
cli.main()
"""


def test_workers_with_other_code_are_refused(
    finished: StudyRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever edits files or installs a library while a study runs gets no mixture."""
    monkeypatch.setattr("maccord.study.run.origin", lambda: "what was here before")
    with pytest.raises(ValueError, match="must be the same in all processes of a study"):
        run(replace(finished, out=tmp_path / "study", jobs=1))
    assert not done(replace(finished, out=tmp_path / "study"))


def test_a_killed_worker_is_one_sentence() -> None:
    """As the system does it when memory runs out."""
    with pytest.raises(SimulationError, match="was killed, perhaps for want of memory"):
        with executor("processes", 1) as pool:
            list(answers(pool, os._exit, [1], 1))


def test_weights_are_the_same_file_in_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else every folder would have networks quantized of its own."""
    monkeypatch.setattr(prepare, "trained", lambda name, **_: outline(name))
    paths = [tmp_path / name / "weights.pt" for name in "ab"]
    for path in paths:
        prepare._train("resnet18", path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    paths[1].write_bytes(b"cut off")
    prepare._train("resnet18", paths[1])
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_new_weights_are_not_answered_from_old_parts(
    finished: StudyRequest, tmp_path: Path
) -> None:
    other = replace(
        finished, weights={"resnet18": weights(tmp_path, seed=1)}, out=tmp_path / "study"
    )
    with ThreadPoolExecutor(1) as pool:
        ours, theirs = (
            conditions(asked, subjects(asked, pool))[0].tasks[0] for asked in (finished, other)
        )
    a, b = run_task(ours), run_task(theirs)
    assert not np.array_equal(a.logits["int8"], b.logits["int8"])

    assert part_path(tmp_path, ours) != part_path(tmp_path, theirs)
