"""Tokens in another order against PyTorch's views, and sums with repeated constants."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from maccord.golden.graph import Quantization
from maccord.golden.kernels.rearrange import check_rearrange, rearrange
from maccord.golden.kernels.tokens import add_constant, check_add_constant, check_tokens, tokens
from maccord.golden.operations.rearrange import Rearrange
from maccord.golden.operations.tokens import AddConstant, Tokens

STEPS = Quantization(0.5, 7)


def codes(*shape: int) -> np.ndarray:
    return np.random.default_rng(list(shape)).integers(0, 256, shape, np.uint8)


def test_space_to_depth_is_a_rearrange() -> None:
    """Pixel unshuffle has each channel's four pixels together, here each pixel's channels."""
    x_q = codes(2, 4, 6, 3)
    numbers = np.arange(24).reshape(2, 2, 3, 2).transpose(0, 2, 1, 3).reshape(2, 3, 4)
    found = rearrange(x_q, Rearrange("rearrange", STEPS, numbers))
    due = nn.functional.pixel_unshuffle(torch.from_numpy(x_q).permute(0, 3, 1, 2), 2)
    due = due.unflatten(1, (3, 4)).permute(0, 3, 4, 2, 1).flatten(3)
    np.testing.assert_array_equal(found, due.numpy())


def test_places_may_repeat() -> None:
    x_q = codes(1, 2, 2, 5)
    found = rearrange(x_q, Rearrange("rearrange", STEPS, np.array([[[3], [3], [0]]])))
    np.testing.assert_array_equal(found[0, 0], x_q.reshape(4, 5)[[3, 3, 0]])


@pytest.mark.parametrize(
    ("places", "sentence"),
    [
        (np.zeros((2, 2), int), r"places must be integers of shape \(H, W, P\), got int64 \(2, 2"),
        (np.zeros((1, 2, 1)), "places must be integers of shape .* got float64"),
        (np.zeros((0, 2, 1), int), r"places must be integers of shape .* got int64 \(0, 2, 1\)"),
        (np.array([[[0, -1]]]), "places must be at least 0, got -1"),
    ],
)
def test_refuses_places(places: np.ndarray, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"net.rearrange: {sentence}"):
        check_rearrange(Rearrange("net.rearrange", STEPS, places))


def test_refuses_other_inputs() -> None:
    operation = Rearrange("net.rearrange", STEPS, np.array([[[4]]]))
    with pytest.raises(ValueError, match=r"net.rearrange: places must be below 4, .* got 4"):
        rearrange(codes(1, 2, 2, 3), operation)
    with pytest.raises(ValueError, match=r"net.rearrange: input must have shape \(N, H, W, C\)"):
        rearrange(codes(1, 9), operation)
    with pytest.raises(ValueError, match="x_q must be an array of uint8, got list"):
        rearrange([[[[1]]]], operation)


def test_a_constant_is_added_to_each_rows() -> None:
    """A constant of two rows, added to four."""
    x_q, constant = codes(3, 4, 5, 6), codes(1, 2, 5, 6)
    ends = STEPS, Quantization(0.7, 90), Quantization(1.0, 100)
    found = add_constant(x_q, AddConstant("sum", constant, *ends))
    whole = np.concatenate([constant, constant], axis=1)
    np.testing.assert_array_equal(found, add_constant(x_q, AddConstant("sum", whole, *ends)))
    apart = add_constant(x_q[:, 2:], AddConstant("sum", constant, *ends))
    np.testing.assert_array_equal(found[:, 2:], apart)


def test_constants_are_codes() -> None:
    first = np.zeros((1, 3), np.int8)
    with pytest.raises(ValueError, match=r"t: first tokens must be uint8 of shape \(K, C\), got i"):
        check_tokens(Tokens("t", STEPS, first))
    constant = np.zeros((2, 1, 1, 3), np.uint8)
    with pytest.raises(ValueError, match=r"s: constant must be uint8 of shape \(1, H, W, C\), got"):
        check_add_constant(AddConstant("s", constant, STEPS, STEPS, STEPS))
    with pytest.raises(ValueError, match=r"s: input must have shape \(N, i \* 2, 1, 3\), got \(1,"):
        add_constant(
            codes(1, 3, 1, 3), AddConstant("s", constant.reshape(1, 2, 1, 3), *[STEPS] * 3)
        )
    with pytest.raises(ValueError, match="x_q must be an array of uint8, got list"):
        tokens([[[[1]]]], Tokens("t", STEPS, first.astype(np.uint8)))
