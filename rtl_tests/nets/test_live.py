"""Fake quantization with observers left on: what follows the images, and what starts afresh."""

import warnings

import numpy as np
import pytest
import torch
from torch import nn

from maccord.nets.framework import fake_quantizers, prepare_live
from maccord.nets.live import LiveNetwork

SIZE = 12


class Small(nn.Module):
    """Two convolutions, a sum, and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 6, 3, padding=1)
        self.norm = nn.BatchNorm2d(6)
        self.relu = nn.ReLU()
        self.second = nn.Conv2d(6, 6, 1)
        self.fc = nn.Linear(6, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.relu(self.norm(self.first(x)))
        x = x + self.second(x)
        return self.fc(x.mean([2, 3]))


def build(seed: int = 0) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Small().eval()


def images(seed: int, count: int = 4, spread: float = 1.0) -> np.ndarray:
    draw = np.random.default_rng(seed).normal(0, spread, (count, 3, SIZE, SIZE))
    return draw.astype(np.float32)


@pytest.mark.parametrize("scope", ["out_channels", "all"])
def test_same_images_same_logits_after_a_reset_and_not_before(scope: str) -> None:
    network = LiveNetwork(build(), images(0, 1), scope)
    batches = [images(1), images(2, spread=3.0), images(1)]
    first = [network.logits(batch) for batch in batches]
    assert first[0].shape == (4, 5) and first[0].dtype == np.float32
    assert not np.array_equal(first[0], first[2])  # the noisy batch between is remembered
    network.reset()
    again = [network.logits(batch) for batch in batches]
    other = LiveNetwork(build(), images(7, 1), scope)  # the example's values play no part
    third = [other.logits(batch) for batch in batches]
    for one, two, three in zip(first, again, third, strict=True):
        np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(one, three)


def test_a_convolution_by_hand() -> None:
    """Observers and fake quantization called one by one, for two batches."""
    from torch.ao import quantization

    model = nn.Sequential(build().get_submodule("first")).eval()
    network = LiveNetwork(model, images(0, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        sides = [quantization.HistogramObserver(quant_min=0, quant_max=255) for _ in range(2)]
        kernel = quantization.PerChannelMinMaxObserver(
            dtype=torch.qint8,
            qscheme=torch.per_channel_symmetric,
            quant_min=-128,
            quant_max=127,
        )

    def fake(x: torch.Tensor, observer: nn.Module) -> torch.Tensor:
        observer(x)
        scale, zero_point = observer.calculate_qparams()
        zero_point = zero_point.to(torch.int32)
        return torch.fake_quantize_per_tensor_affine(x, scale, zero_point, 0, 255)

    for seed, spread in ((1, 1.0), (2, 4.0)):
        batch = images(seed, spread=spread)
        with torch.no_grad():
            weight = model[0].weight
            kernel(weight)
            scale, zero_points = kernel.calculate_qparams()
            weight = torch.fake_quantize_per_channel_affine(
                weight, scale, zero_points.to(torch.int32), 0, -128, 127
            )
            x = fake(torch.from_numpy(batch), sides[0])
            y = fake(nn.functional.conv2d(x, weight, model[0].bias, padding=1), sides[1])
        np.testing.assert_array_equal(network.logits(batch), y.numpy())


def test_scales_follow_the_noise() -> None:
    network = LiveNetwork(build(), images(0, 1))
    clean = build()(torch.from_numpy(images(3, spread=20.0))).detach().numpy()
    network.logits(images(1))
    noisy = network.logits(images(3, spread=20.0))
    # with the scales of the first batch, images twenty times as wide would be cut off
    assert np.abs(noisy - clean).max() < 0.05 * np.abs(clean).max()


def test_what_is_quantized() -> None:
    example = torch.from_numpy(images(0, 1))
    few = {path.split(".")[0] for path in fake_quantizers(prepare_live(build(), example, ""))}
    assert {name for name in few if not name.startswith("activation")} == {"first", "second"}
    found = fake_quantizers(prepare_live(build(), example, "all"))
    every = {path.split(".")[0] for path in found}
    assert {name for name in every if not name.startswith("activation")} == {
        *("first", "second", "fc"),
    }
    assert len(every) > len(few) + 1  # the sum and the output besides
    for module in found.values():
        assert int(module.observer_enabled) == int(module.fake_quant_enabled) == 1
        assert not module.training


def test_the_model_stays_as_it_is() -> None:
    model = build().train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    modules = [type(module) for module in model.modules()]
    LiveNetwork(model, images(0, 1)).logits(images(1))
    assert [type(module) for module in model.modules()] == modules
    assert model.training and not any(hasattr(module, "qconfig") for module in model.modules())
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])


def test_refusals() -> None:
    with pytest.raises(ValueError, match="scope must be out_channels or all, got some"):
        LiveNetwork(build(), images(0, 1), "some")
    network = LiveNetwork(build(), images(0, 1))
    with pytest.raises(ValueError, match=r"images must have shape \(N, 3, 12, 12\), got"):
        network.logits(images(0)[:, :, 1:])
    with pytest.raises(ValueError, match="input must be float32"):
        network.logits(images(0).astype(np.float64))
