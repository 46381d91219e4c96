"""Agreement with other libraries: live where they are installed, recorded figures elsewhere."""

import json
import re
import subprocess
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from maccord.generalize import agreement, attack_reference, corruption_reference
from maccord.generalize.attack_reference import AttackComparison
from maccord.generalize.networks import Trained
from maccord.generalize.pool import Member
from maccord.nets.corruptions.tables import KINDS
from maccord.nets.images import IMAGENET

DOCS = Path(__file__).parents[2] / "docs" / "corruptions.md"
LARGEST = 0.25  # codes
TRAINED = Trained(Member("adam", 0.01, 0, 1, 2), "digits", 64, 1, 32, 0, Path())
PAIRS = [("fgsm", 0.05), ("pgd", 0.05)]


def test_all_75_corruptions_are_recorded() -> None:
    kept = agreement.recorded()["imagecorruptions"]["differences"]
    assert list(kept) == list(KINDS)
    values = np.array(list(kept.values()))
    assert values.shape == (15, 5) and values.max() < LARGEST
    assert (values.max(axis=1) == 0).sum() == 8


def test_the_page_has_the_recorded_figures() -> None:
    kept = agreement.recorded()["imagecorruptions"]["differences"]
    text = DOCS.read_text()
    for kind, values in kept.items():
        if any(values):
            name = kind.removesuffix("_transform").replace("_", " ")
            line = next(x for x in text.splitlines() if re.match(rf"\| {name}( transform)? \|", x))
            printed = [float(cell) for cell in line.split("|")[2:7]]
            assert printed == pytest.approx(values, abs=6e-4), kind


def test_without_the_libraries_the_table_says_so(monkeypatch) -> None:
    def failed(*_, **__):
        return subprocess.CompletedProcess([], 0, json.dumps({"missing": ["cv2"]}), "")

    monkeypatch.setattr(agreement.subprocess, "run", failed)
    monkeypatch.setattr(attack_reference, "installed", lambda: False)
    found = agreement.corruptions()
    assert "imagecorruptions 1.1.2 (recorded; not installed here)" in found.title
    assert len(found.rows) == 15 and all(len(cells) == 5 for _, cells in found.rows)
    found = agreement.attacks(TRAINED, PAIRS)
    assert "toolbox 1.20.1 (recorded; not installed here)" in found.title
    assert [label for label, _ in found.rows] == ["fgsm:0.05", "pgd:0.05"]
    assert not agreement.attacks(TRAINED, []).rows


def test_with_the_libraries_the_figures_are_of_this_run(monkeypatch) -> None:
    ones = {kind: [0.5] * 5 for kind in KINDS}

    def ran(*_, **__):
        return subprocess.CompletedProcess([], 0, json.dumps({"differences": ones}), "")

    monkeypatch.setattr(agreement.subprocess, "run", ran)
    found = agreement.corruptions()
    assert "recorded" not in found.title
    assert {cell.value for _, cells in found.rows for cell in cells} == {0.5}
    monkeypatch.setattr(attack_reference, "installed", lambda: True)
    monkeypatch.setattr(agreement, "_compared", lambda *_: AttackComparison(0.25, 0.5, 1.0, 2.0))
    found = agreement.attacks(TRAINED, [("pgd", 0.1)])
    assert "recorded" not in found.title and "on 10 images" in found.title
    assert [cell.text for cell in found.rows[0][1]] == ["0.25", "0.5", "1.000", "2.000"]


@pytest.mark.slow
def test_the_75_corruptions_are_imagecorruptions() -> None:
    """Live, as recorded: extra `references`."""
    pytest.importorskip("skimage", reason="extra references")
    pytest.importorskip("cv2", reason="extra references")
    if find_spec("imagecorruptions") is None:
        pytest.skip("extra references")
    found = agreement._live_corruptions()
    assert found is not None
    for kind, values in agreement.recorded()["imagecorruptions"]["differences"].items():
        assert found[kind] == pytest.approx(values, abs=2e-3), kind


@pytest.mark.parametrize(("kind", "bound"), PAIRS)
def test_attacks_are_the_toolboxs(kind, bound) -> None:
    """The same images from the same starts, up to rounding: extra `references`."""
    pytest.importorskip("art", reason="extra references")
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, 2), nn.ReLU(), nn.Conv2d(8, 8, 3, 2), nn.ReLU(), nn.Flatten(),
        nn.Linear(8 * 9, 5),
    ).eval()  # fmt: skip
    crops = np.random.default_rng(0).random((6, 16, 16, 3), np.float32)
    labels = np.arange(6) % 5
    found = attack_reference.compare(network, crops, labels, kind, bound, range(6), IMAGENET)
    assert found.share == 0 and found.largest < 1e-6
    assert found.loss == pytest.approx(found.their_loss, abs=1e-5)
    assert corruption_reference.PACKAGE == "imagecorruptions"
