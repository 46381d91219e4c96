"""A folder of `api.export` on the accelerator in RTL, loaded and started by the C driver."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerator_bench import CONFIGURATIONS, netlist
from driver_library import library
from driver_runs import simulate_driver
from torch import nn

from maccord import api
from maccord.sim.simulate import Job

pytestmark = pytest.mark.usefixtures("quick_builds")

SIZE = CONFIGURATIONS["4x4 bus 8"]


def exported(folder: Path) -> Path:
    """Two images through a convolution, a max pool and a classifier."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        body = (nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())
        model = nn.Sequential(*body, nn.Linear(96, 5)).eval()
    images = np.random.default_rng(3).normal(size=(2, 3, 8, 8)).astype(np.float32)
    api.export(api.quantize(model, images, "net"), images, folder, SIZE)
    return folder


def test_rtl_computes_what_is_expected(tmp_path: Path) -> None:
    """`memory.bin` without its program, `program.bin` by `maccord_load`; then a weight changed."""
    folder = exported(tmp_path / "net")
    manifest = json.loads((folder / "manifest.json").read_text())
    place, first = manifest["memory"], manifest["steps"][0]
    memory = np.fromfile(folder / "memory.bin", np.uint8)
    memory[place["program_offset"] :][: place["program_bytes"]] = 0
    code = (folder / "program.bin").read_bytes().hex()
    shared = library(tmp_path)
    weight = first["weights_offset"] + first["weights_bytes"] // 2
    for flipped in (0, 0x80):
        memory[weight] ^= flipped
        job = Job(netlist(SIZE), SIZE.axi_bytes, memory, place["program_offset"], [])
        settings = {"scenario": "layer", "code": code, "interrupt": False, "meddle": False}
        found, after = simulate_driver(job, shared, **settings)
        assert (found["ended"], found["error"]) == ("OK", 0)
        assert found["observed"]["protocol_errors"] == 0
        wrong = set()
        kept = [tensor for tensor in manifest["tensors"] if tensor["kept"]]
        assert len(kept) == 4  # all but the convolution's, over which the logits are written
        for tensor in kept:
            assert tensor["rows"] == 1
            codes = after[tensor["offset"] :][: tensor["size_bytes"]] ^ np.uint8(0x80)
            if not np.array_equal(codes, np.load(folder / tensor["expected"]).ravel()):
                wrong.add(tensor["name"])
        assert manifest["input"] not in wrong
        # the pool and what is flattened of it; rounding may keep the logits
        assert wrong >= {"net.2", "net.3"} if flipped else not wrong
