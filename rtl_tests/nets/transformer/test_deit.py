"""Vision transformers: names, wiring, and every tensor of the golden model against PyTorch's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

import maccord.golden.network as golden
from maccord.golden.graph import Quantization
from maccord.golden.operations.softmax import Softmax
from maccord.nets.transformer.deit import Size, VisionTransformer, deit_digits, deit_tiny
from maccord.nets.transformer.importer import import_transformer
from maccord.nets.transformer.observe import _Observer, observe
from maccord.nets.transformer.reference import reference_tensors
from maccord.nets.transformer.walk import walk

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


def random_model(make: Callable[[], VisionTransformer], seed: int) -> VisionTransformer:
    """Return a network of random weights, those of tokens and norms too."""
    torch.manual_seed(seed)
    model = make().eval()
    for name, parameter in model.named_parameters():
        if name in ("cls_token", "pos_embed"):
            nn.init.normal_(parameter, std=0.5)
        elif "norm" in name:
            parameter.data += 0.2 * torch.randn_like(parameter)
    return model


def compare(model: VisionTransformer, images: torch.Tensor) -> tuple[int, list[str]]:
    """Compare every tensor; return how many codes it was, and the names that differ."""
    quantizations = observe(model, images)
    due = reference_tensors(model, quantizations, images)
    network = import_transformer(model, "net", quantizations)
    found = golden.execute(network, due["input"])
    assert set(found) == {f"net.{name}" for name in due} | {"net.first.slice"}
    wrong = [name for name, codes in due.items() if not np.array_equal(found[f"net.{name}"], codes)]
    assert len(np.unique(due["head"])) > 5
    return sum(codes.size for codes in due.values()), wrong


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
    model = random_model(deit_digits, 0).double()
    images = torch.randn(3, 3, 32, 32, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(
            walk(model, _Observer(), images), model(images), rtol=1e-11, atol=1e-11
        )


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
