"""What `maccord sim` says under its table, and that a narrow terminal loses no digit."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from dataclasses import replace
from pathlib import Path

import pytest
from command import MAIN, ROOT
from processes import reaped
from test_results import result

from maccord.runtime.console import console
from maccord.sim.console_tables import print_outcomes
from maccord.sim.results import Outcome, Verdict

GOOD = Outcome(Verdict.AGREES, result(), equal=32, codes=9)
WRONG = Outcome(Verdict.MISMATCH, result("awgn:0.3"), equal=31, codes=9, problems=("1 differs",))
FAILED = Outcome(Verdict.FAILED, problems=("the AXI protocol was violated: awlen",))


def said(capsys: pytest.CaptureFixture[str], *outcomes: Outcome) -> list[str]:
    labels = [f"net.layer{i}" for i in range(len(outcomes))]
    print_outcomes(console(), labels, outcomes, Path("build"))
    return capsys.readouterr().out.splitlines()


def test_agreement_is_the_last_line(capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(capsys, GOOD)
    assert lines[-1] == "32 of 32 outputs equal: RTL = NumPy = PyTorch (qnnpack)"


def test_runs_without_a_result_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, FAILED) == [
        "net.layer0: the AXI protocol was violated: awlen",
        "1 of 1 runs gave no valid result",
    ]
    last = said(capsys, GOOD, FAILED)[-1]
    assert last == "1 of 2 runs gave no valid result; 32 of 32 outputs equal in the others"


def test_quiet_is_the_verdict_and_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    for outcomes in ([GOOD], [FAILED, GOOD], [GOOD, WRONG]):
        whole = said(capsys, *outcomes)
        labels = [f"net.layer{i}" for i in range(len(outcomes))]
        print_outcomes(console(), labels, outcomes, Path("build"), quiet=True)
        quiet = capsys.readouterr().out.splitlines()
        problems = sum(len(outcome.problems) for outcome in outcomes)
        assert len(quiet) == 1 + problems and quiet[-1] == whole[-1]
        assert all(line in whole for line in quiet)


def test_waves_are_said_with_the_command_that_opens_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    waves = tmp_path / "a layer.fst"
    waves.write_bytes(b"0" * 100_000)
    lines = said(capsys, replace(GOOD, waves=waves))
    at = lines.index(f"waves: {waves}, 0.1 MB")
    assert lines[at + 1] == f"open them: gtkwave '{tmp_path}/a layer.gtkw'"


def test_a_netlist_that_was_given_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert not any(line.startswith("netlist") for line in said(capsys, GOOD))
    given = replace(GOOD, result=replace(result(), netlist="rtl/mine.v"))
    assert "netlist: rtl/mine.v" in said(capsys, given)


def test_runs_with_mismatches_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    last = said(capsys, GOOD, WRONG)[-1]
    assert last == "63 of 64 outputs equal; 1 of 2 runs with mismatches"
    last = said(capsys, FAILED, WRONG)[-1]
    assert last.startswith("1 of 2 runs gave no valid result; 31 of 32 outputs equal in the others")
    assert last.endswith("; 1 of 2 runs with mismatches")


def test_a_narrow_terminal_loses_no_digit(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    row = " ".join(said(capsys, GOOD, WRONG)[2].split())
    assert row == "net.conv awgn:0.3 4x4x3 > 2x2x8 800 100 100.0% compute 0 0 9 500,000"


def on_a_terminal(columns: int, *arguments: str) -> str:
    """Run `maccord` with its output on a terminal, and return what appears there."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    env = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    command = [sys.executable, "-c", MAIN, *arguments]
    process = subprocess.Popen(
        command, cwd=ROOT, env=env | {"TERM": "xterm"}, stdout=theirs, stderr=subprocess.DEVNULL
    )
    os.close(theirs)
    parts = []
    with reaped(process):
        try:
            while part := os.read(ours, 4096):
                parts.append(part)
        except OSError:  # how Linux says that the other side is closed
            pass
        os.close(ours)
        assert process.wait() == 0
    return b"".join(parts).decode()


def test_layers_on_a_terminal_of_40_columns() -> None:
    text = on_a_terminal(40, "layers", "resnet18.conv1")
    assert "…" not in text
    row = next(line for line in text.splitlines() if "conv2d_relu" in line)
    assert row.split() == ["resnet18.conv1", "conv2d_relu", "118,013,952"]
    words = " ".join(re.sub(r"\x1b\[[0-9;]*m", "", text).split())
    assert words.endswith("--wide shows input, output, kernel, stride, padding, bits, runs on")
