"""Outcomes, and the shares and intervals made of them."""

from dataclasses import replace

import numpy as np
import pytest

from maccord.verify.faults.intervals import paired_difference, weighted, wilson
from maccord.verify.faults.outcomes import Record, classify, ranking
from maccord.verify.faults.plot import avf_plot
from maccord.verify.faults.registers import Register
from maccord.verify.faults.runs import Ended, Fault
from maccord.verify.faults.tables import by_bit, by_block, by_register, differences, overall

FOUND = (
    Register(("core", "array"), "sums", 8, 1, False, ()),
    Register(("core", "requantizer_2"), "rounded", 8, 1, False, ()),
    Register(("core", "bank0"), "memory", 8, 64, True, ()),
)
GOLDEN = np.array([10, 200, 30, 40, 50, 60, 70, 5], np.uint8)
FAULT = Fault(4, 0, 0, 3, 99)
MASKED = Ended(4, "equal", 256, 0, -1, 0, 0, -1, 0, 0, 0, b"")


def judged(ended: Ended, fault: Fault = FAULT) -> Record:
    return classify(
        fault, ended, GOLDEN, level="clean", image=0, registers=FOUND, tensors=("a", "b")
    )


def scores(**changes: int) -> bytes:
    found = GOLDEN.copy()
    for name, value in changes.items():
        found[int(name[1:])] = value
    return (found ^ 0x80).tobytes()


@pytest.mark.parametrize(
    ("changes", "outcome", "top1"),
    [
        ({"wrong": 3, "output": b""}, "tolerated", 1),
        ({"wrong": 0, "output": scores(c0=11)}, "tolerated", 1),
        ({"wrong": 3, "output": scores(c1=0)}, "sdc1", 6),
        ({"wrong": 3, "output": scores(c2=255)}, "sdc5", 2),
        ({"wrong": 3, "output": scores(c6=255)}, "sdc1", 6),
        ({"wrong": 3, "output": scores(c7=200, c1=200)}, "tolerated", 1),
        ({"wrong": 3, "end": "error"}, "due", -1),
        ({"wrong": 0, "end": "hang"}, "due", -1),
        ({}, "masked", 1),
    ],
)
def test_outcomes(changes: dict, outcome: str, top1: int) -> None:
    record = judged(replace(MASKED, **changes))
    assert (record.outcome, record.top1) == (outcome, top1)
    assert (record.masked_in == "") == (outcome != "masked")


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"last": 1, "age": 9}, ("requantizer", "core.requantizer_2.rounded")),
        ({"last": 0, "age": 2}, ("overwritten", "")),
        ({"last": 1, "age": 256, "alive": 2}, ("later", "")),
        ({"last": -1}, ("later", "")),
        ({"end": "done", "last": 1, "age": 3}, ("later", "")),
        ({"end": "unread"}, ("unread", "")),
        ({"end": "overwritten"}, ("overwritten", "")),
    ],
)
def test_where_faults_are_masked(changes: dict, where: tuple[str, str]) -> None:
    record = judged(replace(MASKED, **changes))
    assert (record.masked_in, record.masked_register) == where


def test_equal_scores_rank_in_their_order() -> None:
    assert ranking(np.array([3, 9, 9, 0], np.uint8)) == [1, 2, 0, 3]


def test_wilson_stays_in_bounds() -> None:
    for count, of in ((0, 10), (10, 10), (0, 138), (3, 7)):
        share, low, high = wilson(count, of)
        assert 0 <= low <= share <= high <= 1
    assert wilson(0, 0) == (0.0, 0.0, 1.0)


def test_paired_differences_cover_the_truth() -> None:
    """In 95 % of samples of a known population, give or take three standard errors of 2000."""
    rng = np.random.default_rng(0)
    shares = np.array([0.15, 0.05, 0.10, 0.70])  # both, first alone, second alone, none
    truth = shares[2] - shares[1]
    samples = rng.multinomial(138, shares, 2000)
    covered = [low <= truth <= high for _, low, high in (paired_difference(*s) for s in samples)]
    assert 0.935 <= np.mean(covered) <= 0.98


def test_weighted_sums_cover_the_truth() -> None:
    rng = np.random.default_rng(1)
    shares, weights = np.array([0.3, 0.02, 0.6]), [10.0, 85.0, 5.0]
    truth = float(shares @ weights) / 100
    covered = []
    for counts in rng.binomial(138, shares, (2000, 3)):
        _, low, high = weighted([wilson(int(count), 138) for count in counts], weights)
        covered.append(low <= truth <= high)
    assert 0.935 <= np.mean(covered) <= 0.985


def _records() -> list[Record]:
    """Per level 6 faults: 4 in the array, 2 in the bank."""
    clean = ["masked", "masked", "tolerated", "due", "masked", "masked"]
    noisy = ["masked", "sdc1", "tolerated", "due", "masked", "sdc5"]
    found = []
    for level, outcomes in (("clean", clean), ("awgn:0.3", noisy)):
        for number, outcome in enumerate(outcomes):
            fault = Fault(number, 0 if number < 4 else 2, 0, number % 2, 5)
            found.append(replace(judged(MASKED, fault), level=level, outcome=outcome))
    return found


def test_shares_by_block_register_and_bit() -> None:
    records = _records()
    blocks = by_block(records, FOUND, 0.95)
    assert [(s.level, s.name, s.bits, s.faults, s.masked) for s in blocks] == [
        ("clean", "array", 8, 4, 2), ("clean", "bank", 512, 2, 2),
        ("awgn:0.3", "array", 8, 4, 1), ("awgn:0.3", "bank", 512, 2, 1),
    ]  # fmt: skip
    assert (blocks[0].avf, blocks[0].critical, blocks[2].critical) == (0.5, 0.25, 0.5)
    total = overall(blocks)
    assert total[0].avf == pytest.approx(8 / 520 * 0.5) and total[0].faults == 6
    assert {s.name for s in by_bit(records, 0.95)} == {
        f"{b}[{i}]" for b in ("array", "bank") for i in (0, 1)
    }
    assert [s.bits for s in by_register(records, FOUND, 0.95)] == [8, 512, 8, 512]
    plot = avf_plot(blocks)
    assert all(word in plot for word in ("clean", "awgn:0.3", "array", "bank"))


def test_differences_are_paired() -> None:
    records = _records()
    found = differences(records, by_block(records, FOUND, 0.95), 0.95)
    by_name = {(d.measure, d.name): d for d in found}
    array = by_name["avf", "array"]
    assert (array.perturbed_only, array.clean_only, array.difference) == (1, 0, 0.25)
    total = by_name["critical", "all"]
    assert (total.faults, total.perturbed_only, total.clean_only) == (6, 2, 0)
    mean = by_name["critical", "mean"]
    assert mean.difference == pytest.approx(2 / 6) and mean.low < total.difference
    assert total.difference == pytest.approx(8 / 520 * 0.25 + 512 / 520 * 0.5)
