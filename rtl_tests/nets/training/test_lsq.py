"""LSQ against the paper's equations: by hand, by finite differences, and beside torch's own op."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from maccord.nets.training.lsq import LearnedStep, attach, detach, quantize, span, widths


def gradients(weight: torch.Tensor, step: float, bits: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Gradients of sum(upstream * quantized) in weights and step, with a fixed upstream."""
    w = weight.clone().requires_grad_()
    s = torch.tensor(step, dtype=weight.dtype, requires_grad=True)
    (quantize(w, s, bits) * _upstream(weight)).sum().backward()
    assert w.grad is not None
    assert s.grad is not None
    return w.grad, s.grad


def _upstream(weight: torch.Tensor) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(weight.shape, dtype=weight.dtype, generator=generator)


def weights(count: int = 4001, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_by_hand() -> None:
    """Step 0.5, 2 bits: codes -2 to 1; inside: -0.35 and 0.2; outside: -3, 0.6 and 5."""
    weight = torch.tensor([-3.0, -0.35, 0.2, 0.6, 5.0], dtype=torch.float64)
    step = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    w = weight.clone().requires_grad_()
    quantized = quantize(w, step, 2)
    assert quantized.tolist() == [-1.0, -0.5, 0.0, 0.5, 0.5]
    quantized.sum().backward()
    assert w.grad is not None
    assert step.grad is not None
    assert w.grad.tolist() == [0, 1, 1, 0, 0]
    terms = -2 + (-1 + 0.7) + (0 - 0.4) + 1 + 1
    assert step.grad.item() == pytest.approx(terms / math.sqrt(5 * 1), abs=1e-12)


@pytest.mark.parametrize("bits", [8, 4, 2])
def test_the_step_gradient_is_the_finite_difference_plus_the_straight_through_term(
    bits: int,
) -> None:
    """Round's derivative is 0 almost everywhere; passed through as 1, it adds -w / s inside."""
    weight, step, h = weights(), 0.31 if bits == 2 else 0.05, 1e-7
    below, above = span(bits)
    ratio = weight / step
    near = torch.minimum((ratio - ratio.floor() - 0.5).abs(), (ratio - below).abs())
    kept = weight[near > 1e-4]  # no code changes within h
    up, down = (
        quantize(kept, torch.tensor(step + sign * h, dtype=torch.float64), bits) for sign in (1, -1)
    )
    ratio = kept / step
    inside = (ratio > -below) & (ratio < above)
    by_step = (up - down) / (2 * h) - torch.where(inside, ratio, 0.0)
    expected = (by_step * _upstream(kept)).sum() / math.sqrt(len(kept) * above)
    found = gradients(kept, step, bits)[1]
    assert found.item() == pytest.approx(expected.item(), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("bits", [8, 4, 2])
def test_the_weights_gradient_passes_inside_only(bits: int) -> None:
    weight, step = weights(), 0.31
    below, above = span(bits)
    ratio = weight / step
    expected = torch.where((ratio > -below) & (ratio < above), _upstream(weight), 0.0)
    torch.testing.assert_close(gradients(weight, step, bits)[0], expected, rtol=0, atol=0)


def test_torchs_own_operator_has_another_step_gradient_at_2_bits() -> None:
    weight = weights().float()
    below, above = span(2)
    step = 2 * weight.abs().mean().item() / math.sqrt(above)
    s = torch.tensor([step], requires_grad=True)
    zero = torch.zeros(1)
    theirs = torch._fake_quantize_learnable_per_tensor_affine(
        weight, s, zero, -below, above, 1 / math.sqrt(weight.numel() * above)
    )
    theirs.sum().backward()
    own = torch.tensor(step, requires_grad=True)
    quantize(weight, own, 2).sum().backward()
    assert s.grad is not None
    assert own.grad is not None
    assert abs(s.grad.item() - own.grad.item()) > 0.5 * abs(own.grad.item())


def test_the_first_step() -> None:
    weight = torch.tensor([[1.0, -3.0]])
    assert LearnedStep(weight, 4).step.item() == pytest.approx(2 * 2 / math.sqrt(7))
    with pytest.raises(ValueError, match="weight bits must be one of 8, 4, 2, got 3"):
        LearnedStep(weight, 3)


def network() -> nn.Sequential:
    torch.manual_seed(3)
    layers = [nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU()]
    layers += [nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*layers, nn.Linear(8, 4))


def test_attach_negates_channels_and_detach_keeps_names() -> None:
    model = network()
    norm = model[1]
    assert isinstance(norm, nn.BatchNorm2d)
    norm.weight.data[::2] *= -1
    norm.running_mean = torch.randn(8)
    names = set(model.state_dict())
    x = torch.randn(2, 3, 9, 9)
    before = model.eval()(x)
    project = attach(model, {})
    assert (norm.weight >= 0).all()
    torch.testing.assert_close(model(x), before)
    norm.weight.data[0] = -1
    project()
    assert norm.weight[0] == 0
    attach(model, widths(model, 2))
    after = model(x)
    detach(model)
    assert set(model.state_dict()) == names
    torch.testing.assert_close(model(x), after, rtol=0, atol=0)
    layer = model[3]
    assert isinstance(layer, nn.Conv2d)
    assert len(layer.weight.unique()) <= 4  # 2 bits
    first = model[0]
    assert isinstance(first, nn.Conv2d)
    assert len(first.weight.unique()) > 16  # 8 bits


def test_the_step_stays_positive() -> None:
    learned = LearnedStep(torch.randn(4, 4), 4)
    learned.step.data.fill_(-0.25)
    assert set((learned(torch.randn(4, 4)) / 0.25).unique().tolist()) <= set(range(-8, 8))
    learned.step.data.fill_(0.0)
    assert torch.isfinite(learned(torch.randn(4, 4))).all()
