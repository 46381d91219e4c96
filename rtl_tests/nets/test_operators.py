"""Operators whole: the golden model equals PyTorch's own module, and floats are near."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from operator_networks import NETWORKS, REFUSED

from maccord import api
from maccord.golden.network import execute, logits
from maccord.nets.fake_quant import FakeQuantNetwork
from maccord.nets.integer import IntegerNetwork
from maccord.nets.library import quantized


@pytest.mark.parametrize("name", NETWORKS)
def test_golden_and_torch_kernels_equal_pytorchs_own_module(name: str) -> None:
    case = NETWORKS[name]
    x = case.images(3)
    network = api.quantize(case.make(), x, "net")
    expected = network.tensors(x)
    x_q = expected[network.graph.input.name]
    found = execute(network.graph, x_q)
    assert list(found) == list(expected)
    for tensor, codes in found.items():
        np.testing.assert_array_equal(codes, expected[tensor], tensor)
    ours = logits(network.graph, found)
    np.testing.assert_array_equal(ours, network.reference.logits(x))
    packed = IntegerNetwork(network.graph).tensors(x_q)
    for tensor, codes in packed.items():
        np.testing.assert_array_equal(codes, expected[tensor], tensor)
    fake = FakeQuantNetwork(network.graph).logits(x)
    with torch.no_grad():
        floats = case.make()(torch.from_numpy(x)).numpy()
    spread = np.abs(floats).max()
    assert np.abs(ours - floats).max() < 0.06 * spread
    assert np.abs(ours - fake).max() < 0.03 * spread


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_said(name: str) -> None:
    case, sentence = REFUSED[name]
    images = [image[None] for image in case.images(3)]
    with pytest.raises(ValueError, match=f"^{sentence} "):
        quantized(case.make(), "net", "seeded", images, strict=True)
