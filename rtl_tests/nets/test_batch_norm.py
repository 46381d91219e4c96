"""Batch norm as a layer: equal to PyTorch's own module on all codes of every channel."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.ao.nn import quantized
from torch.ao.nn.intrinsic import quantized as fused

from maccord.golden.graph import Quantization
from maccord.golden.network import compute
from maccord.nets import batch_norm
from maccord.nets.batch_norm import batch_norm_layer, fitted
from maccord.nets.framework import qnnpack
from maccord.nets.unsupported import Unsupported

CODES = np.arange(256, dtype=np.uint8)


def _module(seed: int, *, relu: bool) -> torch.nn.Module:
    """Channels that rise, fall and are dead, some of them steep, and 3 beyond a vector."""
    rng = np.random.default_rng(seed)
    generator = torch.Generator().manual_seed(seed)
    with qnnpack():
        module = (fused.BNReLU2d if relu else quantized.BatchNorm2d)(35)
    spread = float(rng.choice([0.1, 1.0, 4.0]))
    module.weight.data = spread * torch.randn(35, generator=generator)
    module.weight.data[5] = 0.0
    module.bias.data = torch.randn(35, generator=generator)
    module.running_mean = torch.randn(35, generator=generator)
    module.running_var = 2 * torch.rand(35, generator=generator) + 0.01
    module.scale = torch.tensor(float(np.float32(rng.uniform(0.01, 0.1))))
    module.zero_point = torch.tensor(int(rng.integers(0, 200)))
    return module


def _outputs(module: torch.nn.Module, source: Quantization) -> np.ndarray:
    x = torch.from_numpy(np.tile(CODES.reshape(1, 1, 4, 64), (1, 35, 1, 1)))
    from_codes = torch.ops.aten._make_per_tensor_quantized_tensor
    with qnnpack():
        y = module(from_codes(x, source.scale, source.zero_point)).int_repr()
    return y.permute(0, 2, 3, 1).numpy()


@pytest.mark.parametrize("seed", range(6))
def test_all_codes_equal_pytorchs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    source = Quantization(float(np.float32(rng.uniform(0.01, 0.1))), int(rng.integers(256)))
    module = _module(seed, relu=bool(seed % 2))
    layer = batch_norm_layer(module, "net.norm", source)
    assert layer is not None
    assert layer.relu == bool(seed % 2)
    x_q = np.tile(CODES.reshape(1, 4, 64, 1), (1, 1, 1, 35))
    np.testing.assert_array_equal(compute(layer, [x_q]), _outputs(module, source))


def test_what_is_no_line_has_no_weight() -> None:
    bent = np.where(CODES < 100, 50, 60 + CODES // 2).astype(np.uint8)
    assert fitted(bent, (0.5, 60.0), 0, 0, 0) is None
    line = (50 + CODES // 2).astype(np.uint8)
    assert fitted(line, (0.5, 49.75), 0, 0, 0) is not None


def test_a_channel_that_differs_is_left_to_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    table = batch_norm._table

    def changed(*arguments: object) -> np.ndarray:
        codes = table(*arguments).copy()  # type: ignore[arg-type]
        codes[7, 128] ^= 16
        return codes

    monkeypatch.setattr(batch_norm, "_table", changed)
    with pytest.raises(Unsupported, match=r"net.norm: scale and shift .* others in channel 7"):
        batch_norm_layer(_module(0, relu=False), "net.norm", Quantization(0.05, 100))


def test_a_scale_is_nudged_where_no_weight_fits() -> None:
    """A channel of DenseNet-121: its offset is -15.9975 input codes, 1/400 from a whole number."""
    slope, offset = 3.494959192782792, -55.91063948922505
    source = Quantization(0.0625, 95)
    module = _module(1, relu=True)
    module.num_features = 1
    scale = 0.03125
    module.weight.data = torch.tensor([slope * scale / source.scale])
    module.bias.data = torch.tensor([offset * scale])
    module.running_mean, module.running_var = torch.zeros(1), torch.ones(1) - float(module.eps)
    module.scale, module.zero_point = torch.tensor(scale), torch.tensor(0)
    with pytest.raises(Unsupported, match=r"net.norm: scale and shift .* in channel 0"):
        batch_norm_layer(module, "net.norm", source)
    assert batch_norm._nudge(module, "net.norm", source)
    assert scale < float(module.scale) < 1.04 * scale
    assert batch_norm_layer(module, "net.norm", source) is not None
    assert not batch_norm._nudge(module, "net.norm", source)
