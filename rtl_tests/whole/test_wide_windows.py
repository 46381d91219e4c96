"""Depthwise kernels on windows of 3 x 5 cells: RTL equals the golden model and PyTorch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from test_window_modes import CONFIGURATIONS
from torch import nn

from maccord.api.testing import assert_equal_in_rtl

pytestmark = pytest.mark.usefixtures("quick_builds")

CHANNELS = 10
WIDE = CONFIGURATIONS["15x4 bus 8 windows 5"]


def depthwise(kernel: int, stride: int = 1, padding: int = 0) -> nn.Conv2d:
    return nn.Conv2d(CHANNELS, CHANNELS, kernel, stride, padding, groups=CHANNELS)


def network() -> nn.Module:
    """All kernels that take windows of another size or several passes, at both strides."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        return nn.Sequential(
            nn.Conv2d(3, CHANNELS, 1),
            depthwise(5, padding=2),
            nn.ReLU(),
            nn.ZeroPad2d((1, 2, 0, 3)),
            depthwise(5, stride=2),
            depthwise(7, padding=3),
            nn.ReLU(),
            depthwise(3, padding=1),
            depthwise(4, padding=1),
            nn.ZeroPad2d((2, 1, 1, 2)),
            depthwise(3, stride=2),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(CHANNELS, 4),
        ).eval()


def test_every_kernel_equals_pytorch() -> None:
    images = np.random.default_rng(5).normal(size=(2, 3, 19, 22)).astype(np.float32)
    found = assert_equal_in_rtl(network(), images, WIDE)
    assert found.cycles
