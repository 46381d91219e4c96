"""The comparison must find one wrong bit anywhere, and explain it."""

from collections.abc import Callable

import numpy as np
import pytest

from maccord.sim.compare import compare

SHAPE = (1, 3, 4, 5)
Codes = np.ndarray


def codes(seed: int = 0, shape: tuple[int, ...] = SHAPE) -> Codes:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def sums(shape: tuple[int, ...] = SHAPE) -> Callable[[], np.ndarray]:
    return lambda: np.arange(np.prod(shape), dtype=np.int32).reshape(shape) - 7


def never() -> np.ndarray:
    raise AssertionError("accumulators are computed for a mismatch only")


def test_equal_outputs_agree() -> None:
    found = compare(codes(), codes(), codes(), never)
    assert (found.compared, found.golden, found.torch, found.equal) == (60, 0, 0, 60)
    assert found.first == () and found.extent == ""


@pytest.mark.parametrize("bit", range(8))
def test_one_bit_is_found_and_explained(bit: int) -> None:
    rtl, golden = codes(), codes()
    rtl[0, 2, 1, 3] ^= 1 << bit
    found = compare(rtl, golden, golden, sums())
    assert (found.golden, found.torch, found.equal) == (1, 1, 59)
    (first,) = found.first
    assert first.index == (0, 2, 1, 3) and first.reference == "golden"
    assert (first.expected, first.got) == (golden[0, 2, 1, 3], rtl[0, 2, 1, 3])
    assert first.accumulator == (2 * 4 + 1) * 5 + 3 - 7
    assert str(first).startswith("output[0, 2, 1, 3] (n, y, x, c), channel 3: expected ")
    assert found.extent == "1 of 3 rows (2), 1 of 4 columns (1), 1 of 5 channels (3)"


def test_torch_alone_may_differ() -> None:
    rtl, torch = codes(), codes()
    torch[0, 0, 0, 0] ^= 1
    found = compare(rtl, rtl, torch, sums())
    assert (found.golden, found.torch, found.equal) == (0, 1, 59)
    assert found.first[0].reference == "torch"
    assert found.first[0].expected == torch[0, 0, 0, 0]


def test_differences_in_different_places_are_all_unequal() -> None:
    rtl, golden, torch = codes(), codes(), codes()
    golden[0, 0, 0, 0] ^= 1
    torch[0, 1, 0, 0] ^= 1
    found = compare(rtl, golden, torch, sums())
    assert (found.golden, found.torch, found.equal) == (1, 1, 58)


def test_only_the_first_are_explained_in_memory_order() -> None:
    golden = codes(shape=(2, 50))
    found = compare(golden ^ 1, golden, golden, sums((2, 50)), limit=3)
    assert [m.index for m in found.first] == [(0, 0), (0, 1), (0, 2)]
    assert found.golden == 100 and found.extent == "50 of 50 channels (0 to 49)"
    assert "(n, c), channel 2" in str(found.first[2])


@pytest.mark.parametrize("wrong", [codes(shape=(1, 3, 4, 6)), codes().astype(np.int16)])
def test_shapes_and_types_must_be_equal(wrong: Codes) -> None:
    with pytest.raises(ValueError, match="y_torch must be uint8 of shape"):
        compare(codes(), codes(), wrong, never)


def test_a_reference_that_was_not_asked_is_no_zero() -> None:
    y = np.arange(60, dtype=np.uint8).reshape(1, 3, 4, 5)
    found = compare(y, y.copy(), None, lambda: None)
    assert (found.compared, found.golden, found.torch, found.equal) == (60, 0, None, 60)
    wrong = y.copy()
    wrong[0, 1, 2, 3] ^= 1
    found = compare(wrong, y, None, lambda: None)
    assert (found.golden, found.torch, found.equal) == (1, None, 59)
    assert [each.reference for each in found.first] == ["golden"]
