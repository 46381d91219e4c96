"""Vision transformers: names, wiring, and every tensor of the golden model against PyTorch's."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn
from transformer_networks import compare, largest_difference, random_model

import maccord.golden.network as golden
from maccord.golden.graph import Quantization
from maccord.golden.operations.softmax import Softmax
from maccord.nets.transformer.deit import Size, VisionTransformer, deit_digits, deit_tiny
from maccord.nets.transformer.importer import import_transformer
from maccord.nets.transformer.observe import observe
from maccord.nets.transformer.reference import reference_tensors

BLOCK = {  # parameters of a block in timm's checkpoints, and their shapes at width 192
    "norm1.weight": (192,),
    "norm1.bias": (192,),
    "attn.qkv.weight": (576, 192),
    "attn.qkv.bias": (576,),
    "attn.proj.weight": (192, 192),
    "attn.proj.bias": (192,),
    "norm2.weight": (192,),
    "norm2.bias": (192,),
    "mlp.fc1.weight": (768, 192),
    "mlp.fc1.bias": (768,),
    "mlp.fc2.weight": (192, 768),
    "mlp.fc2.bias": (192,),
}
OTHERS = {
    "cls_token": (1, 1, 192),
    "pos_embed": (1, 197, 192),
    "patch_embed.proj.weight": (192, 3, 16, 16),
    "patch_embed.proj.bias": (192,),
    "norm.weight": (192,),
    "norm.bias": (192,),
    "head.weight": (1000, 192),
    "head.bias": (1000,),
}


def test_parameters_have_timm_s_names() -> None:
    with torch.device("meta"):
        state = deit_tiny().state_dict()
    blocks = {
        f"blocks.{index}.{name}": shape for index in range(12) for name, shape in BLOCK.items()
    }
    assert {name: tuple(value.shape) for name, value in state.items()} == OTHERS | blocks
    assert sum(value.numel() for value in state.values()) == 5_717_416


def test_the_walk_is_the_network() -> None:
    """In fp64, where another order of sums changes little."""
    model = random_model(deit_digits, 0)
    assert largest_difference(model, torch.randn(3, 3, 32, 32)) < 1e-11


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_every_tensor_is_pytorch_s(seed: int) -> None:
    model = random_model(deit_digits, seed)
    compared, wrong = compare(model, torch.randn(2, 3, 32, 32))
    assert not wrong
    assert compared > 500_000


@pytest.mark.slow
def test_rows_with_a_tail() -> None:
    """Tokens of 40 channels are no whole vectors; 26 of them are no power of two either."""
    size = Size(image=20, patch=4, width=40, depth=1, heads=4, colours=1)
    model = random_model(lambda: VisionTransformer(size, 7), 5)
    assert not compare(model, torch.randn(3, 1, 20, 20))[1]


def test_an_untrained_embedding() -> None:
    """A position embedding of zeros has a scale that the adder takes."""
    size = Size(image=8, patch=4, width=8, depth=1, heads=2)
    model = random_model(lambda: VisionTransformer(size, 10), 2)
    nn.init.zeros_(model.pos_embed)
    assert not compare(model, torch.randn(8, 3, 8, 8))[1]


@pytest.mark.nightly
def test_deit_tiny_at_full_size() -> None:
    compared, wrong = compare(random_model(deit_tiny, 1), torch.randn(1, 3, 224, 224))
    assert not wrong
    assert compared == 11_267_056


@pytest.mark.slow
def test_a_wrong_softmax_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that depends on it differs, and nothing before it."""
    original = golden._KERNELS[Softmax]
    wrong_scale = Quantization(0.9, 0)
    monkeypatch.setitem(
        golden._KERNELS, Softmax, lambda x, op: original(x, replace(op, input=wrong_scale))
    )
    size = Size(image=16, patch=4, width=32, depth=1, heads=2)
    model = random_model(lambda: VisionTransformer(size, 10), 2)
    _, wrong = compare(model, torch.randn(2, 3, 16, 16))
    assert wrong[:2] == ["blocks.0.attn.softmax", "blocks.0.attn.values"]
    assert "head" in wrong and "blocks.0.attn.scores" not in wrong


def test_keys_have_to_be_symmetric() -> None:
    size = Size(image=8, patch=4, width=8, depth=1, heads=2)
    model = random_model(lambda: VisionTransformer(size, 10), 2)
    quantizations = observe(model, torch.randn(1, 3, 8, 8))
    key = "blocks.0.attn.qkv.k"
    quantizations[key] = replace(quantizations[key], zero_point=127)
    with pytest.raises(ValueError, match=r"net.blocks.0.attn.scores: zero point of the second"):
        import_transformer(model, "net", quantizations)


def test_images_of_another_size_are_refused() -> None:
    model = deit_digits().eval()
    for call in (model, lambda x: observe(model, x), lambda x: reference_tensors(model, {}, x)):
        for images in (
            torch.zeros(1, 3, 28, 28),
            torch.zeros(3, 32, 32),
            torch.zeros(0, 3, 32, 32),
        ):
            with pytest.raises(
                ValueError, match=r"images must be a tensor of shape \(N, 3, 32, 32"
            ):
                call(images)
        with pytest.raises(ValueError, match="images must be normalized numbers, float32, got"):
            call(torch.zeros(1, 3, 32, 32, dtype=torch.uint8))


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_numbers_that_are_not_finite_are_refused(bad: float) -> None:
    model, images = deit_digits().eval(), torch.zeros(1, 3, 32, 32)
    images[0, 1, 2, 3] = bad
    with pytest.raises(ValueError, match="input must be finite numbers, got infinite ones or NaN"):
        observe(model, images)
    with torch.no_grad():
        dict(model.named_parameters())["blocks.1.attn.qkv.weight"][3, 3] = bad
    with pytest.raises(ValueError, match=r"blocks.1.attn.qkv.q must be finite numbers"):
        observe(model, torch.zeros(1, 3, 32, 32))
