"""The first thing after a typo is the sentence: within a second, before PyTorch is imported."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from command import ROOT

from maccord.nets import library
from maccord.sim.names import computed, known

LAYER = "resnet18.conv1"
PACKED = (
    "family must be xcup with packed, or ecp5 with weights of 4 bits or fewer (--array-weight-bits)"
)
MOVED = "family must be xcup, with packed (--family xcup --packed), got 'xcup-packed'"
OWN = "sim examples/own_network.py:net"
PHOTOS = "folder:nowhere"
TYPOS = {
    "sim resnet81": "got 'resnet81', nearest: resnet18",
    "sim resnet18.conv11": "got 'resnet18.conv11', nearest: resnet18.conv1",
    "sim vgg16.feature.0": "nearest: vgg16.features.0",
    "sim resnet18.conv1 resnet50.layer9.*": "got 'resnet50.layer9.*'",
    "sim resnet18.maxpool": "which is a MaxPool2d",
    f"sim {LAYER} --rows 3": "rows must be between 4 and 64, got 3",
    f"sim {LAYER} --cols 65": "cols must be between 2 and 64, got 65",
    f"sim {LAYER} --axi-bytes 24": "axi_bytes must be a power of two",
    f"sim {LAYER} --rowz 8": "No such option: --rowz",
    f"sim {LAYER} --family ecp55": "family must be",
    f"sim {LAYER} --family xcup-packed": MOVED,
    f"sim {LAYER} --packed": f"{PACKED}, got 'generic' and 8 bits",
    f"sim {LAYER} --gate ecp5 --packed": f"{PACKED}, got 'ecp5' and 8 bits",
    f"sim {LAYER} --latency 1": "latency must be between 2 and 65535, got 1",
    f"sim {LAYER} --stalls 2": "stalls must be between 0 and 0.9, got 2",
    f"sim {LAYER} --mhz inf": "mhz must be finite, got inf",
    f"sim {LAYER} --batch 100000": "batch must be at most 256, got 100000",
    f"sim {LAYER} --seed -1": "seed must be at least 0, got -1",
    f"sim {LAYER} --perturb awgm:0.3": "nearest: awgn",
    f"sim {LAYER} --bbox 1,2,3": "bbox must be four whole numbers",
    f"sim {LAYER} --image no.png": "image must be a readable image file, got no.png",
    f"sim {LAYER} --verilog no.v": "verilog must be a readable netlist, got no.v: No such file",
    f"sim {LAYER} --verilog README.md": "got README.md: the netlist must have a module maccord",
    f"sim {LAYER} --weight-bits 3": "weight-bits must be auto, 8, 4 or 2, got 3",
    f"sim {LAYER} --window-width 4": "window_width must be 3 or 5, got 4",
    f"sim {LAYER} --perturb awgn": "perturbation must be kind:level with a number, as awgn:0.3",
    "sim foo.onnx": "target must be a readable file, got foo.onnx: no such file",
    f"sim {LAYER} --weights no.pth": "got no.pth: no such file",
    f"sim {LAYER} --calibration nowhere": "got nowhere: no such file or folder",
    f"sim {LAYER} --json /proc/x.json": "json must be a file that can be written",
    f"sim {LAYER} --cache README.md": "the cache must be a folder that can be written, got",
    "regress --case docs --coverage --runs 0": (
        "case must be the only option, since the file says all; got --coverage, --runs"
    ),
    "regress --case nowhere.json": "case must be a file that regress wrote to failures/",
    "compile resnet81": "got 'resnet81', nearest: resnet18",
    "compile resnet18.conv11": "got 'resnet18.conv11', nearest: resnet18.conv1",
    "compile resnet18.layer1.*": "which means 4: resnet18.layer1.0.conv1, ",
    f"compile {LAYER} -o docs": "got docs, which holds no manifest",
    f"compile {LAYER} --rows 3": "rows must be between 4 and 64, got 3",
    "sim --module nowhere:net": "module must be importable, got nowhere:net",
    "sim nowhere.py:net": "module must be a readable file, got nowhere.py:net: no such file",
    "sim mine.py:net --module other:net": "must be one at a time, a file or "
    "FILE.py:factory, got mine.py:net, other:net",
    "sim resnet18 --input-shape 3,32,32": "input-shape must be of a module, a network of your own",
    "sim resnet18 --mean 0.5": "mean must be of a module, a network of your own",
    "sim resnet18 --input no.npy": "input must be an .npy file of floats, or of uint8 codes, got ",
    "sim resnet18 --input no.png": "input must be a readable image file, got no.png",
    "sim resnet18 --input no.npy --image no.png": "image or input must be given, got both",
    f"{OWN} --input-shape 3,32,32,1": "input-shape must be C,H,W, or C,L or L,C, or K, got 4 num",
    f"{OWN} --input-shape 3,-2": "input-shape must be C,H,W, or C,L or L,C, or K, got '3,-2'",
    f"{OWN} --input-shape 3,0,2": "input-shape must be of numbers from 1 to 65536, got 3 x 0 x 2",
    f"{OWN} --input-shape 9000,9000": "input-shape must have at most 16777216 elements, got 81000",
    f"{OWN} --input-shape 5 --bbox 0,0,4,4": "bbox needs a vertical or horizontal perturbation",
    f"{OWN} --mean 1,2": "mean must be one finite number, or three, got 1,2",
    f"{OWN} --mean a": "mean must be one number, or three, got 'a'",
    f"{OWN} --std 0": "std must be above 0, got 0",
    f"{OWN} --resize 2x": "resize must be SIDE or HxW in pixels, got '2x'",
    f"{OWN} --resize 100": "resize must be between 224 and 8192 for a crop of 224 x 224, got 100",
    f"{OWN} --input-shape 2,8 --resize 9": "images need an input of 3 x H x W, or 1 x H x W for",
    f"{OWN} --input-shape 8 --calibration no.npy": "got no.npy: no such file or folder",
    "compile resnet18 --input-shape 3,32,32": "input-shape must be of a module, a network of your",
    "sim resnet18 --classes no.txt": "classes must be a text file with one name a line, got no.txt",
    "sim resnet18 --waves --waves-layer resnet18.conv11": "(nearest: resnet18.conv1)",
    "sim resnet18 --waves-layer resnet18.conv1": "waves-layer needs waves, got resnet18.conv1",
    f"sim {LAYER} --waves --waves-layer {LAYER}": "waves-layer needs one whole network, got",
    f"sim {LAYER} -q -v": "output must be verbose or quiet, got both",
    f"sim {LAYER} --classes README.md": "line 2 is empty",
    "layers resnet81": "got 'resnet81'",
    "verilog --family ecp55": "family must be one of generic",
    "verilog --family xcup-packed": MOVED,
    "verilog --family xcup --packed --cols 5": "cols must be even with packed, got 5",
    "verilog --out README.md": "out must be a folder that can be written",
    "verilog --rows 3": "rows must be between 4 and 64, got 3",
    "bench --seconds 0": "seconds must be above 0",
    "study --networks resnet81": "got resnet81 (nearest: resnet18)",
    "study --weights resnet18=/nonexistent": "got /nonexistent: no such file",
    "study --data foo": "data must be one of digits, aircraft:PATH",
    f"study --data {PHOTOS} --networks resnet18": "got folder:nowhere: no such folder",
    "study --device cuba": "device must be cpu or cuda, got cuba",
    "study --scheduler foo": "scheduler must be processes or dask:ADDRESS, got 'foo'",
    "study --models int9": "got int9",
    "study --perturb awgm:1": "(nearest: awgn)",
    "study --out README.md": "out must be a folder that can be written",
    "train resnet18 --data digits --device cuba": "device must be cpu or cuda, got cuba",
    "train resnet18 --data digits --rate nan": "rate must be a number above 0, got nan",
    "train resnet18 --data digits --out README.md": "out must be a folder that can be written",
    "train resnet81 --data digits": "got resnet81 (nearest: resnet18)",
    f"train resnet18 --data {PHOTOS}": "got folder:nowhere: no such folder",
    "train resnet18 --data digits --init no.pth": "init must be a readable checkpoint, got no.pth",
    "export resnet18": "onnx must name the file to write, got none: --onnx FILE",
    "export resnet18.conv1 --onnx x.onnx": "target must be a whole network, got resnet18.conv1",
    "compare no.json no.json": "results must be a readable file, got no.json: No such file",
    "cache --cleer": "No such option: --cleer",
    "explore resnet18 --target ecp5-85": "ecp5-85k",
    "explore resnet81 --target ecp5-85k": "got resnet81 (nearest: resnet18)",
    "explore resnet18.conv1": "got resnet18.conv1 (nearest: resnet18)",
    "explore resnet18 --area gatez": "area must be one of dsp, bram",
    "explore resnet18 --target xcup --family xcup,xcup-packed": MOVED,
    "explore resnet18 --packed yes": PACKED,
    "explore resnet18 --target xcup --packed 1": "packed must be no or yes, or both",
    "explore resnet18 --cycles foo": "cycles must be one of model, rtl, got 'foo'",
    "explore resnet18 --axi-bytes 24": "axi_bytes must be a power of two, got 24",
    "explore resnet18 --out README.md": "out must be a folder that can be written",
    "explore resnet18 --target ecp5-85k --cache README.md": "cache must be a folder that can be",
    "explore resnet18 --target ecp5-85k --rows 3": "rows must be between 4 and 64, got 3",
    "synth --target ecp5-85": "ecp5-85k",
    "synth --target ecp5-85k --unit core.compute.ader": "(nearest: core.compute.adder)",
    "synth --target ecp5-85k --unit core.compute.datapath.requantizer_8": "numbers below 8 in",
    "synth --target ecp5-85k --rows 3": "rows must be between 4 and 64, got 3",
    "synth --target ecp5-85k --family xc7": "family must be ecp5 or generic",
    "synth --target xcup --family xcup-packed": MOVED,
    "synth --target ecp5-85k --packed": PACKED,
    "synth --target ecp5-85k --seeds 0": "seeds must be different positive numbers",
    "synth --target ecp5-85k --mhz nan": "mhz must be between 1 and 1000, got nan",
    "synth --target ecp5-85k --minutes 0": "minutes must be at least 1, got 0",
    "explore resnet18 --minutes 0": "minutes must be at least 1, got 0",
    "synth --target ecp5-85k --json /proc/x.json": "json must be a file that can be written",
    "synth --target ecp5-85k --out README.md": "out must be a folder that can be written",
    "synthesize": "No such command",
}


@pytest.fixture(scope="module")
def found() -> dict[str, dict]:
    """What each command line did, all in one process of their own."""
    lines = [typo.split() for typo in TYPOS]
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("typos.py"))],
        cwd=ROOT, input=json.dumps(lines), capture_output=True, text=True, check=True,
    )  # fmt: skip
    return dict(zip(TYPOS, json.loads(done.stdout), strict=True))


@pytest.mark.parametrize("typo", TYPOS)
def test_a_typo_is_a_sentence_within_a_second(typo: str, found: dict[str, dict]) -> None:
    run = found[typo]
    assert run["code"] == 2, run
    assert run["out"] == "" and run["err"].startswith("maccord: ") and run["err"].count("\n") == 1
    assert TYPOS[typo] in run["err"]
    assert run["heavy"] == []
    assert run["seconds"] < 1, run  # of processor time


@pytest.mark.nightly  # all networks have to be quantized
def test_the_table_of_names_is_that_of_the_networks() -> None:
    """If it is not: `python -m maccord.sim.names` writes it anew."""
    assert known() == computed(library.NETWORKS)


def test_the_table_of_names_has_every_network() -> None:
    assert [*known()] == [*library.NETWORKS]
    small = ["squeezenet1_1"]
    assert computed(small) == {name: known()[name] for name in small}
