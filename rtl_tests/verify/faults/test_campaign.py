"""Parts on disk: the same for any number of processes, and kept after an interruption."""

from dataclasses import replace
from pathlib import Path

import pytest
from distributed import LocalCluster
from fault_subjects import subject, verilog

from maccord.runtime.scheduler import executor
from maccord.verify.faults.campaign import Part, golden_runs, parts_of, read_part, run_parts
from maccord.verify.faults.registers import registers
from maccord.verify.faults.request import FaultRequest, check
from maccord.verify.faults.runs import Subject
from maccord.verify.faults.sampling import draw, strata

STAND_IN = """#!/bin/sh
echo run >> {count}
echo 1,1000,20,0.1,0102
while read number register word bit cycle; do
  [ -n "$number" ] && echo "$number,done,$cycle,$word,-1,0,0,-1,0,0,0,1,0$bit"
done < faults
exit 0
"""


@pytest.fixture
def stand_in(tmp_path: Path, quick_builds: None) -> Subject:
    """A program in the model's place that answers at once."""
    program = tmp_path / "model"
    program.write_text(STAND_IN.format(count=tmp_path / "count"))
    program.chmod(0o755)
    return replace(subject("linear"), model=program)


def _parts(given: Subject, folder: Path) -> list[Part]:
    found = registers(verilog())
    blocks = {name: strata(found)[name] for name in ("accumulator", "array", "tokens")}
    faults = draw(found, blocks, dict.fromkeys(blocks, 200), 1000, seed=2)
    faults = [replace(fault, bit=fault.bit % 8) for fault in faults]
    return parts_of(given, faults, folder, "code")


def test_parts_are_the_same_for_any_number_of_processes(stand_in: Subject, tmp_path: Path) -> None:
    contents = []
    for jobs in (1, 2):
        parts = _parts(stand_in, tmp_path / str(jobs))
        with executor("processes", jobs) as pool:
            assert sorted(run_parts(parts, pool, jobs)) == [100, 250, 250]
        contents.append({part.path.name: read_part(part).ended for part in parts})
    assert contents[0] == contents[1]


def test_a_cluster_writes_the_same_parts(stand_in: Subject, tmp_path: Path) -> None:
    local, remote = (_parts(stand_in, tmp_path / name) for name in ("local", "remote"))
    with executor("processes", 1) as pool:
        list(run_parts(local, pool, 1))
    with (
        LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as cluster,
        executor(f"dask:{cluster.scheduler_address}") as pool,
    ):
        list(run_parts(remote, pool, 1))
    assert [read_part(part).ended for part in remote] == [read_part(part).ended for part in local]


def test_what_is_on_disk_is_not_run_again(stand_in: Subject, tmp_path: Path) -> None:
    parts = _parts(stand_in, tmp_path / "parts")
    with executor("processes", 1) as pool:
        list(run_parts(parts[:2], pool, 1))
        parts[0].path.write_text("{")  # cut off
        assert len(list(run_parts(parts, pool, 1))) == 3
        assert (tmp_path / "count").read_text().count("run") == 4
        golden = golden_runs([stand_in], tmp_path / "parts", pool, 1, "code")
        assert golden_runs([stand_in], tmp_path / "parts", pool, 1, "code") == golden
        assert (tmp_path / "count").read_text().count("run") == 5
    numbers = [ended.number for part in parts for ended in read_part(part).ended]
    assert sorted(numbers) == list(range(600))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"network": "resnet81"}, "network must be one of .* got resnet81 .nearest: resnet18"),
        ({"data": "cifar"}, "data must be one of digits, photographs, got 'cifar'"),
        ({"network": "densenet121"}, "densenet121"),
        ({"perturb": "awgn:0.3,awgn:0.30"}, "each level once, got awgn:0.3 twice"),
        ({"perturb": "haze:1"}, "perturbation must be one of"),
        ({"faults": -1}, "faults must be at least 0, got -1"),
        ({"images": 7, "data": "photographs"}, "between 1 and 6 for photographs, got 7"),
        ({"margin": 0.0}, "margin must be between 0.001 and 0.999, got 0"),
        ({"scheduler": "slurm"}, "scheduler must be processes or dask:ADDRESS"),
    ],
)
def test_bad_options_are_refused_before_anything_runs(
    options: dict, message: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        check(FaultRequest(**{"out": tmp_path, **options}))
