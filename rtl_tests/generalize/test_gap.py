"""Losses and gaps."""

import numpy as np
import pytest
import torch
from torch import nn

from maccord.generalize import gap as gaps
from maccord.generalize.gap import Losses


def losses(*values):
    return Losses(np.array(values), np.array(values) < 0.7)


def test_a_gap_is_test_minus_training_loss() -> None:
    assert gaps.gap(losses(0.1, 0.2, 0.3), losses(1.0, 2.0)) == pytest.approx(1.3)
    assert gaps.gap(losses(1.0, 2.0), losses(0.1, 0.2, 0.3)) == pytest.approx(-1.3)


def test_losses_are_pytorchs_cross_entropy() -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(300, 7) * 20, torch.arange(300) % 7
    found = gaps.losses_of_logits(logits.numpy(), labels.numpy())
    expected = nn.functional.cross_entropy(logits.double(), labels, reduction="none")
    np.testing.assert_allclose(found.loss, expected.numpy(), rtol=1e-10, atol=1e-12)
    np.testing.assert_array_equal(found.right, (logits.argmax(1) == labels).numpy())
    by_network = gaps.losses(nn.Identity(), logits, labels)
    np.testing.assert_array_equal(by_network.loss, found.loss)
