"""The answer in words follows from the rows, also where it contradicts the paper."""

from maccord.generalize.claim import claim
from maccord.generalize.evaluate import CORRUPTED, WITHIN
from maccord.generalize.measures import MEASURES
from maccord.generalize.request import GeneralizeRequest
from maccord.generalize.rows import POOL, Row, Rows

REQUEST = GeneralizeRequest(pool="small")
SETTING = REQUEST.shown[0].setting


def rows(gap, corrupted, taus, within=None):
    """Rows of W8, W4 and W2 with the given figures, each a value with its ends."""
    found = [
        Row(POOL, "FP32", "clean", "gap", 0.5),
        Row(SETTING, "FP32", CORRUPTED, "float_gap", 2),
    ]
    for bits, change, other in zip(("W8", "W4", "W2"), gap, corrupted, strict=True):
        found.append(Row(POOL, bits, "clean", "gap-fp32", *change))
        found.append(Row(POOL, bits, "clean", "train_loss-fp32", 0.2, 0.1, 0.3))
        found.append(Row(POOL, bits, "clean", "test_loss-fp32", 0.1, 0.05, 0.15))
        found.append(Row(POOL, bits, "clean", "sharpness-mag-orig-fp32", -1, -2, -0.5))
        found.append(Row(SETTING, bits, CORRUPTED, "float_gap-fp32", *other))
        found.append(Row(SETTING, bits, "fog:5", "float_gap-fp32", *other))
    for name, tau, own in zip(MEASURES, taus, within or taus, strict=True):
        found.append(Row(POOL, "all", "clean", f"kendall:{name}", *tau))
        found.append(Row(POOL, WITHIN, "clean", f"kendall:{name}", *own))
    return Rows(found)


BELOW, ABOVE, ZERO = (-0.2, -0.3, -0.1), (0.2, 0.1, 0.3), (0.0, -0.1, 0.1)


def test_a_closed_gap_with_flatness_as_its_sign() -> None:
    found = claim(REQUEST, rows([BELOW] * 3, [BELOW] * 3, [ABOVE] * 8))
    by = "narrows the gap at W8 by 0.200 (0.100 to 0.300), 40% of FP32's, W4 by 0.200"
    assert f"On clean images lower precision {by}" in found.text
    by = "narrows the gap at W8 by 0.200 (0.100 to 0.300), 10% of FP32's"
    assert f"On corrupted images (one setting, mean over all levels) it {by}" in found.text
    assert "the gap is at W8 smaller at 1, larger at 0 of 1 (median -0.200), W4" in found.text
    assert any(
        line.startswith("Gaps on corrupted images are of one net") for line in found.evidence
    )
    assert "intervals over the pool say little" not in found.text
    few = claim(GeneralizeRequest(pool="tiny"), rows([BELOW] * 3, [BELOW] * 3, [ABOVE] * 8))
    assert few.text.startswith("With 2 settings, intervals over the pool say little. On clean")
    assert "Flatness is the sign of a smaller gap here: by Kendall's tau, beyond its" in found.text
    assert "8 of 8 measures rise with the gap and 0 fall across the prec" in found.text
    assert "over all networks 8 rise and 0 fall." in found.text
    assert "below FP32's, beyond its interval, at W8, W4 and W2." in found.text
    assert any("it fits less rather than generalizes better" in line for line in found.against)


def test_what_contradicts_is_said() -> None:
    found = claim(REQUEST, rows([ABOVE, ZERO, BELOW], [ABOVE] * 3, [BELOW] * 4 + [ABOVE] * 4))
    assert "narrows the gap at W2 by 0.200" in found.text
    assert "widens it at W8 by 0.200 (0.100 to 0.300), 40%" in found.text
    assert "no difference beyond its interval at W4 (+0.000, from -0.100 to +0.100)" in found.text
    assert (
        "by some measures only" in found.text
        and "4 of 8 measures rise with the gap and 4 fall" in found.text
    )
    assert "W8 widens the gap on clean images: +0.200 (+0.100 to +0.300)." in found.against
    assert "W4 raises the test loss itself: +0.100 (+0.050 to +0.150)." in found.against
    assert any("W8 widens the gap at 1 of 1 levels, most at fog:5" in x for x in found.against)
    assert any("is smaller where the gap is larger" in line for line in found.against)


def test_no_sign_where_no_measure_rises() -> None:
    found = claim(REQUEST, rows([ZERO] * 3, [ZERO] * 3, [ZERO] * 8))
    assert "lower precision makes no difference beyond its interval at W8 (+0.000," in found.text
    assert "Flatness is not the sign of a smaller gap here: by Kendall's tau" in found.text


def test_size_alone_is_no_sign() -> None:
    """Measures that rise over the pool, but not where only precision changes."""
    found = claim(REQUEST, rows([ZERO] * 3, [ZERO] * 3, [ABOVE] * 8, [ZERO] * 8))
    assert "Flatness is not the sign of a smaller gap here" in found.text
    assert "interval, 0 of 8 measures rise" in found.text
    assert "over all networks 8 rise and 0 fall" in found.text
    line = "Kendall's tau of sharpness-init with the gap: +0.200 (+0.100 to +0.300) over all"
    assert any(x.startswith(line) and "+0.000" in x for x in found.evidence)


def test_norms_and_failed_searches_are_said() -> None:
    given = rows([BELOW] * 3, [BELOW] * 3, [ABOVE] * 8).rows
    given.append(Row(POOL, "all", "clean", "kendall:l2", -0.5, -0.6, -0.4))
    given += [Row("a", "W2", "clean", "mag_alpha", a) for a in (2 / 2**15, 0.1)]
    found = claim(REQUEST, Rows(given))
    assert any("L2 norm alone follows the gap as closely" in line for line in found.against)
    assert any(line.startswith("1 of 2 networks bear not even") for line in found.evidence)
