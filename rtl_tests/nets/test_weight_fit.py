"""Weights of another width are refused in a sentence, before anything is quantized or trained."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Never

import pytest
import torch
from torch import nn

from maccord.nets import library, module
from maccord.nets.networks import architecture
from maccord.nets.sizes import resized
from maccord.nets.training import embedded, lsq
from maccord.nets.training.digits import outline
from maccord.nets.training.embedded import ACCURACIES, Accuracy, train_widths
from maccord.nets.training.start import fresh
from maccord.nets.weight_fit import bits_needed, check_trained, check_weights_fit
from maccord.sim.inputs import Inputs
from maccord.sim.recording import chosen
from maccord.study import prepare
from maccord.study.request import StudyRequest


def _never(*_: object, **__: object) -> Never:
    pytest.fail("a network was quantized or trained")


def on_lattices() -> nn.Sequential:
    """Layers of 8-bit weights, then of 15 values, then of 3."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = nn.Sequential(nn.Conv2d(3, 6, 3), nn.Conv2d(6, 6, 3, groups=6), nn.Linear(9, 5))
    with torch.no_grad():
        for place, levels in ((1, 7), (2, 1)):
            weight = model[place].get_parameter("weight")
            step = weight.abs().max() / levels
            weight.copy_((weight / step).round().clamp(-levels, levels) * step)
    return model.eval()


OWN = """
from torch import nn

def net():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3))
"""


def trained_as(network: nn.Module, bits: int, *, ends: int = 8) -> nn.Module:
    """The network with its seeded weights quantized as at the beginning of a training."""
    lsq.attach(network, lsq.widths(network, bits, ends=ends))
    lsq.detach(network)
    return network


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A NiN with weights of 4 bits in all layers."""
    model = fresh(resized(architecture("nin"), depth=1, width=1), 10, 0)
    torch.save(trained_as(model, 4, ends=4).state_dict(), tmp_path / "nin.pt")
    return tmp_path / "nin.pt"


@pytest.mark.parametrize("bits", [8, 4, 2])
def test_bits_needed(bits: int) -> None:
    """All codes of a width, the most negative too, on a lattice for each channel."""
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1
    codes = torch.arange(low, high + 1, dtype=torch.float32)
    assert bits_needed(torch.stack([codes * 0.37, codes * 1e-3])) == bits
    assert bits_needed(torch.cat([codes, torch.tensor([0.0, 1.0])])[None]) == bits
    assert bits_needed(torch.zeros(2, 3)) == 2
    off = codes * 0.37
    off[1] += 0.1
    assert bits_needed(off[None]) == 8


def test_first_layer_that_does_not_fit() -> None:
    with pytest.raises(ValueError, match=r"auto or 8 for net\.0, whose weights .* got 4"):
        check_weights_fit(on_lattices(), "4", "net")
    narrow = on_lattices()[1:]
    check_weights_fit(narrow, "4", "net")
    with pytest.raises(ValueError, match=r"auto or 4 for net\.1, whose weights .* got 2"):
        check_weights_fit(narrow, "2", "net")
    for choice in ("auto", "8"):
        check_weights_fit(on_lattices(), choice, "net")


def test_sim_refuses_at_once(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "load", _never)
    monkeypatch.setattr(module, "quantized", _never)
    with pytest.raises(ValueError, match=r"auto or 4 for nin.blocks.0.0 of .*nin.pt, .* got 2"):
        list(chosen(["nin"], Inputs(weights=checkpoint, weight_bits="2")))
    with pytest.raises(ValueError, match=r"auto or 8 for vgg19 without weights .* got 4"):
        list(chosen(["vgg19"], Inputs(weight_bits="4")))
    own = checkpoint.with_name("own.py")
    own.write_text(OWN)
    with pytest.raises(ValueError, match=r"auto or 8 for net.0, whose weights .* got 4"):
        list(chosen([], Inputs(module=f"{own}:net", weight_bits="4")))


@pytest.mark.parametrize(
    ("name", "written", "needed"), [("resnet18-w2", 4, 4), ("resnet18-w4", None, 8)]
)
def test_the_study_refuses_before_it_trains(
    name: str, written: int | None, needed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepare, "trained", _never)
    monkeypatch.setattr(prepare, "quantized_network", _never)
    model = outline("resnet18") if written is None else trained_as(outline("resnet18"), written)
    path = tmp_path / "given.pt"
    torch.save(model.state_dict(), path)
    asked = StudyRequest(networks=("resnet18", name), weights={name: path}, out=tmp_path)
    said = rf"weights of {name} in .*given.pt must be quantized in training to {name[-1]} bits .*"
    said += rf"got layer1.0.conv1, whose weights need {needed}"
    with ThreadPoolExecutor(1) as pool, pytest.raises(ValueError, match=said):
        prepare.subjects(asked, pool)


def test_weights_of_the_name_pass() -> None:
    for bits in (8, 4, 2):
        model = trained_as(outline("nin"), bits)
        check_trained(model, lsq.widths(model, bits), "weights")


def test_a_folder_with_weights_of_another_width_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "train", _never)
    torch.save(trained_as(outline("nin"), 4).state_dict(), tmp_path / "nin-w2.pt")
    known = {"nin-w2": Accuracy("nin-w2", 2, 1.0, 1.0, 0, None)}
    embedded._write(tmp_path, "nin", known)
    assert (tmp_path / ACCURACIES).is_file()
    with pytest.raises(ValueError, match=r"nin-w2.pt must be quantized in training to 2 bits"):
        train_widths("nin", [2], tmp_path)
