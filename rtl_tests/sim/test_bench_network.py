"""The benchmark of whole networks compares what is equal, and says which is which."""

import json

import numpy as np
import pytest
import torch
from result_schemas import validate
from toy_networks import CLASSES, Joined

from maccord.nets.integer import IntegerNetwork
from maccord.nets.library import QuantizedNetwork, quantized
from maccord.runtime.errors import SimulationError
from maccord.sim.bench import content
from maccord.sim.bench_network import compare


def network() -> tuple[QuantizedNetwork, np.ndarray]:
    images = np.random.default_rng(0).normal(size=(3, 3, 16, 16)).astype(np.float32)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return quantized(Joined().eval(), "Joined", "seed 0", [images[:1]]), images


def test_a_ratio() -> None:
    ratio = compare(*network(), seconds=0.001)
    assert (ratio.what, ratio.ours, ratio.unit) == (
        *("Joined, 3 images of 16 x 16", "integer network", "s"),
    )
    machine = {"torch": "2", "numpy": "2", "verilator": "5.040", "compiler": "g++ 12"}
    found = json.loads(json.dumps(content([ratio], machine, {"weights": "0123"})))
    validate("bench", found)
    assert found["provenance"]["versions"]["verilator"] == "5.040"
    assert ratio.ratio == ratio.ours_value / ratio.other_value and ratio.rounds >= 1


def test_unequal_logits_are_no_benchmark(monkeypatch: pytest.MonkeyPatch) -> None:
    given, images = network()
    monkeypatch.setattr(IntegerNetwork, "logits", lambda *_: np.zeros((3, CLASSES), np.float32))
    with pytest.raises(SimulationError, match="Joined: the integer network and PyTorch's differ"):
        compare(given, images, seconds=0.001)
