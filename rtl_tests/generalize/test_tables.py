"""The paper's printed figures stand beside the user's, and agree with each other."""

import pytest

from maccord.generalize.measures import MEASURES
from maccord.generalize.published import GAPS, MEASURED, NORMS, corrupted, printed
from maccord.generalize.request import GeneralizeRequest
from maccord.generalize.rows import POOL, Row, Rows
from maccord.generalize.tables import tables
from maccord.nets.corruptions.tables import KINDS, SEVERITIES

BITS = ("FP32", "W8", "W4", "W2")
REQUEST = GeneralizeRequest(pool="tiny")
SETTING = REQUEST.shown[0].setting
WNIDS = [f"n{number:08}" for number in range(1000)]


def rows():
    found = []
    for place, bits in enumerate(BITS):
        found.append(Row(POOL, bits, "clean", "gap", 0.3 - 0.1 * place))
        found.append(Row(SETTING, bits, "clean", "l2", 5.0 + place))
        found += [Row(POOL, bits, "clean", name, 1.0) for name in MEASURES]
        for severity in SEVERITIES:
            value = severity * (1 + place / 10)
            found.append(Row(SETTING, bits, f"fog:{severity}", "float_gap", value))
    return Rows(found)


def made(data):
    return {table.number: dict(table.rows) for table in tables(REQUEST, rows(), [], data)}


def values(cells):
    return [cell.value for cell in cells]


@pytest.mark.parametrize("data", ["cifar10", "cifar100", "imagenet"])
def test_the_papers_tables_1_to_3_stand_beside(data) -> None:
    found = made(data)
    for number, given in (("1", GAPS), ("2", NORMS), ("3", MEASURED)):
        labels = [label for label in found[number] if label.endswith(", published")]
        lines = len(given[data]) * (1 if number == "2" else len(BITS))
        assert len(labels) == lines
    for network, by in GAPS[data].items():
        for bits, (_, _, train, test, gap) in by.items():
            assert gap == pytest.approx(test - train, abs=0.011)  # as rounded there
            line = values(found["1"][f"{bits}, {network}, published"])
            assert line[4:] == pytest.approx([gap, gap - by["FP32"][4]])


def test_table_2_and_3_are_of_the_same_networks() -> None:
    for data in ("cifar10", "cifar100"):
        assert list(NORMS[data]) == list(MEASURED[data])
    assert NORMS["cifar10"]["NiN (4x10)"]["FP32"] == 130.686
    assert MEASURED["imagenet"]["DeiT-T"]["W2"][-1] == 33.763


def test_imagenets_table_6_stands_by_severity() -> None:
    found = made("imagenet")["4 and 6"]
    names = ["fog", *(f"fog, {n}, published" for n in ("ResNet-18", "MobileNet V2", "ResNet-50"))]
    assert list(found) == names  # only of corruptions that were run
    own = values(found["fog"])
    assert own[4:8] == pytest.approx([2, 2.2, 2.4, 2.6])
    line = found["fog, ResNet-18, published"]
    assert values(line)[:4] == [0.809, 0.42, 0.444, 0.405]
    assert values(line)[-4:] == [3.77, 3.03, 3.141, 3.275]
    assert [cell.better for cell in line[:4]] == [None, True, True, True]
    worse = found["fog, MobileNet V2, published"][3]
    assert (worse.value, worse.better) == (3.874, False)
    assert "fog, ResNet-18, published" not in made("imagenet")["5"]


def test_cifar_100s_table_5_stands_beside_the_means() -> None:
    found = made("cifar100")["5"]
    assert list(found) == [
        "fog",
        *(f"fog, {name}, published" for name in ("ResNet-18", "MobileNet V1", "VGG-19")),
    ]
    assert values(found["fog"]) == pytest.approx([3, 3.3, 3.6, 3.9])
    assert values(found["fog, VGG-19, published"]) == [1.88, 0.338, 0.238, 0.145]
    assert "fog, VGG-19, published" not in made("cifar100")["4 and 6"]


def test_other_data_has_no_printed_figures() -> None:
    for table in made("").values():
        assert not any("published" in label for label in table)
    assert printed("cifar100", ["apple"]) == "cifar100"
    assert printed("folder", WNIDS) == "imagenet"
    assert printed("folder", WNIDS[:100]) == printed("digits", list("0123456789")) == ""


def test_printed_corruptions_are_complete() -> None:
    """45 lines of 20 figures in table 6, 15 of 12 in table 5; a corruption harms."""
    found = corrupted("imagenet")
    assert len(found) == len(KINDS) * len(SEVERITIES) * 3
    assert all(set(by) == set(BITS) for by in found.values())
    for kind in KINDS:
        for network in ("ResNet-18", "MobileNet V2", "ResNet-50"):
            assert found[kind, network, 5]["FP32"] > found[kind, network, 1]["FP32"]
    assert len(corrupted("cifar100")) == len(KINDS) * 3
    assert not corrupted("cifar10")
