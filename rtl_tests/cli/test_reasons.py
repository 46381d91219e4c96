"""The reason of a failure reaches the user, and only a comparison ends in exit code 0."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from command import MAIN, ROOT, maccord
from network_tasks import PARAMETERS, network_task, stood_in
from toy import toy_data, toy_job

from maccord.cli import main as cli
from maccord.compiler.area import Area
from maccord.runtime import files
from maccord.runtime.errors import SimulationError, os_error_sentence
from maccord.runtime.pool import Crash, caught, run_all
from maccord.sim import cli_layers, cli_sim, netlist, simulate
from maccord.sim.cli_sim import SimulationRequest
from maccord.sim.inputs import Inputs
from maccord.sim.ledger import write_ledger
from maccord.sim.network.run import run_network
from maccord.sim.process import cocotb_environment, job_folder, read_result, why_no_result
from maccord.sim.results import Outcome, Verdict

pytestmark = pytest.mark.usefixtures("quick_builds")


def test_an_exception_inside_the_testbench_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(folder: Path, module: str) -> dict[str, str]:
        return cocotb_environment(folder, "failing_bench")

    monkeypatch.setattr(simulate, "cocotb_environment", failing)
    with pytest.raises(SimulationError) as caught:
        simulate.simulate(toy_job(toy_data(256, seed=1)))
    assert str(caught.value).endswith("a result: LookupError: the bench knows no such signal")


def test_deprecation_warnings_as_errors_do_not_stop_the_bench(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    data = toy_data(256, seed=1)
    assert (simulate.simulate(toy_job(data)).outputs[0] == ~data).all()


def test_without_cocotbs_file_the_last_lines_are_the_reason(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("first\nlast\n")
    (tmp_path / "results.xml").write_text("<testsuites")  # cut off
    assert why_no_result(tmp_path) == "first | last"


def test_a_factory_that_exits_is_no_success(tmp_path: Path) -> None:
    path = tmp_path / "exits.py"
    path.write_text("import sys\n\ndef net():\n    sys.exit(0)\n")
    env = {"PYTHONPATH": str(tmp_path)}
    done = maccord("sim", "--module", "exits:net", "--rows", "4", "--cols", "4", env=env)
    assert (done.returncode, done.stdout) == (2, "")
    said = f"exits:net must make a network, got a call of sys.exit: SystemExit: 0 ({path}, line 4)"
    assert done.stderr.splitlines()[-1] == f"maccord: {said}"


def main(monkeypatch: pytest.MonkeyPatch, body: object) -> int | str | None:
    """Run the command line with a body in place of that of `maccord layers`."""
    handler = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(cli_layers, "run", body)
    monkeypatch.setattr(sys, "argv", ["maccord", "layers"])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    signal.signal(signal.SIGTERM, handler)
    return stopped.value.code


def test_a_call_of_exit_anywhere_is_no_success(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(monkeypatch, lambda *_: sys.exit(0)) == 3
    assert "sys.exit was called in " in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [("--help",), ("layers", "resnet18"), ("--version",)], ids=" ".join
)
def test_a_reader_that_is_gone_ends_it_quietly(arguments: tuple[str, ...]) -> None:
    """What is written at once (Rich's and Click's), and what the last flush writes."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-c", MAIN, *arguments],
        cwd=ROOT, stdout=writer, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


def test_a_reader_of_errors_that_is_gone_changes_no_code() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    for out in (writer, subprocess.DEVNULL):
        done = subprocess.run(
            [sys.executable, "-c", MAIN, "verilog", "--rows", "3"],
            cwd=ROOT, stdout=out, stderr=writer,
        )  # fmt: skip
        assert done.returncode == 2
    os.close(writer)


def test_another_pipe_that_breaks_is_no_quiet_end(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def body(*_: object) -> None:
        raise BrokenPipeError(errno.EPIPE, "of a worker")

    for stream in ("stdout", "stderr"):  # which Typer replaces
        monkeypatch.setattr(sys, stream, getattr(sys, stream))
    assert main(monkeypatch, body) == 3
    assert "nothing was compared" in capfd.readouterr().err


def test_sigterm_ends_with_143(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(monkeypatch, lambda *_: os.kill(os.getpid(), signal.SIGTERM)) == 143
    assert capsys.readouterr().err == "maccord: terminated\n"
    assert main(monkeypatch, lambda *_: os.kill(os.getpid(), signal.SIGINT)) == 130
    assert capsys.readouterr().err == "maccord: interrupted\n"


def nothing_compared(*_: object) -> Outcome:
    """An outcome that claims agreement of no byte."""
    return Outcome(Verdict.AGREES)


def test_agreement_takes_a_byte() -> None:
    assert cli_sim._exit_code([nothing_compared()]) == 3
    assert cli_sim._exit_code([]) == 3


def disk_full(number: int) -> int:
    """Fail as a write to a full disk does."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_in_a_worker_is_said() -> None:
    found = dict(run_all(disk_full, [0], processes=1, cost=lambda _: 0, budget=1))
    assert isinstance(found[0], Crash)
    assert found[0].reason.startswith(f"no space left on a device: files are written to {ROOT}")


def test_what_the_system_refused_names_the_file() -> None:
    assert os_error_sentence(OSError(errno.EACCES, "Denied", "x")) == "cannot use x: Denied"
    assert os_error_sentence(OSError("odd")) == "odd"


def test_the_table_comes_before_a_dump_that_finds_no_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(cli_sim, "_build", lambda *_: 0.0)  # the stand-in needs none
    request = SimulationRequest(
        ("resnet18.fc",), PARAMETERS, out=tmp_path, dump=Path("/dev/full"), jobs=1
    )
    with pytest.raises(OSError) as caught:
        cli_sim.run(request, stood_in)
    assert caught.value.errno == errno.ENOSPC
    assert "1,000 of 1,000 outputs equal" in capsys.readouterr().out


def _no_space(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_folder_of_temporary_files_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job's files have their place before the simulator maps them: else it dies by a signal."""
    task = network_task()
    monkeypatch.setattr(files.os, "posix_fallocate", _no_space)
    monkeypatch.setattr(simulate, "build", lambda *_, **__: None)
    crash = caught(run_network, task)
    assert isinstance(crash, Crash)
    assert crash.reason.startswith("no space left on a device: files are written to ")
    assert tempfile.gettempdir() in crash.reason

    def nowhere() -> str:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", nowhere)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    full = os_error_sentence(OSError(errno.ENOSPC, "No space left on device"))
    assert f"{tmp_path} (TMPDIR)" in full


def test_half_a_result_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "result.json").write_text('{"cycles": 1')
    (tmp_path / "log").write_text("last words")
    with pytest.raises(SimulationError, match="ended without a result: last words"):
        read_result(tmp_path)
    monkeypatch.setattr(files.tempfile, "NamedTemporaryFile", _no_space)
    with pytest.raises(OSError) as caught:
        read_result(tmp_path)
    assert caught.value.errno == errno.ENOSPC


def test_files_that_the_simulator_maps_are_not_sparse(tmp_path: Path) -> None:
    job = toy_job(toy_data(1 << 16, seed=1))
    write_ledger(tmp_path, [Area("net.conv", 0, 1, 100_000, 100_000)], [], 0)
    with job_folder(job) as folder:
        mapped = [folder / "memory.bin", folder / "mask.bin", tmp_path / "tensors.bin"]
        for found in (path.stat() for path in mapped):
            assert found.st_blocks * 512 >= found.st_size > 0


def test_the_first_run_says_what_it_costs_and_later_ones_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli_sim, "_build", lambda *_: 0.0)  # the stand-in needs none
    monkeypatch.setattr(cli_sim.os, "sched_getaffinity", lambda _: {0, 1})
    inputs = Inputs(module="toy_networks:Reshaped")
    request = SimulationRequest(("Reshaped.conv",), PARAMETERS, inputs, out=tmp_path, jobs=1)
    line = "first run of r4c4: generates Verilog and builds the simulator, about 30 s; later runs"
    for kept in (False, True):
        monkeypatch.setattr(cli_sim, "is_kept", lambda _, kept=kept: kept)
        assert cli_sim.run(request, stood_in) == 0
        assert (line in capsys.readouterr().err) is not kept
    assert netlist.is_kept(PARAMETERS)
    monkeypatch.setenv("MACCORD_CACHE", str(tmp_path))
    assert not netlist.is_kept(PARAMETERS)
