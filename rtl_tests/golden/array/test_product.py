"""The multiplier of a product: PyTorch's bits, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from maccord.golden.array.product import LARGEST_PRODUCT, product_multiplier, products
from maccord.golden.graph import Quantization

ONE = Quantization(1.0, 7)


def test_the_reciprocal_is_rounded_before_the_product() -> None:
    """A division would give another last bit."""
    small, large = np.float32(0.01), np.float32(0.11)
    a, output = Quantization(float(small), 0), Quantization(float(large), 0)
    found = product_multiplier(a, a, output)
    assert found == small * small * (np.float32(1) / large)
    assert found != small * small / large


@pytest.mark.parametrize(
    ("scales", "sentence"),
    [
        ((2.0**-100, 2.0**-100, 1.0), "must be a normal fp32 number above 0, got 0"),
        ((2.0**-70, 2.0**-60, 1.0), "must be a normal fp32 number above 0, got 7.3"),
        ((2.0**100, 2.0**100, 1.0), "must be a normal fp32 number above 0, got inf"),
        ((2.0**10, 2.0**6, 1.0), "largest product must stay below .*, got 4.26"),
    ],
)
def test_illegal_scales_are_refused(scales: tuple[float, ...], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        product_multiplier(*(Quantization(scale, 0) for scale in scales))


def test_the_largest_legal_multiplier() -> None:
    """The largest product times it stays below 2**31."""
    found = product_multiplier(Quantization(2.0**15, 0), ONE, ONE)
    assert found == 2**15 and found * LARGEST_PRODUCT < 2**31


def test_the_limit_of_multipliers() -> None:
    """Rounding to fp32 may add half a unit, which must not reach 2**31."""
    limit = 2.0**31 * (1 - 2.0**-22) / LARGEST_PRODUCT
    below = np.nextafter(np.float32(limit), np.float32(0))
    assert product_multiplier(Quantization(float(below), 0), ONE, ONE) == below
    above = np.nextafter(below, np.float32(np.inf))
    above = above if float(above) >= limit else np.nextafter(above, np.float32(np.inf))
    with pytest.raises(ValueError, match="the largest product must stay below"):
        product_multiplier(Quantization(float(above), 0), ONE, ONE)


def test_products_of_the_ends() -> None:
    codes = np.array([-128, 127], np.int8)
    found = products(codes[:, None], codes, (127, -128))
    assert found.tolist() == [[0, -LARGEST_PRODUCT], [0, 0]]
    assert found.dtype == np.int32
