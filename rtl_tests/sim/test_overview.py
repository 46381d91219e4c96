"""`maccord layers` without a name: the built-in networks, none of them quantized."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from maccord.nets import framework
from maccord.nets.networks import NETWORKS, architecture
from maccord.sim import cli_layers
from maccord.sim.inputs import Inputs
from maccord.sim.overview import describe_network


@pytest.mark.parametrize(
    ("name", "layers", "macs"),
    [  # multiplications of one image, as torchvision's table of models has them, in billions
        ("resnet18", 21, 1.81),
        ("vgg16", 16, 15.47),
        ("mobilenet_v2", 53, 0.30),
        ("vgg19", 19, 19.63),
    ],
)
def test_counts_are_the_published_ones(name: str, layers: int, macs: float) -> None:
    row = describe_network(architecture(name))
    assert (row["network"], row["layers"]) == (name, layers)
    assert round(row["macs"] / 1e9, 2) == macs  # pyright: ignore[reportOperatorIssue]


def test_nothing_is_quantized(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("convert", "rebuild"):
        monkeypatch.setattr(framework, name, lambda *_, **__: pytest.fail("a network is quantized"))
    monkeypatch.setattr(cli_layers, "chosen", lambda *_: pytest.fail("a network is loaded"))
    path = tmp_path / "networks.json"
    cli_layers.run((), path, Inputs())
    rows = json.loads(path.read_text())
    assert [row["network"] for row in rows] == list(NETWORKS)
    out = capsys.readouterr().out
    assert all(name in out for name in NETWORKS)
    assert "maccord layers NETWORK lists the layers of one" in out


def test_weights_need_a_network() -> None:
    for inputs, got in ((Inputs(weights=Path("w.pt")), "w.pt"), (Inputs(weight_bits="4"), "4")):
        with pytest.raises(ValueError, match=f"networks must be one with .* got .*{got} alone"):
            cli_layers.run((), None, inputs)
