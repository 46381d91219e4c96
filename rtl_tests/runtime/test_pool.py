"""Tasks in processes: answers, crashes, the memory budget, and nobody left behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from pool_tasks import count_up, crash_on_odd, free, note_span, square
from processes import PATIENCE, reaped, tagged, wait_until

from maccord.runtime.pool import Crash, available_memory, run_all, tell


def test_every_task_is_answered_once() -> None:
    found = dict(run_all(square, range(5), processes=2, cost=free, budget=0))
    assert found == {i: i * i for i in range(5)}


def test_a_crash_is_an_answer_and_spares_the_others() -> None:
    found = dict(run_all(crash_on_odd, [0, 1, 2], processes=2, cost=free, budget=0))
    assert (found[0], found[2]) == (0, 2)
    assert isinstance(found[1], Crash) and "exit code 7" in found[1].reason


def test_news_of_a_task_come_before_its_answer() -> None:
    heard: list[tuple[int, object]] = []
    answers = run_all(
        count_up, [3, 0, 2], processes=2, cost=free, budget=0,
        on_news=lambda index, content: heard.append((index, content)),
    )  # fmt: skip
    for index, answer in answers:
        assert [content for task, content in heard if task == index] == list(range(answer))
    tell("nobody waits for this process")
    assert len(heard) == 5


def test_tasks_beyond_the_budget_wait(tmp_path: Path) -> None:
    tasks = [(tmp_path, i) for i in range(3)]
    found = dict(run_all(note_span, tasks, processes=3, cost=lambda _: 6, budget=10))
    assert found == {0: 0, 1: 0, 2: 0}


def test_processes_must_be_positive() -> None:
    with pytest.raises(ValueError, match="jobs must be at least 1, got 0"):
        next(run_all(square, [1], processes=0, cost=free, budget=0))


def test_memory_is_known() -> None:
    assert available_memory() > 1 << 20


PARENT = """
import os, subprocess, sys, time
from maccord.runtime.pool import run_all

def start_child(folder):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    open(os.path.join(folder, "ready"), "w").close()
    child.wait()

if __name__ == "__main__":
    list(run_all(start_child, [sys.argv[1]], processes=1, cost=lambda _: 0, budget=0))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_killed_run_leaves_no_process(number: signal.Signals, tmp_path: Path) -> None:
    tag = f"{number}{tmp_path}"
    program = tmp_path / "parent.py"
    program.write_text(PARENT)
    parent = subprocess.Popen(
        [sys.executable, str(program), str(tmp_path)],
        env=os.environ | {"MACCORD_POOL_TEST": tag},
        stderr=subprocess.DEVNULL,
    )
    with reaped(parent):
        wait_until((tmp_path / "ready").exists, parent)
        assert len(tagged(tag)) >= 3
        parent.send_signal(number)
        parent.wait(PATIENCE)
    wait_until(lambda: not tagged(tag))
