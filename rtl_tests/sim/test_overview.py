"""`maccord layers` without a name: the built-in networks, none of them quantized."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from maccord.nets import framework
from maccord.nets.networks import NETWORKS, architecture
from maccord.nets.transformer.architectures import ARCHITECTURES
from maccord.nets.transformer.names import TRANSFORMERS
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


@pytest.mark.parametrize(
    ("name", "layers", "macs"), [("deit_tiny", 50, 1.25), ("swin_tiny", 53, 4.49)]
)
def test_counts_of_transformers_have_the_products(name: str, layers: int, macs: float) -> None:
    row = describe_network(ARCHITECTURES[name])
    assert (row["layers"], row["runs_on"]) == (layers, "accelerator")
    assert round(row["macs"] / 1e9, 2) == macs  # pyright: ignore[reportOperatorIssue]


def test_operations_of_a_transformer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As many multiplications as the overview has."""
    path = tmp_path / "layers.json"
    cli_layers.run(("swin_digits",), path, Inputs(weight_bits="auto"))
    rows = json.loads(path.read_text())
    total = describe_network(ARCHITECTURES["swin_digits"])["macs"]
    assert sum(row["macs"] for row in rows) == total
    assert {row["runs_on"] for row in rows} == {"accelerator"}
    assert f"{len(rows)} layers, {total:,} MACs" in capsys.readouterr().out
    cli_layers.run(("deit_digits.blocks.1.attn.qkv.*",), path, Inputs())
    assert [row["layer"][-5:] for row in json.loads(path.read_text())] == [
        "qkv.q",
        "qkv.k",
        "qkv.v",
    ]
    with pytest.raises(ValueError, match="beside a transformer must be transformers, got resnet18"):
        cli_layers.run(("swin_digits", "resnet18"), None, Inputs())
    with pytest.raises(ValueError, match="must be an operation that maccord layers deit_digits"):
        cli_layers.run(("deit_digits.foo",), None, Inputs())


def test_nothing_is_quantized(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("convert", "rebuild"):
        monkeypatch.setattr(framework, name, lambda *_, **__: pytest.fail("a network is quantized"))
    monkeypatch.setattr(cli_layers, "chosen", lambda *_: pytest.fail("a network is loaded"))
    path = tmp_path / "networks.json"
    cli_layers.run((), path, Inputs())
    rows = json.loads(path.read_text())
    assert [row["network"] for row in rows] == [*NETWORKS, *TRANSFORMERS]
    runs_on = ["accelerator"] * len(NETWORKS) + ["accelerator"] * len(TRANSFORMERS)
    assert [row["runs_on"] for row in rows] == runs_on
    out = capsys.readouterr().out
    assert all(name in out for name in (*NETWORKS, *TRANSFORMERS))
    assert "maccord layers NETWORK lists the layers of one" in out


def test_weights_need_a_network() -> None:
    for inputs, got in ((Inputs(weights=Path("w.pt")), "w.pt"), (Inputs(weight_bits="4"), "4")):
        with pytest.raises(ValueError, match=f"networks must be one with .* got .*{got} alone"):
            cli_layers.run((), None, inputs)
