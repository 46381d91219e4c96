"""The path from job to result, with the copying machine as the accelerator."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from processes import reaped, wait_until
from toy import TARGET, toy_data, toy_job, toy_verilog

from maccord.compiler.area import Area
from maccord.runtime.errors import SimulationError
from maccord.sim.gtkwave import BUSES, write_save_file
from maccord.sim.simulate import Job, run_plain, simulate
from maccord.spec.isa_features import Feature
from maccord.spec.registers import IDENTIFICATION, Status

pytestmark = pytest.mark.usefixtures("quick_builds")


@pytest.mark.parametrize("axi_bytes", [8, 16, 32, 64])
def test_every_bus_width_copies(axi_bytes: int) -> None:
    data = toy_data(8192 + 5 * axi_bytes, seed=axi_bytes)
    result = simulate(toy_job(data, axi_bytes))
    assert np.array_equal(result.outputs[0], ~data)
    assert result.status == Status.DONE
    assert result.registers["ID"] == IDENTIFICATION
    assert (result.protocol_errors, result.protocol_error, result.overlaps) == (0, "", 0)
    assert (result.unwritten, result.stray_bytes, result.first_stray) == ([0], 0, None)
    assert result.read_beats == (data.size + 64) // axi_bytes
    assert result.write_beats == data.size // axi_bytes


def test_a_netlist_that_lacks_features_is_not_started() -> None:
    """The copying machine's register FEATURES is 0; nothing needed is nothing refused."""
    data = toy_data(64, seed=1)
    needed = Feature.DENSE | Feature.DEPTHWISE
    with pytest.raises(ValueError, match="must have DENSE, DEPTHWISE, which the program needs"):
        # Started, it would hang until the limit and be another error
        simulate(toy_job(data, fault="hangs", features=needed))
    assert np.array_equal(simulate(toy_job(data, features=Feature(0))).outputs[0], ~data)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_stalls_change_the_cycles_and_not_the_bytes(seed: int) -> None:
    data = toy_data(4096, seed)
    smooth = simulate(toy_job(data))
    settings = {"stall_probability": 0.5, "jitter": 40, "stall_seed": seed}
    rough, again = (simulate(toy_job(data, **settings)) for _ in range(2))
    assert np.array_equal(rough.outputs[0], ~data)
    assert rough.protocol_errors == 0
    assert smooth.cycles < rough.cycles == again.cycles


def test_seeds_give_different_stalls() -> None:
    data = toy_data(1024, seed=0)
    jobs = [toy_job(data, stall_probability=0.3, stall_seed=seed) for seed in range(4)]
    assert len({simulate(job).cycles for job in jobs}) > 1


def test_latency_adds_to_every_burst() -> None:
    data = toy_data(1024, seed=0)
    short, long = (simulate(toy_job(data, latency=latency)) for latency in (10, 110))
    # One fetch of the program, then four times a read and a write, none of them overlapped
    assert long.cycles - short.cycles == 9 * 100


def test_modes_mains_and_the_plain_loop_agree() -> None:
    data = toy_data(4096, seed=5)
    settings = {"stall_probability": 0.25, "stall_seed": 5, "jitter": 7}
    free = simulate(toy_job(data, **settings))
    triggers = simulate(toy_job(data, free=False, **settings))
    stock = simulate(toy_job(data, kind="stock", free=False, **settings))
    assert free.cycles == triggers.cycles == stock.cycles
    assert free.counters == triggers.counters == stock.counters
    assert free.counters["cycles"] == free.cycles - 2
    for result in (free, triggers, stock):
        assert np.array_equal(result.outputs[0], ~data)
    plain = run_plain(toy_job(data, latency=30))
    assert plain.cycles == simulate(toy_job(data, latency=30)).cycles
    assert np.array_equal(plain.outputs[0], ~data)


def test_a_run_longer_than_one_step_of_the_watchdog() -> None:
    data = toy_data(16384, seed=6)
    settings = {"latency": 30_000, "cycle_limit": 10_000_000}
    result = simulate(toy_job(data, **settings))
    assert result.cycles > 3_000_000
    assert np.array_equal(result.outputs[0], ~data)


def test_the_image_handed_in_stays_as_it_is() -> None:
    job = toy_job(toy_data(256, seed=1))
    before = job.memory.copy()
    simulate(job)
    assert np.array_equal(job.memory, before)


def test_a_hang_is_reported_with_the_units() -> None:
    for free in (True, False):
        job = toy_job(toy_data(256, seed=1), fault="hangs", cycle_limit=3000, free=free)
        with pytest.raises(
            SimulationError, match=r"No interrupt after 3000 cycles: .*load is idle"
        ):
            simulate(job)
    with pytest.raises(SimulationError, match="No interrupt after 3000 cycles"):
        run_plain(job)


def test_bytes_left_out_are_counted() -> None:
    result = simulate(toy_job(toy_data(512, seed=1), fault="misses_bytes"))
    assert result.unwritten == [2]  # one in each burst of 16 beats
    assert result.first_unwritten == TARGET + 16


def test_bytes_written_elsewhere_are_counted() -> None:
    result = simulate(toy_job(toy_data(512, seed=1), fault="strays"))
    assert result.unwritten == [512]
    assert (result.stray_bytes, result.first_stray) == (512, TARGET + 4096)


def test_scratch_regions_may_be_written() -> None:
    scratch = [(TARGET + 4096, 512)]
    result = simulate(toy_job(toy_data(512, seed=1), fault="strays", scratch=scratch))
    assert result.stray_bytes == 0


def test_an_address_without_memory_is_answered_with_an_error() -> None:
    data = toy_data(256, seed=1)
    memory = toy_job(data).memory.copy()
    memory[:4] = np.array([0x40000 - 128], "<u4").view(np.uint8)  # reads across the end
    read = simulate(Job(toy_verilog(16), 16, memory, 0, []))
    memory[:8] = np.array([0x2000, 0x40000 - 128], "<u4").view(np.uint8)  # writes across it
    write = simulate(Job(toy_verilog(16), 16, memory, 0, [(0x40000 - 128, 128)]))
    assert (read.error_code, write.error_code) == (3, 4)
    assert read.status & write.status & Status.ERROR
    assert write.unwritten == [0]


def test_the_last_page_below_the_address_limit_can_be_used() -> None:
    data = toy_data(256, seed=1)
    job = toy_job(data, base=(1 << 40) - 0x50000)
    assert np.array_equal(simulate(job).outputs[0], ~data)


def test_waves_of_a_window(tmp_path: Path) -> None:
    job = toy_job(toy_data(256, seed=1), waves=(60, 70), waves_path=tmp_path / "window")
    result = simulate(job)
    assert result.waves is not None
    assert result.waves.stem == "window"
    assert result.waves.suffix[1:] == result.model.waves
    if result.model.waves == "vcd":
        text = result.waves.read_text()
        times = [int(line[1:]) for line in text.splitlines() if line.startswith("#")]
        assert (min(times), max(times)) == (600, 710)
        assert "m_axi_araddr" in text
        assert isinstance(job.verilog, str)
        saved = write_save_file(result.waves, job.verilog, job.axi_bytes).read_text()
        wanted = [line for line in saved.splitlines() if line.startswith("tb.")]
        assert len(wanted) == sum(map(len, BUSES.values())) and {*wanted} <= {*_names(text)}
        assert f'[dumpfile] "{result.waves}"' in saved


def test_waves_that_begin_with_a_tensor(tmp_path: Path) -> None:
    data, half = toy_data(4096, seed=1), 2048
    areas = [Area(f"part {i}", TARGET + i * half, 1, half, half) for i in range(2)]
    found = []
    for after in (0, 1):
        job = toy_job(
            data, ledger=areas, waves=(3, 20), waves_after=after, waves_path=tmp_path / f"{after}",
        )  # fmt: skip
        result = simulate(job)
        assert result.waves is not None and len(result.tensors) == 2
        if result.model.waves == "vcd":
            lines = result.waves.read_text().splitlines()
            found.append([int(line[1:]) for line in lines if line.startswith("#")])
    if found:
        (reset, *_), (begin, *_, end) = found
        assert reset == 30 and end - begin == 180
        assert reset + result.cycles * 10 * 0.3 < begin < reset + result.cycles * 10


def _names(vcd: str) -> Iterator[str]:
    """Full names in a file of waves, those of vectors with their range."""
    scopes: list[str] = []
    for words in map(str.split, vcd.partition("$enddefinitions")[0].splitlines()):
        if words[:1] == ["$scope"]:
            scopes.append(words[2])
        elif words[:1] == ["$upscope"]:
            scopes.pop()
        elif words[:1] == ["$var"]:
            yield ".".join(scopes) + "." + "".join(words[4:-1])


def test_a_killed_parent_leaves_no_simulator(tmp_path: Path) -> None:
    job = toy_job(toy_data(256, seed=1))
    simulate(job)  # so that the child does not build
    script = tmp_path / "endless.py"
    script.write_text(
        "from maccord.sim.simulate import simulate\n"
        "from quick_builds import quick_builds\n"
        "from toy import toy_data, toy_job\n"
        "with quick_builds():\n"
        "    simulate(toy_job(toy_data(256, seed=1), fault='hangs', cycle_limit=1 << 50),\n"
        f"             on_cycles=lambda n: open({str(tmp_path / 'alive')!r}, 'w'))\n"
    )
    path = os.pathsep.join(sys.path)
    environment = {**os.environ, "PYTHONPATH": path, "TMPDIR": str(tmp_path)}
    with reaped(subprocess.Popen([sys.executable, str(script)], env=environment)) as parent:
        wait_until((tmp_path / "alive").exists, parent)
        children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
        assert len(children) == 1
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    wait_until(lambda: not Path(f"/proc/{children[0]}").exists() or _is_zombie(children[0]))


def _is_zombie(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"base": 100},
            "base must be a multiple of 4096 with the memory below 2\\*\\*40, got 0x64",
        ),
        ({"base": 1 << 40}, "base must be a multiple of 4096"),
        ({"latency": 1}, "latency must be between 2 and 65535, got 1"),
        ({"jitter": -1}, "jitter must be between 0 and 65535, got -1"),
        ({"stall_probability": 1.0}, "stall_probability must be between 0 and 0.99, got 1.0"),
        ({"stall_seed": -1}, "stall_seed must be between 0 and"),
        ({"outputs": [(0, 1 << 30)]}, "regions must lie in the memory of 262144 bytes"),
        ({"memory": np.zeros(4, np.int8)}, "memory must be one-dimensional uint8"),
    ],
)
def test_bad_jobs_are_refused(change: dict, message: str) -> None:
    settings = {"memory": np.zeros(0x40000, np.uint8), "program": 0, "outputs": []}
    with pytest.raises(ValueError, match=message):
        Job(toy_verilog(16), 16, **{**settings, **change})
