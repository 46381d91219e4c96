"""Write Verilog and stimulus, then run `testbench.py` on them with cocotb's own runner."""

import os
import sys
from pathlib import Path

import numpy as np
from cocotb_tools.runner import get_runner
from torch import nn

from maccord import api
from maccord.sim.toolchain import environment

FOLDER = Path(sys.argv[1] if len(sys.argv) > 1 else "build/own_testbench").absolute()
SIZE = api.Parameters(
    rows=4, cols=2, axi_bytes=8, activation_bytes=4096, weight_bytes=1024, output_bytes=1024,
    accumulators=64, line_cells=16,
)  # fmt: skip

# The program and its expected result: any network will do, here one convolution and a classifier.
layers = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
model = nn.Sequential(*layers, nn.Linear(4, 3)).eval()
images = np.random.default_rng(1).normal(size=(2, 3, 8, 8)).astype(np.float32)
network = api.quantize(model, images)
program = api.compile_network(network, SIZE)
tensors = api.golden(network, images[:1])
FOLDER.mkdir(parents=True, exist_ok=True)
np.savez(
    FOLDER / "stimulus.npz",
    memory=program.image(tensors[network.graph.input.name]),
    program=program.program_offset,
    output=program.areas[-1].base,
    expected=tensors[network.graph.output].ravel() ^ 0x80,  # memory holds code - 128
)
(FOLDER / "maccord.v").write_text(api.verilog(SIZE))

os.environ.update(environment(), STIMULUS=str(FOLDER / "stimulus.npz"))
runner = get_runner("verilator")
runner.build(
    sources=[FOLDER / "maccord.v"], hdl_toplevel="maccord", build_dir=FOLDER,
    build_args=["-Wno-fatal", "-Wno-lint", "-Wno-style"],
)  # fmt: skip
runner.test(hdl_toplevel="maccord", test_module="testbench", build_dir=FOLDER, test_dir=FOLDER)
