"""The answer in words follows from the rows, also where it contradicts the paper."""

from maccord.generalize.claim import claim
from maccord.generalize.evaluate import CORRUPTED
from maccord.generalize.measures import MEASURES
from maccord.generalize.request import GeneralizeRequest
from maccord.generalize.rows import POOL, Row, Rows

REQUEST = GeneralizeRequest(pool="small")
SETTING = REQUEST.shown[0].setting


def rows(gap, corrupted, taus):
    """Rows of W8, W4 and W2 with the given figures, each a value with its ends."""
    found = []
    for bits, change, other in zip(("W8", "W4", "W2"), gap, corrupted, strict=True):
        found.append(Row(POOL, bits, "clean", "gap-fp32", *change))
        found.append(Row(POOL, bits, "clean", "train_loss-fp32", 0.2, 0.1, 0.3))
        found.append(Row(POOL, bits, "clean", "test_loss-fp32", 0.1, 0.05, 0.15))
        found.append(Row(POOL, bits, "clean", "sharpness-mag-orig-fp32", -1, -2, -0.5))
        found.append(Row(SETTING, bits, CORRUPTED, "float_gap-fp32", *other))
        found.append(Row(SETTING, bits, "fog:5", "float_gap-fp32", *other))
    for name, tau in zip(MEASURES, taus, strict=True):
        found.append(Row(POOL, "all", "clean", f"kendall:{name}", *tau))
    return Rows(found)


BELOW, ABOVE, ZERO = (-0.2, -0.3, -0.1), (0.2, 0.1, 0.3), (0.0, -0.1, 0.1)


def test_a_closed_gap_with_flatness_as_its_sign() -> None:
    found = claim(REQUEST, rows([BELOW] * 3, [BELOW] * 3, [ABOVE] * 8))
    assert "On clean images lower precision closes the gap at W8 by -0.200" in found.text
    assert "On corrupted images (mean over all levels) it closes the gap at W8" in found.text
    assert "the gap is at W8 smaller at 1, larger at 0 of 1, W4" in found.text
    assert "intervals over the pool say little" not in found.text
    few = claim(GeneralizeRequest(pool="tiny"), rows([BELOW] * 3, [BELOW] * 3, [ABOVE] * 8))
    assert few.text.startswith("With 2 settings, intervals over the pool say little. On clean")
    assert "Flatness is its sign here: over the pool, 8 of 8 measures rise" in found.text
    assert "lower than FP32's at W8, W4 and W2" in found.text
    assert any("it fits less rather than generalizes better" in line for line in found.against)


def test_what_contradicts_is_said() -> None:
    found = claim(REQUEST, rows([ABOVE, ZERO, BELOW], [ABOVE] * 3, [BELOW] * 4 + [ABOVE] * 4))
    assert "closes the gap at W2 by -0.200" in found.text
    assert "widens it at W8 by +0.200" in found.text
    assert "does nothing beyond its interval at W4 +0.000 (-0.100 to +0.100)" in found.text
    assert "only by some measures" in found.text and "4 fall with it" in found.text
    assert "W8 widens the gap on clean images: +0.200 (+0.100 to +0.300)." in found.against
    assert "W4 raises the test loss itself: +0.100 (+0.050 to +0.150)." in found.against
    assert any("W8 widens the gap at 1 of 1 levels, most at fog:5" in x for x in found.against)
    assert any("is smaller where the gap is larger" in line for line in found.against)


def test_no_sign_where_no_measure_rises() -> None:
    found = claim(REQUEST, rows([ZERO] * 3, [ZERO] * 3, [ZERO] * 8))
    assert "lower precision does nothing beyond its interval at W8 +0.000" in found.text
    assert "Flatness is not its sign here: over the pool, 0 of 8" in found.text
