"""Swin transformers: names, windows, the mask, and every tensor against PyTorch's kernels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from transformer_networks import compare, largest_difference, random_model

import maccord.golden.network as golden
from maccord.golden.operations.rearrange import Rearrange
from maccord.golden.operations.tokens import AddConstant
from maccord.nets.images import calibration_crops, normalize
from maccord.nets.perturb import parse
from maccord.nets.transformer import steps
from maccord.nets.transformer.importer import import_transformer
from maccord.nets.transformer.observe import constant_of, observe
from maccord.nets.transformer.reference import constant_codes, reference_tensors
from maccord.nets.transformer.swin import Size, SwinTransformer, swin_digits, swin_tiny
from maccord.nets.transformer.windows import separated, window_places

SMALL = Size(image=16, patch=2, width=8, depths=(2,), heads=(2,), window=4)


def small(seed: int) -> SwinTransformer:
    return random_model(lambda: SwinTransformer(SMALL, 10), seed)


def block(width: int, heads: int) -> dict[str, tuple[int, ...]]:
    """Parameters of a block in timm's checkpoints, and their shapes."""
    return {
        "norm1.weight": (width,),
        "norm1.bias": (width,),
        "attn.relative_position_bias_table": (169, heads),
        "attn.qkv.weight": (3 * width, width),
        "attn.qkv.bias": (3 * width,),
        "attn.proj.weight": (width, width),
        "attn.proj.bias": (width,),
        "norm2.weight": (width,),
        "norm2.bias": (width,),
        "mlp.fc1.weight": (4 * width, width),
        "mlp.fc1.bias": (4 * width,),
        "mlp.fc2.weight": (width, 4 * width),
        "mlp.fc2.bias": (width,),
    }


def test_parameters_have_timm_s_names() -> None:
    due: dict[str, tuple[int, ...]] = {
        "patch_embed.proj.weight": (96, 3, 4, 4),
        "patch_embed.proj.bias": (96,),
        "patch_embed.norm.weight": (96,),
        "patch_embed.norm.bias": (96,),
        "norm.weight": (768,),
        "norm.bias": (768,),
        "head.fc.weight": (1000, 768),
        "head.fc.bias": (1000,),
    }
    for stage, (depth, heads) in enumerate(zip((2, 2, 6, 2), (3, 6, 12, 24), strict=True)):
        width = 96 << stage
        if stage:
            due[f"layers.{stage}.downsample.norm.weight"] = (2 * width,)
            due[f"layers.{stage}.downsample.norm.bias"] = (2 * width,)
            due[f"layers.{stage}.downsample.reduction.weight"] = (width, 2 * width)
        for index in range(depth):
            path = f"layers.{stage}.blocks.{index}"
            due |= {f"{path}.{name}": shape for name, shape in block(width, heads).items()}
    with torch.device("meta"):
        state = swin_tiny().state_dict()
    assert {name: tuple(value.shape) for name, value in state.items()} == due
    assert sum(value.numel() for value in state.values()) == 28_288_354


def test_the_steps_are_the_network() -> None:
    """The network rolls and parts images; its steps take tokens from places."""
    assert largest_difference(random_model(swin_digits, 0), torch.randn(3, 3, 32, 32)) < 1e-11


def test_windows_are_joined_again() -> None:
    parted, joined = window_places(8, 4, 2)
    assert sorted(parted.ravel()) == list(range(64))
    assert (parted.ravel()[joined.ravel()] == np.arange(64)).all()


def test_what_is_separated() -> None:
    """Only windows that a shift has put together of parts, and then the parts."""
    apart = separated(8, 4, 2)
    assert not apart[0].any()
    assert apart.flatten(1).float().mean(1).tolist() == [0, 0.5, 0.5, 0.75]
    assert not apart[3].diagonal().any()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_every_tensor_is_pytorch_s(seed: int) -> None:
    compared, wrong = compare(random_model(swin_digits, seed), torch.randn(2, 3, 32, 32))
    assert not wrong
    assert compared == 1_218_708


@pytest.mark.nightly
@pytest.mark.parametrize("perturbation", ["", "awgn:0.3", "vertical:4"])
def test_swin_tiny_at_full_size(perturbation: str) -> None:
    """Calibrated with all crops of the photographs; one is compared, 219 tensors."""
    crops = calibration_crops()
    crop = parse(perturbation)[0].apply(crops[0]) if perturbation else crops[0]
    calibration = np.concatenate([normalize(each) for each in crops])
    images = torch.from_numpy(normalize(crop))
    compared, wrong = compare(random_model(swin_tiny, 1), torch.from_numpy(calibration), images)
    assert not wrong
    assert compared == 37_278_616


def test_a_wrong_place_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that depends on it differs, and nothing before it."""
    original = golden._KERNELS[Rearrange]
    monkeypatch.setitem(
        golden._KERNELS, Rearrange, lambda x, op: original(x, replace(op, places=op.places[::-1]))
    )
    _, wrong = compare(small(2), torch.randn(2, 3, 16, 16))
    assert wrong[0] == "layers.0.blocks.0.windows" and "head.fc" in wrong


def test_a_mask_that_moves_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    original = golden._KERNELS[AddConstant]

    def moved(x: np.ndarray, operation: AddConstant) -> np.ndarray:
        constant = np.roll(operation.constant, 2, axis=1)
        return original(x, replace(operation, constant=constant))

    monkeypatch.setitem(golden._KERNELS, AddConstant, moved)
    model = small(2)
    name = "layers.0.blocks.0.attn.relative_position_bias_table"
    torch.nn.init.zeros_(dict(model.named_parameters())[name])
    _, wrong = compare(model, torch.randn(2, 3, 16, 16))
    assert wrong[0] == "layers.0.blocks.1.attn.bias"


def test_masked_scores_end_at_the_lowest_code() -> None:
    """Whatever the score: also for images far outside the calibrated range."""
    model = small(3)
    quantizations = observe(model, torch.randn(4, 3, 16, 16))
    tensors = reference_tensors(model, quantizations, 10 * torch.randn(4, 3, 16, 16))
    step = next(step for step in model.steps() if step.name == "layers.0.blocks.1.attn.bias")
    assert isinstance(step, steps.AddConstant) and step.mask is not None
    mask = step.mask.expand(4, -1, -1, -1).numpy()
    assert mask.any() and (tensors[step.name][mask] == 0).all()
    assert (tensors["layers.0.blocks.1.attn.softmax"][mask] == 0).all()
    codes = constant_codes(step.addend, quantizations[constant_of(step.name)]).numpy()
    assert (codes[step.mask.numpy()] == 0).all() and (codes[~step.mask.numpy()] > 0).all()


def test_unshifted_windows_share_their_biases() -> None:
    model = small(3)
    network = import_transformer(model, "net", observe(model, torch.randn(1, 3, 16, 16)))
    shapes = [n.operation.constant.shape for n in network.nodes if n.operation.op == "add_constant"]
    assert shapes == [(1, 2, 16, 16), (1, 8, 16, 16)]


def test_windows_have_to_fit() -> None:
    with pytest.raises(
        ValueError, match="windows of 5 tokens must divide each stage, got 8 in sta"
    ):
        replace(SMALL, window=5)
    with pytest.raises(ValueError, match=r"must divide each stage, got 1.5 in stage 2"):
        Size(12, 2, 8, (1, 1, 1), (1, 1, 1), 3)
