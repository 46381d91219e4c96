"""Tools run side by side, say what is wrong, and do not outlive us."""

from __future__ import annotations

import importlib.metadata
import os
from dataclasses import replace
from pathlib import Path

import pytest

from maccord.runtime.errors import SimulationError, ToolchainError
from maccord.synth import tools

PROGRAM = """
import pathlib, sys, time
def main(arguments):
    pathlib.Path("pid").write_text(str(__import__("os").getpid()))
    print("\\nInfo: working  hard", flush=True)
    if arguments == ["sleep"]:
        time.sleep(60)
        pathlib.Path("slept").touch()
    while arguments == ["spin"]:
        pass
    if arguments == ["fail"]:
        print("ERROR: no such thing")
        return 1
"""
TOOL = tools.Tool("toy", "toy", "toy_program", "main")


def job(folder: Path, *arguments: str, name: str = "a") -> tools.Job:
    place = folder / name
    place.mkdir()
    (place / "toy_program.py").write_text(PROGRAM)
    return tools.Job(TOOL, arguments, place, f"job {name}")


def silent(text: str) -> None:
    pass


def test_jobs_come_as_they_end(tmp_path: Path) -> None:
    jobs = [job(tmp_path, name=name) for name in "abc"]
    assert {*tools.run(jobs, 2, silent)} == {*jobs}


def test_errors_of_a_tool_are_said(tmp_path: Path) -> None:
    with pytest.raises(SimulationError, match="toy failed: ERROR: no such thing"):
        list(tools.run([job(tmp_path, "fail")], 1, silent))


def test_a_tool_that_does_not_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "_MINUTE", 1)  # second
    endless = replace(job(tmp_path, "spin"), minutes=1)
    with pytest.raises(SimulationError, match="toy, job a: took more than 1 minutes of processor"):
        list(tools.run([endless], 1, silent))
    assert list(tools.run([replace(endless, arguments=())], 1, silent))


def test_an_interrupt_kills_what_runs(tmp_path: Path) -> None:
    slow = job(tmp_path, "sleep")
    shown = []

    def show(text: str) -> None:
        shown.append(text)
        if "working hard" in text and (slow.folder / "pid").read_text():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(tools.run([slow], 1, show))
    assert not (slow.folder / "slept").exists()
    assert shown[-1] == "job a: working hard"
    with pytest.raises(ProcessLookupError):
        os.kill(int((slow.folder / "pid").read_text()), 0)


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    with pytest.raises(ToolchainError, match=r"extra synth: pip install 'maccord\[synth\]'"):
        tools.find(tools.YOSYS)
