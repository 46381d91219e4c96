"""Networks with products in RTL: every tensor is that of PyTorch's own module."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from accelerator_bench import netlist
from test_window_modes import CONFIGURATIONS
from torch import nn
from torch.nn import functional

from maccord.nets.library import quantized
from maccord.sim.network.run import run_network
from maccord.sim.network.task import NetworkTask
from maccord.sim.recording import record_network
from maccord.sim.results import CLEAN, Outcome, Verdict
from maccord.spec.parameters import Parameters

pytestmark = pytest.mark.usefixtures("quick_builds")

ARRAYS = {
    "9x4": CONFIGURATIONS["9x4 bus 8"],
    "4x2, 1 lane": Parameters(
        *(4, 2, 1, 8),
        activation_bytes=1 << 12,
        weight_bytes=1 << 10,
        output_bytes=1 << 10,
        accumulators=32,
        line_cells=16,
        product=True,
    ),
}
RNG = np.random.default_rng(11)
IMAGES = [RNG.normal(size=(1, 3, 14, 14)).astype(np.float32) for _ in range(3)]


class Gated(nn.Module):
    """A squeeze-and-excitation, a product of two branches, and a product with a number."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 10, 2, stride=2)
        self.squeeze, self.excite = nn.Conv2d(10, 3, 1), nn.Conv2d(3, 10, 1)
        self.a, self.b = nn.Conv2d(10, 9, 1), nn.Conv2d(10, 9, 1)
        self.fc = nn.Linear(9, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.relu(self.stem(x))
        gate = functional.relu(self.squeeze(functional.adaptive_avg_pool2d(x, 1)))
        x = torch.clamp(self.excite(gate) * 0.5, 0.0, 1.0) * x
        x = functional.relu(self.a(x) * self.b(x))
        return self.fc(torch.flatten(functional.adaptive_avg_pool2d(x, 1), 1))


class SqueezeExcitation(nn.Module):
    """As torchvision's, of MobileNetV3 and EfficientNet."""

    def __init__(self, channels: int, activation: nn.Module, scale_activation: nn.Module) -> None:
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc1, self.fc2 = nn.Conv2d(channels, 4, 1), nn.Conv2d(4, channels, 1)
        self.activation, self.scale_activation = activation, scale_activation

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scale = self.fc2(self.activation(self.fc1(self.avgpool(x))))
        return self.scale_activation(scale) * x


class Excited(nn.Module):
    """Blocks of both networks, swish by hand, and an activation behind a product."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 10, 2, stride=2)
        self.mobile = SqueezeExcitation(10, nn.ReLU(), nn.Hardsigmoid())
        self.efficient = SqueezeExcitation(10, nn.SiLU(), nn.Sigmoid())
        self.depthwise = nn.Conv2d(10, 10, 3, padding=1, groups=10)
        self.a, self.b = nn.Conv2d(10, 9, 1), nn.Conv2d(10, 9, 1)
        self.fc = nn.Linear(9, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.mobile(functional.hardswish(self.stem(x)))
        x = self.depthwise(x)
        x = self.efficient(x * torch.sigmoid(x))
        x = functional.hardswish(self.a(x) * self.b(x))
        return self.fc(torch.flatten(functional.adaptive_avg_pool2d(x, 1), 1))


def run(parameters: Parameters, kind: type[nn.Module] = Gated) -> Outcome:
    """Two images at once."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        model = kind().eval()
    network = quantized(model, "net", "seeded", IMAGES, strict=True)
    recording = record_network(network, CLEAN, np.concatenate(IMAGES[:2]), 0)
    return run_network(NetworkTask(recording, parameters, netlist(parameters)))


@pytest.mark.parametrize("name", ARRAYS)
def test_both_kinds_of_product(name: str) -> None:
    outcome = run(ARRAYS[name])
    assert (outcome.verdict, outcome.problems) == (Verdict.AGREES, ())
    result = outcome.result
    assert result is not None
    assert (result.mismatches_golden, result.mismatches_torch) == (0, 0)
    shapes = {stage.op: stage.input_shapes for stage in result.stages if "mul" in stage.op}
    assert shapes == {
        "mul": ((2, 7, 7, 10), (2, 1, 1, 10)),
        "mul_relu": ((2, 7, 7, 9), (2, 7, 7, 9)),
    }


@pytest.mark.nightly
@pytest.mark.parametrize("family", ["ecp5", "xc7", "xcup"])
def test_on_the_cells_of_families(family: str) -> None:
    outcome = run(replace(ARRAYS["9x4"], family=family), Excited)
    assert (outcome.verdict, outcome.problems) == (Verdict.AGREES, ())


def test_blocks_of_mobilenet_v3_and_efficientnet() -> None:
    """With tables: gates are fused in the convolutions, swish by hand is no product."""
    outcome = run(ARRAYS["9x4"], Excited)
    assert (outcome.verdict, outcome.problems) == (Verdict.AGREES, ())
    assert outcome.result is not None
    assert [stage.op for stage in outcome.result.stages] == [
        *("conv2d", "avg_pool2d", "conv2d_relu", "conv2d", "mul"),
        *("conv2d", "avg_pool2d", "conv2d", "conv2d", "mul"),
        *("conv2d", "conv2d", "mul", "avg_pool2d", "linear"),
    ]
