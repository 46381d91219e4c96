"""Widths of weights: the narrowest that codes fit, refusals, and a network of three in RTL."""

from __future__ import annotations

import numpy as np
import pytest
from lattice_networks import on_lattices
from narrow_networks import NARROW_ARRAYS

from maccord.api.networks import quantize
from maccord.api.testing import assert_equal_in_rtl
from maccord.nets.weight_widths import check_choice, narrowest

pytestmark = pytest.mark.usefixtures("quick_builds")


IMAGES = np.random.default_rng(0).normal(size=(3, 3, 8, 8)).astype(np.float32)


@pytest.mark.parametrize(
    ("codes", "bits"),
    [([-2, 1], 2), ([-2, 2], 4), ([-3, 0], 4), ([-8, 7], 4), ([0, 8], 8), ([-9], 8), ([], 2)],
)
def test_narrowest(codes: list[int], bits: int) -> None:
    assert narrowest(np.array(codes, np.int8)) == bits


def test_auto_is_by_layer() -> None:
    network = quantize(on_lattices(), IMAGES, weight_bits="auto")
    assert [layer.weight_bits for layer in network.layers.values()] == [8, 4, 2, 4]
    assert {layer.weight_bits for layer in network.with_weight_bits("8").layers.values()} == {8}


def test_codes_that_do_not_fit_are_refused() -> None:
    said = r"weight-bits must be auto or 8 for network.0, whose weights are codes from -\d+ to 127"
    with pytest.raises(ValueError, match=said):
        quantize(on_lattices(), IMAGES, weight_bits="4")
    with pytest.raises(ValueError, match="weight-bits must be auto, 8, 4 or 2, got 3"):
        check_choice("3")


def test_widths_change_no_byte_in_rtl() -> None:
    found = assert_equal_in_rtl(
        on_lattices(), IMAGES, NARROW_ARRAYS["9x4 bus 8"], weight_bits="auto"
    )
    wide = assert_equal_in_rtl(on_lattices(), IMAGES, NARROW_ARRAYS["9x4 bus 8"])
    assert found.cycles < wide.cycles
