"""Depthwise windows that reach back to what was scanned before: RTL equals PyTorch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from leads import most_leads
from test_window_modes import CONFIGURATIONS
from torch import nn

from maccord.api.testing import assert_equal_in_rtl

pytestmark = pytest.mark.usefixtures("quick_builds")

CHANNELS = 8


def depthwise(kernel: int, stride: int = 1, padding: int = 0) -> nn.Conv2d:
    padding = padding or kernel // 2
    return nn.Conv2d(CHANNELS, CHANNELS, kernel, stride, padding, groups=CHANNELS)


def network() -> nn.Module:
    """Kernels of one and of several passes, on lines of several lengths, a maximum between them."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(6)
        return nn.Sequential(
            nn.Conv2d(3, CHANNELS, 1),
            depthwise(3),
            nn.ReLU(),
            depthwise(5),
            nn.MaxPool2d(3, 1),
            depthwise(3, padding=2),
            nn.ReLU(),
            depthwise(7),
            depthwise(3, stride=2),
            nn.ReLU(),
            depthwise(5),
            nn.Flatten(),
            nn.Linear(CHANNELS * 36, 4),
        ).eval()


@pytest.mark.parametrize("name", ["9x4 bus 8", "15x4 bus 8 windows 5"])
def test_every_kernel_equals_pytorch(name: str) -> None:
    images = np.random.default_rng(6).normal(size=(2, 3, 11, 11)).astype(np.float32)
    with most_leads():
        found = assert_equal_in_rtl(network(), images, CONFIGURATIONS[name])
    assert found.cycles
