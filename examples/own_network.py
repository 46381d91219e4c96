"""A network of one's own, from a torch module to an RTL run that equals PyTorch."""

import numpy as np
from torch import nn

from maccord import api

network = nn.Sequential(
    nn.Conv2d(3, 16, 3, stride=2, padding=1),
    nn.ReLU(),
    nn.Conv2d(16, 24, 3, padding=1, groups=8),
    nn.ReLU(),
    nn.AdaptiveAvgPool2d(1),
    nn.Flatten(),
    nn.Linear(24, 10),
).eval()

images = np.random.default_rng(1).normal(size=(4, 3, 32, 32)).astype(np.float32)
quantized = api.quantize(network, images, name="mine")
accelerator = api.Parameters(rows=4, cols=4, axi_bytes=8)

program = api.compile_network(quantized, accelerator)
print(f"{len(program.program)} instructions, {program.estimate:,} cycles estimated")

run = api.simulate(quantized, images[:1], accelerator)
for name, codes in run.rtl.items():
    print(f"{name:12} {codes.shape!s:16} equal: {np.array_equal(codes, run.torch[name])}")
print(f"{run.cycles:,} cycles, all equal: {run.equal}")
raise SystemExit(0 if run.equal else 1)
