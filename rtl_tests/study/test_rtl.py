"""A level's images in RTL: equal to the study's logits, and seen where they are not."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from network_tasks import PARAMETERS
from study_tasks import request

from maccord.runtime.pool import Crash
from maccord.sim.network.run import Worker, run_network
from maccord.sim.network.task import NetworkTask
from maccord.sim.results import Outcome
from maccord.study import rtl
from maccord.study.plan import conditions
from maccord.study.prepare import subjects
from maccord.study.rtl import RtlSample, rtl_samples
from maccord.study.work import WorkUnit, run_task


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> WorkUnit:
    """Two perturbed digits."""
    asked = request(tmp_path_factory.mktemp("rtl"), limit=2, models=("int8",))
    with ThreadPoolExecutor(1) as pool:
        return conditions(asked, subjects(asked, pool))[1].tasks[0]


def simulated(
    task: WorkUnit, logits: np.ndarray, folder: Path, worker: Worker = run_network
) -> RtlSample:
    (sample,) = rtl_samples(
        [task], [logits], folder=folder, jobs=1, worker=worker, parameters=PARAMETERS
    )
    return sample


def flipped(task: NetworkTask) -> Outcome:
    """Runs a network with some bits flipped in the middle of its memory: in weights."""

    def flip(image: np.ndarray, task: NetworkTask) -> np.ndarray:
        broken = image.copy()
        broken[len(broken) // 3 : len(broken) // 2 : 997] ^= 64
        return broken

    return run_network(task, alter_image=flip)


def never(task: NetworkTask) -> Outcome:
    raise AssertionError("simulated again")


def test_the_rtl_agrees_once_and_is_not_asked_again(task: WorkUnit, tmp_path: Path) -> None:
    logits = run_task(task).logits["int8"]
    sample = simulated(task, logits, tmp_path)
    assert sample.equal and not sample.problem
    assert (sample.network, sample.level, sample.images) == ("resnet18", "awgn:0.3", 2)
    assert sample.compared > 30_000 and sample.cycles > 100_000
    assert simulated(task, logits, tmp_path, never) == sample


@pytest.mark.parametrize("other", ["hardware", "logits", "nothing"])
def test_other_hardware_or_logits_are_simulated_again(
    other: str, task: WorkUnit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logits, asked = run_task(task).logits["int8"], []
    monkeypatch.setattr(rtl, "build", lambda *_, **__: None)
    monkeypatch.setattr(rtl, "generated", lambda _: "module a; endmodule")
    monkeypatch.setattr(rtl, "run_all", lambda *_, **__: asked.append(1) or [(0, Crash("asked"))])
    monkeypatch.setattr(rtl, "_judge", lambda *_: RtlSample("resnet18", "awgn:0.3", 2, True, 1, 1))
    simulated(task, logits, tmp_path)
    if other == "hardware":
        monkeypatch.setattr(rtl, "generated", lambda _: "module b; endmodule")
    simulated(task, -logits if other == "logits" else logits, tmp_path)
    assert len(asked) == (1 if other == "nothing" else 2)


def test_other_logits_are_seen(task: WorkUnit, tmp_path: Path) -> None:
    logits = run_task(task).logits["int8"].copy()
    logits[1, 3] = np.nextafter(logits[1, 3], np.float32(100))
    sample = simulated(task, logits, tmp_path)
    assert not sample.equal and "logits differ" in sample.problem
    assert not list(tmp_path.rglob("*.json")), "what failed must be simulated again"


def test_flipped_bits_are_seen(task: WorkUnit, tmp_path: Path) -> None:
    logits = run_task(task).logits["int8"]
    sample = simulated(task, logits, tmp_path, flipped)
    assert not sample.equal and "differ" in sample.problem
