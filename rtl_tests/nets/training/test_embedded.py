"""Reduced networks on the digits, trained once for each width."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from maccord.nets.library import quantized
from maccord.nets.training.digit_names import DIGITS, check_digits, split
from maccord.nets.training.digits import RECIPES
from maccord.nets.training.embedded import CALIBRATION, FACTORIES, TEST, train_widths


def test_names() -> None:
    assert tuple(RECIPES) == DIGITS
    assert split("mobilenet_v2-w4") == ("mobilenet_v2", 4)
    check_digits("nin-w2")
    with pytest.raises(ValueError, match=r"must be of resnet18, .* got nin-w3"):
        check_digits("nin-w3")


def test_a_folder_of_widths(tmp_path: Path) -> None:
    calls: list[str] = []

    def note(name: str, *_: object) -> None:
        calls.append(name)

    rows = train_widths("nin", [None, 2], tmp_path, epochs=1, progress=note)
    assert calls == ["nin", "nin-w2"]
    assert [(row.name, row.weight_bits) for row in rows] == [("nin", None), ("nin-w2", 2)]
    assert train_widths("nin", [2], tmp_path, epochs=1, progress=note) == rows[1:]
    assert len(calls) == 2, "finished networks are trained again"
    spec = importlib.util.spec_from_file_location("networks", tmp_path / FACTORIES)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    calibration, test = (np.load(tmp_path / name) for name in (CALIBRATION, TEST))
    assert calibration.shape == (100, *module.INPUT_SHAPE[1:])
    network = quantized(module.nin_w2(), "nin_w2", "trained", list(calibration[:8, None]))
    widths = [x.weight_bits for x in network.with_weight_bits("auto").layers.values()]
    assert widths == [8, *[2] * (len(widths) - 2), 8]
    assert network.results(test)[network.graph.output].shape == (len(test), 10)
