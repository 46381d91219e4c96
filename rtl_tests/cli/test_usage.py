"""Bad input: one sentence on stderr that says what was wanted and what came, exit code 2."""

from __future__ import annotations

import json
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from command import ROOT, maccord
from PIL import Image

from maccord.cli import main as cli
from maccord.nets.networks import architecture
from maccord.sim import cli_layers
from maccord.sim.netlist import generated
from maccord.spec.parameters import Parameters

LAYER = "resnet18.conv1"


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(ROOT)
    handler = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, handler)


def fail(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[str, str]:
    """Run the command line in this process, with exit code 2; return what it wrote."""
    monkeypatch.setattr(sys, "argv", ["maccord", *arguments])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 2
    out, err = capsys.readouterr()
    return out, re.sub(r"^.*, \d+ s\n", "", err, flags=re.MULTILINE)  # how long it took so far


def refuse(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> str:
    """Run the command line in this process and return its one sentence."""
    out, err = fail(arguments, monkeypatch, capsys)
    assert out == "" and err.startswith("maccord: ") and err.count("\n") == 1
    return err


WRONG = {
    "unknown network": (["sim", "resnet81.conv1"], ["got 'resnet81'", "nearest: resnet18"]),
    "unknown layer": (["sim", "resnet18.conv11"], ["'resnet18.conv11'", "resnet18.conv1"]),
    "glob without layers": (["sim", "resnet18.conv9*"], ["got 'resnet18.conv9*'"]),
    "block": (["sim", "resnet18.layer1.0"], ["one module", "'resnet18.layer1.0.*'"]),
    "pool": (["sim", "resnet18.maxpool"], ["got resnet18.maxpool, which is a MaxPool2d"]),
    "average pool": (["sim", "resnet18.avgpool"], ["resnet18.avgpool"]),
    "residual add": (["sim", "resnet18.layer1.0.add"], ["which is a residual addition"]),
    "concatenation": (["sim", "squeezenet1_1.features.3.cat"], ["which is a concatenation"]),
    "ReLU": (["sim", "resnet18.layer1.0.relu1"], ["belongs to the layer before it"]),
    "dropout": (["sim", "vgg16.classifier.2"], ["vgg16.classifier.2, which is a Dropout"]),
    "no rows": (["sim", LAYER, "--rows", "0"], ["rows must be between 4 and 64, got 0"]),
    "too many cols": (["sim", LAYER, "--cols", "65"], ["cols must be between 2 and 64, got 65"]),
    "a word for rows": (["sim", LAYER, "--rows", "many"], ["--rows", "integer"]),
    "axi width": (["sim", LAYER, "--axi-bytes", "24"], ["axi_bytes must be a power of two"]),
    "no perturbation": (["sim", LAYER, "--perturb", "awgm:0.3"], ["awgm", "nearest: awgn"]),
    "negative sigma": (["sim", LAYER, "--perturb", "awgn:-1"], ["awgn", "above 0", "got -1"]),
    "half a streak": (["sim", LAYER, "--perturb", "vertical:2.5"], ["vertical", "whole number"]),
    "no level": (["sim", LAYER, "--perturb", "awgn"], ["kind:level"]),
    "box": (["sim", LAYER, "--bbox", "1,2,3"], ["bbox must be four whole numbers"]),
    "box outside": (
        ["sim", LAYER, "--perturb", "vertical:4", "--bbox", "0,0,225,9"],
        ["bbox must lie within 224 x 224 pixels"],
    ),
    "box of nothing": (["sim", LAYER, "--bbox", "0,0,9,9"], ["bbox needs", "got none"]),
    "box of noise": (
        ["sim", LAYER, "--perturb", "awgn:0.3", "--bbox", "0,0,9,9"],
        ["bbox needs a vertical or horizontal perturbation, got awgn"],
    ),
    "no image": (["sim", LAYER, "--image", "no.png"], ["image must be a readable", "no.png"]),
    "not an image": (["sim", LAYER, "--image", "README.md"], ["image must be", "README.md"]),
    "no calibration": (
        ["sim", LAYER, "--calibration", "nowhere"],
        ["calibration must be", "got nowhere: no such file or folder"],
    ),
    "calibration with other files": (
        ["sim", LAYER, "--calibration", "sim"],
        ["calibration must be a readable image file, got sim/"],
    ),
    "weights are a folder": (["sim", LAYER, "--weights", "sim"], ["got sim: it is a folder"]),
    "weights are a text": (["sim", LAYER, "--weights", "README.md"], ["weights must be", "README"]),
    "comma too many": (["sim", LAYER, "--perturb", "awgn:0.3,"], ["got ''"]),
    "no weights": (["sim", LAYER, "--weights", "no.pth"], ["weights must be", "no.pth"]),
    "no netlist": (["sim", LAYER, "--verilog", "no.v"], ["verilog must be", "no.v"]),
    "not a netlist": (["sim", LAYER, "--verilog", "README.md"], ["must have a module maccord"]),
    "negative seed": (["sim", LAYER, "--seed", "-1"], ["seed must be at least 0, got -1"]),
    "negative jobs": (["sim", LAYER, "--jobs", "-1"], ["jobs must be at least 0, got -1"]),
    "stalls": (["sim", LAYER, "--stalls", "1"], ["stalls must be between 0 and 0.9, got 1"]),
    "rare stalls": (["sim", LAYER, "--stalls", "0.001"], ["stalls must be 0, or at least 1/256"]),
    "window of no waves": (["sim", LAYER, "--window", "0:9"], ["window needs waves, got 0:9"]),
    "unwritable json": (
        ["sim", LAYER, "--json", "/proc/x.json"],
        ["json must be a file that can be written, got /proc/x.json: "],
    ),
    "unwritable dump": (["sim", LAYER, "--dump", "README.md/x"], ["dump must be", "README.md/x: "]),
    "unwritable out": (["sim", LAYER, "--out", "README.md"], ["out must be", "got README.md: "]),
    "unwritable layers": (["layers", "--json", "/proc/x.json"], ["json must be", "/proc/x.json: "]),
    "unwritable bench": (["bench", "--json", "/proc/x.json"], ["json must be", "/proc/x.json: "]),
    "no time to measure": (["bench", "--seconds", "0"], ["seconds must be above 0", "got 0"]),
    "window": (["sim", LAYER, "--window", "9"], ["window must be two cycles, FIRST:LAST"]),
    "json is a folder": (["sim", LAYER, "--json", "golden"], ["json must be a file", "golden"]),
    "no target": (["sim"], ["targets must be networks or layers", "got none"]),
    "dry run with waves": (
        ["sim", LAYER, "--dry-run", "--waves"],
        ["simulates nothing, got waves"],
    ),
    "dry run with a dump": (["sim", LAYER, "--dry-run", "--dump", "x"], ["nothing, got dump"]),
    "dry run with stalls": (
        ["sim", LAYER, "--dry-run", "--stalls", "0.1"],
        ["dry-run needs latency 30 and no stalls", "got latency 30 and stalls 0.1"],
    ),
    "dry run of what does not fit": (
        ["sim", "vgg16.features.28", "--activation-bytes", "2048", "--dry-run"],
        ["vgg16.features.28 does not fit: activation_bytes must be at least"],
    ),
    "no images": (["sim", LAYER, "--batch", "0"], ["batch must be at least 1, got 0"]),
    "no clock": (["sim", "resnet18", "--mhz", "0"], ["mhz must be above 0, got 0"]),
    "clock that is no number": (["sim", "resnet18", "--mhz", "nan"], ["mhz must be", "got nan"]),
    "parts below 1": (["sim", "resnet18", "--parts", "0"], ["parts must be at least 1, got 0"]),
    "parts of a stalling run": (
        ["sim", "resnet18", "--parts", "2", "--stalls", "0.1"],
        ["stalls needs the whole run, got parts 2"],
    ),
    "parts of waves": (
        ["sim", "resnet18", "--parts", "2", "--waves"],
        ["waves needs the whole run, got parts 2"],
    ),
    "parts of a layer": (
        ["sim", LAYER, "--parts", "2"],
        ["parts needs a whole network, got resnet18.conv1"],
    ),
    "interrupts": (
        ["sim", "resnet18", "--interrupts", "never"],
        ["interrupts must be one of network, layer, got 'never'"],
    ),
    "unwritable page": (["sim", "resnet18", "--html", "/proc/x.html"], ["html must be a file"]),
    "unwritable dump of a network": (["sim", "resnet18", "--dump", "/proc/x"], ["dump must be"]),
    "no module": (["sim", "--module", "nowhere:net"], ["module must be importable", "nowhere"]),
    "half a module": (["sim", "--module", "nowhere"], ["FILE.py:factory, got 'nowhere'"]),
    "module and weights": (
        ["sim", "--module", "toy_networks:Joined", "--weights", "README.md"],
        ["weights must come from the module's factory, got README.md"],
    ),
    "network beside a module": (
        ["sim", "resnet18", "--module", "toy_networks:Reshaped"],
        ["network must be one of Reshaped, got 'resnet18'"],
    ),
    "operator that there is not": (
        ["sim", "--module", "toy_networks:silu", "--strict"],
        ["silu.silu: operator must be one that maccord knows", "got silu"],
    ),
    "unknown option": (["sim", LAYER, "--row", "4"], ["--row"]),
    "unknown command": (["simulate", LAYER], ["simulate"]),
    "layers of nothing": (["layers", "resnet81"], ["got 'resnet81'"]),
    "nothing to compile": (["compile"], ["target must be a network or a layer", "got none"]),
    "compile of an unknown layer": (["compile", "resnet18.conv9"], ["layer must be", "conv9"]),
    "compile of several layers": (
        ["compile", "resnet18.layer1.*"],
        ["one network or layer, got 'resnet18.layer1.*', which means 4: resnet18.layer1.0.conv1, "],
    ),
    "compile of several networks": (
        ["compile", "resnet*"],
        ["one network or layer, got 'resnet*', which means 2: resnet18, resnet50"],
    ),
    "compile into a file": (["compile", LAYER, "-o", "README.md"], ["got the file README.md"]),
    "compile into the working folder": (["compile", LAYER, "-o", "."], ["of its own, got ."]),
    "compile into a full folder": (
        ["compile", LAYER, "-o", "docs"],
        ["out must be a new folder, an empty one", "got docs, which holds no manifest"],
    ),
    "compile where nothing can be written": (
        ["compile", LAYER, "-o", "/proc/x"],
        ["out must be a folder that can be written, got /proc/x: "],
    ),
    "words of a hex file": (
        ["compile", LAYER, "--hex", "--word-bytes", "3"],
        ["word_bytes must be 0 or a power of two, 1 to 64, got 3"],
    ),
    "words of no hex file": (["compile", LAYER, "--word-bytes", "4"], ["word-bytes needs hex"]),
    "compile of what does not fit": (
        ["compile", "resnet18.layer4.1.conv2", "--activation-bytes", "2048"],
        ["resnet18.layer4.1.conv2 does not fit: activation_bytes must be at least"],
    ),
    "compile with a module that is none": (
        ["compile", "--module", "nowhere:net"],
        ["module must be importable", "nowhere"],
    ),
    "compile of images that are none": (
        ["compile", LAYER, "--image", "no.png"],
        ["image must be a readable", "no.png"],
    ),
    "verilog of nothing": (["verilog", "--rows", "3"], ["rows must be between 4 and 64, got 3"]),
}


@pytest.mark.parametrize("case", WRONG)
def test_bad_input_is_one_sentence(
    case: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments, words = WRONG[case]
    said = refuse(arguments, monkeypatch, capsys)
    assert all(word in said for word in words), said


def test_checkpoint_of_another_architecture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "squeezenet.pth"
    model = architecture("squeezenet1_1").outline().to_empty(device="cpu")
    torch.save(model.state_dict(), path)
    said = refuse(["sim", LAYER, "--weights", str(path)], monkeypatch, capsys)
    assert "resnet18" in said


def test_a_netlist_with_other_ports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "other.v"
    path.write_text("module maccord(input aclk, output irq);\nendmodule\n")
    said = refuse(["sim", LAYER, "--verilog", str(path)], monkeypatch, capsys)
    assert "port" in said


def test_a_netlist_with_a_syntax_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "broken.v"
    path.write_text(generated(Parameters(rows=4, cols=4)) + "\nmodule other(; endmodule\n")
    size = ["--rows", "4", "--cols", "4", "--out", str(tmp_path)]
    out, err = fail(["sim", "resnet18.fc", *size, "--verilog", str(path)], monkeypatch, capsys)
    last = err.splitlines()[-1]
    assert last.startswith("maccord: verilog must be a netlist that Verilator accepts, got ")
    assert out == "" and f"got {path}:" in last and "syntax error" in last


def test_a_layer_too_big_for_the_memories(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["sim", "vgg16.features.28", "--activation-bytes", "2048"]
    said = refuse(arguments, monkeypatch, capsys)
    assert "vgg16.features.28 does not fit: activation_bytes must be at least" in said


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"CXX": "no-such-compiler"}, "A C++ compiler must be installed"),
        ({"PATH": "/nonexistent"}, "must be installed"),
    ],
)
def test_no_compiler(env: dict[str, str], words: str) -> None:
    done = maccord("sim", LAYER, env=env)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.parametrize("debug", [False, True])
def test_a_mistake_of_ours_is_no_mismatch(
    debug: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise IndexError("pop from\nan empty list")

    monkeypatch.setattr(cli_layers, "run", broken)
    monkeypatch.setattr(sys, "argv", ["maccord", "layers"])
    monkeypatch.setenv("MACCORD_DEBUG", "1" if debug else "")
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 3
    err = capsys.readouterr().err
    said = "maccord: internal error, please report: IndexError: pop from an empty list\n"
    assert err.endswith(said)
    assert ("Traceback" in err) is debug
    assert debug or err == said


def test_help_teaches() -> None:
    assert "maccord sim resnet18.conv1" in maccord("sim", "--help").stdout
    done = maccord("--help")
    assert done.returncode == 0
    assert all(name in done.stdout for name in ("sim", "layers", "verilog", "bench"))


def test_layers_are_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "layers.json"
    monkeypatch.setattr(sys, "argv", ["maccord", "layers", "resnet18", "nin", "--json", str(path)])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 0
    rows = json.loads(path.read_text())
    assert len(rows) == 21 + 13
    first = next(row for row in rows if row["layer"] == LAYER)
    assert first == {
        "layer": LAYER,
        "op": "conv2d_relu",
        "input_shape": [1, 224, 224, 3],
        "output_shape": [1, 112, 112, 64],
        "kernel": [7, 7],
        "stride": [2, 2],
        "padding": [3, 3],
        "end_padding": [3, 3],
        "dilation": [1, 1],
        "groups": 1,
        "weight_bits": 8,
        "macs": 118_013_952,
        "runs_on": "accelerator",
    }
    assert "nin.head" in capsys.readouterr().out


def test_verilog_is_written_with_its_parameters(tmp_path: Path) -> None:
    arguments = ("verilog", "--rows", "4", "--cols", "4", "-o")
    for name in ("one", "two"):
        done = maccord(*arguments, str(tmp_path / name))
        assert done.returncode == 0, done.stderr
    written = {path.name: path.read_bytes() for path in (tmp_path / "one").iterdir()}
    endings = (".v", ".json", ".rdl", ".core", ".vlt", ".h")
    shared = {"maccord.h", "maccord_driver.c", "maccord_driver.h"}
    assert set(written) == shared | {f"maccord_r4c4{ending}" for ending in endings}
    assert json.loads(written["maccord_r4c4.json"])["parameters"]["rows"] == 4
    again = {path.name: path.read_bytes() for path in (tmp_path / "two").iterdir()}
    assert again == written


def test_an_image_of_the_user_changes_what_is_recorded(tmp_path: Path) -> None:
    from maccord.sim.inputs import Inputs
    from maccord.sim.recording import record_all

    path = tmp_path / "noise.png"
    pixels = np.random.default_rng(0).integers(0, 256, (300, 260, 3), np.uint8)
    Image.fromarray(pixels).save(path)
    default, mine = (record_all([LAYER], Inputs(image=image))[0] for image in (None, path))
    assert default.x_q.shape == mine.x_q.shape == (1, 224, 224, 3)
    assert not np.array_equal(default.x_q, mine.x_q)
