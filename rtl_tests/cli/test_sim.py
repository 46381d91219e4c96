"""`maccord sim` end to end on a 4 x 4 accelerator: agreement, and each promise broken."""

from __future__ import annotations

import json
import os
import re
import signal
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from command import ROOT, maccord, start
from fake_accelerator import featureless, overlapping
from network_tasks import Flipped, change_weight
from processes import PATIENCE, reaped, tagged, wait_until
from result_schemas import validate

from maccord.sim.cli_sim import SimulationRequest, dump_paths, run
from maccord.sim.netlist import generated
from maccord.sim.network.run import run_network
from maccord.sim.recording import Inputs, record_all
from maccord.spec.parameters import Parameters

PARAMETERS = Parameters(rows=4, cols=4)
SIZE = ("--rows", "4", "--cols", "4")
CONV = "resnet18.layer4.0.downsample.0"
LINEAR = "resnet18.fc"


def recompute(dump: dict[str, np.ndarray]) -> np.ndarray:
    """A 1 x 1 convolution or linear layer from its dump, by qnnpack's formula."""
    x = dump["x_q"].astype(np.int64) - int(dump["x_zero_point"])
    if x.ndim == 4:
        x = x[:, :: dump["stride"][0], :: dump["stride"][1]]
    w = dump["w_q"].reshape(len(dump["w_q"]), -1).astype(np.int64)
    sums = (x @ w.T + dump["bias_q"]).astype(np.float32)
    scale = dump["w_scales"].astype(np.float32) * np.float32(dump["x_scale"])
    multiplier = scale * (np.float32(1) / np.float32(dump["y_scale"]))
    zero_point = int(dump["y_zero_point"])
    low = zero_point if str(dump["op"]).endswith("relu") else 0
    return np.clip(np.rint(sums * multiplier) + zero_point, low, 255).astype(np.uint8)


def test_layers_agree_three_ways_clean_and_perturbed(tmp_path: Path) -> None:
    done = maccord(
        *("sim", CONV, "resnet18.f?", *SIZE, "--perturb", "awgn:0.3", "--out", str(tmp_path)),
        *("--json", str(tmp_path / "all.json"), "--dump", str(tmp_path / "dump.npz")),
        *("--stalls", "0.2", "--stall-seed", "5"),
    )
    assert done.returncode == 0, done.stderr
    assert "52,176 of 52,176 outputs equal: RTL = NumPy = PyTorch (qnnpack)" in done.stdout
    assert re.search(r"^resnet18\.fc .* weights ", done.stdout, re.MULTILINE)  # its bound
    assert "weights of resnet18: seeded initialisation, seed 0" in done.stdout
    results = json.loads((tmp_path / "all.json").read_text())
    assert [(r["layer"], r["perturbation"]) for r in results] == [
        *((CONV, "clean"), (CONV, "awgn:0.3"), (LINEAR, "clean"), (LINEAR, "awgn:0.3"))
    ]
    validate("sim", results)
    digests = [result["provenance"]["digests"] for result in results]
    assert [len({d[name] for d in digests}) for name in ("weights", "input")] == [2, 4]
    for result in results:
        assert result["provenance"]["command"].endswith("--stalls 0.2 --stall-seed 5")
        assert result["provenance"]["versions"]["verilator"] == result["verilator"]
        validate("sim", result)
        assert result["mismatches_golden"] == result["mismatches_torch"] == 0
        assert sum(result["cycles_by_cause"].values()) == result["cycles"]
        assert (result["rows"], result["cols"], result["stall_seed"]) == (4, 4, 5)
        made_of = ("image", "latency", "stalls", "netlist")
        assert [result[name] for name in made_of] == ["china", 30, 0.2, "generated"]
        stem = result["layer"] + ("@awgn-0.3" if result["perturbation"] != "clean" else "")
        assert json.loads((tmp_path / "r4c4" / f"{stem}.json").read_text()) == result
        with np.load(tmp_path / f"dump.{stem}.npz", allow_pickle=False) as dump:
            fields = dict(dump)
        assert fields["y_rtl"].size == result["compared"]
        for name in ("y_rtl", "y_golden", "y_torch"):
            assert np.array_equal(fields[name], recompute(fields)), name
    clean, noisy = (
        np.load(tmp_path / f"dump.{CONV}{suffix}.npz")["x_q"] for suffix in ("", "@awgn-0.3")
    )
    assert not np.array_equal(clean, noisy)


def simulate(tmp_path: Path, capsys: pytest.CaptureFixture[str], **faults: object) -> str:
    """Run the convolution with a fault planted, which must be noticed; return what was said."""
    request = SimulationRequest((CONV,), PARAMETERS, out=tmp_path, jobs=1)
    assert run(request, partial(run_network, **faults)) == 1
    result = json.loads((tmp_path / "r4c4" / f"{CONV}.json").read_text())
    assert result["mismatches_golden"] > 0
    return capsys.readouterr().out


def test_a_bit_flipped_in_the_golden_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    said = simulate(tmp_path, capsys, alter_golden=Flipped(CONV))
    assert "1 of 25,088 outputs differ from golden" in said
    assert f"{CONV}[0, 0, 0, 0] (n, y, x, c), channel 0: expected" in said
    assert "not the RTL" in said


def test_a_bit_flipped_in_the_weights_as_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    said = simulate(tmp_path, capsys, alter_image=change_weight)
    assert ", 1 of 512 channels (" in said
    assert "accumulator" in said and "not the RTL" in said


def test_a_constant_changed_in_the_verilog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    exponent = re.compile(r"(multiplier\[30:23\] - \d+'h)([0-9a-f]+)()")
    mutated, count = exponent.subn(
        lambda found: f"{found[1]}{int(found[2], 16) + 1:x}{found[3]}",
        generated(PARAMETERS),
        count=1,
    )
    assert count == 1
    path = tmp_path / "mutated.v"
    path.write_text(mutated)
    done = maccord("sim", CONV, *SIZE, "--verilog", str(path), "--out", str(tmp_path))
    assert done.returncode == 1, done.stderr
    assert "128 of 512 channels (0 to 508)" in done.stdout
    assert re.search(r"channel 0: expected \d+ \(golden\), got \d+ \(RTL\)", done.stdout)
    assert "gives the golden output: the RTL is wrong" in done.stdout


def test_the_written_verilog_is_what_is_simulated(tmp_path: Path) -> None:
    assert maccord("sim", LINEAR, *SIZE, "--out", str(tmp_path)).returncode == 0
    assert maccord("verilog", *SIZE, "--out", str(tmp_path)).returncode == 0
    path, found = tmp_path / "maccord_r4c4.v", tmp_path / "found.json"
    arguments = ("--verilog", str(path), "--out", str(tmp_path), "--json", str(found))
    done = maccord("sim", LINEAR, *SIZE, *arguments)
    assert done.returncode == 0, done.stderr
    assert f"netlist: {path}" in done.stdout.splitlines()
    assert json.loads(found.read_text())["netlist"] == str(path)
    # Models are kept by the netlist's text: this one was there already
    assert json.loads(found.read_text())["build_seconds"] == 0


def test_a_failed_run_leaves_no_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    older, everything = tmp_path / "r4c4" / f"{LINEAR}.json", tmp_path / "all.json"
    older.parent.mkdir()
    older.write_text("{}")
    request = SimulationRequest((LINEAR,), PARAMETERS, out=tmp_path, json=everything, jobs=1)
    assert run(request, partial(run_network, backend=overlapping)) == 3
    assert not older.exists() and not everything.exists()
    said = capsys.readouterr().out.splitlines()
    assert "1 bursts overlapped" in said[0]
    assert said[1:] == ["1 of 1 runs gave no valid result"]


def test_a_netlist_of_another_size_is_bad_input(tmp_path: Path) -> None:
    assert maccord("verilog", *SIZE, "--out", str(tmp_path)).returncode == 0
    netlist = ("--verilog", str(tmp_path / "maccord_r4c4.v"), "--out", str(tmp_path))
    done = maccord("sim", LINEAR, "--rows", "8", "--cols", "8", *netlist)
    assert done.returncode == 2, done.stderr
    assert "verilog must be a netlist of 8 rows and 8 columns, got r4c4" in done.stderr


def test_a_netlist_without_the_features_is_bad_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A small machine of the same ports, whose register FEATURES is 0, in the netlist's place."""
    monkeypatch.chdir(ROOT)
    request = SimulationRequest((LINEAR,), PARAMETERS, out=tmp_path, jobs=1)
    assert run(request, partial(run_network, backend=featureless)) == 2
    said = capsys.readouterr().out
    assert "the netlist must have DENSE, which the program needs" in said


def test_dumps_have_the_name_that_was_asked_for() -> None:
    one = record_all([LINEAR], Inputs())
    noisy = record_all([LINEAR], Inputs(perturb="awgn:0.3"))
    two = record_all(["resnet18.layer4.0.*"], Inputs())
    path = Path("here") / "dump.npz"
    assert dump_paths(None, two) == [None] * 3
    assert dump_paths(path, one) == [path]
    assert dump_paths(path, noisy) == [Path("here/dump.clean.npz"), path]
    assert dump_paths(path, two)[0] == Path(f"here/dump.{CONV}.npz")


def test_an_interrupt_leaves_nothing_behind(tmp_path: Path) -> None:
    """Of a run that takes many minutes, once its simulator is there."""
    tag = f"{os.getpid()}{tmp_path}"
    out = tmp_path / "out"
    process = start(
        *("sim", "resnet18.layer3.*", *SIZE, "--out", str(out), "--jobs", "2"),
        *("--stalls", "0.9", "--json", str(out / "all.json"), "--dump", str(out / "dump.npz")),
        env={"MACCORD_TEST": tag, "TMPDIR": str(tmp_path)},
    )
    with reaped(process):
        wait_until(lambda: any("build/verilator/" in c for c in tagged(tag).values()), process)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert err.splitlines()[-1] == "maccord: interrupted"
    wait_until(lambda: not tagged(tag))
    assert not list(tmp_path.rglob("*.npz")) and not list(tmp_path.rglob("*.json"))
    assert not list(tmp_path.glob("maccord-*"))
