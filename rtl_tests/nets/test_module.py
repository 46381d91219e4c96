"""Modules of the user's own: what runs equals PyTorch, what cannot is refused in a sentence."""

import sys
from pathlib import Path

import numpy as np
import pytest

from maccord.golden.network import execute, logits
from maccord.nets.module import load_module

RNG = np.random.default_rng(11)
IMAGES = [RNG.normal(0, 1, (1, 3, 32, 32)).astype(np.float32) for _ in range(4)]

NAMES = {
    "Pooled": [
        "conv",
        "max",
        "avg",
        "cat",
        "mixed",
        "max_pool2d",
        "avg_pool2d",
        "adaptive",
        "flatten",
        "fc1",
        "fc2",
    ],
    "Joined": [
        "stem",
        "pool",
        "pool_1",
        "body.0.conv",
        "body.0.add",
        "body.0.add_1",
        "body.1.conv",
        "body.1.add",
        "body.1.add_1",
        "cat",
        "head",
        "mean",
        "mean.flatten",
        "fc",
    ],
    "Clamped": ["conv", "relu6", "conv2", "hardtanh", "conv3", "clamp", "flatten", "relu", "fc"],
    "Reshaped": ["conv", "mean", "reshape", "fc"],
}
REFUSED = {
    "nested": "nested.1.1.sin: operator must be one that maccord knows .*, got sin",
    "branching": "_Branching must be a network .* that torch.fx can trace, got: .*control flow",
    "two_inputs": "toy_networks:two_inputs takes 2 inputs, x, y: --input-shape or INPUT_SHAPE must",
    "missing_channels": "toy_networks:missing_channels must take an image .*, got .* 3 channels",
    "prelu": "prelu.1: operator must be one that maccord knows .*, got PReLU",
    "silu": "silu.silu: operator must be one that maccord .*, got silu",
    "softmax": "softmax.softmax: operator must be one that maccord .*, got softmax",
    "stacked": r"stacked.cat: dim of cat must be the channels' \(1\), got 2",
    "ceiled": "ceiled.avg_pool2d: ceil_mode and divisor_override of avg_pool2d must be off",
    "uneven": r"uneven.adaptive_avg_pool2d: output_size .* a divisor of \(32, 32\), got \(5, 5\)",
    "rows": r"rows.mean: dim of mean must be the image's two \(2, 3\), got 2",
    "half_open": "half_open.clamp.*: operator must be one that maccord .*, got clamp_min",
    "dilated": "dilated.max_pool2d: dilation must be 1 where there is padding",
    "permuted": r"permuted.permute: dimensions of transpose must be \(0, 2, 1\) of a tensor",
    "no_module": "toy_networks:no_module must make a torch.nn.Module, got int",
    "absent": "module must hold absent, got toy_networks:absent, which does not",
    "CLASSES": "CLASSES must be callable, got int in toy_networks:CLASSES",
}


@pytest.mark.parametrize("name", NAMES)
def test_every_tensor_equals_pytorchs(name) -> None:
    network = load_module(f"toy_networks:{name}", calibration=IMAGES)
    assert network.name == name
    assert [node.name for node in network.graph.nodes] == [f"{name}.{part}" for part in NAMES[name]]
    for x in (IMAGES[0], np.concatenate(IMAGES), IMAGES[1] * 3):
        expected = network.tensors(x)
        tensors = execute(network.graph, expected[f"{name}.input"])
        for key, values in tensors.items():
            np.testing.assert_array_equal(values, expected[key], key)
        ours = logits(network.graph, tensors)
        np.testing.assert_array_equal(ours[0], network.classify(x).logits)
        assert ours.shape == (len(x), 7)
        assert len(np.unique(ours)) > 3


def test_the_seed_decides_the_weights() -> None:
    first, again, other = (
        load_module("toy_networks:Reshaped", seed, IMAGES[:1]).layers["Reshaped.conv"].weight
        for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize("name", REFUSED)
def test_refuses(name) -> None:
    with pytest.raises(ValueError, match=REFUSED[name]) as caught:
        load_module(f"toy_networks:{name}", calibration=IMAGES[:1], strict=True)
    assert "\n" not in str(caught.value)


def test_refuses_specifications() -> None:
    for spec in ("toy_networks", ":x", "toy_networks:", "toy_networks:a.b"):
        with pytest.raises(
            ValueError, match=r"module must be package\.module:factory or FILE\.py:factory"
        ):
            load_module(spec)
    with pytest.raises(ValueError, match="module must be importable, got no_such:x: No module"):
        load_module("no_such:x")
    with pytest.raises(ValueError, match="seed must be at least 0, got -1"):
        load_module("toy_networks:Joined", seed=-1)
    with pytest.raises(ValueError, match=r"input must be float32 .*, got float64 of \(1, 3, 8"):
        load_module("toy_networks:Joined", calibration=[np.zeros((1, 3, 8, 8))])


def load_own(folder, monkeypatch: pytest.MonkeyPatch, text, name="own_network"):
    """Load the factory `net` of a user's file in the working folder; return what is said."""
    path = folder / f"{name}.py"
    path.write_text(text)
    monkeypatch.chdir(folder)
    monkeypatch.delitem(sys.modules, "own_network", raising=False)
    with pytest.raises(ValueError) as caught:
        load_module(f"{name}:net", calibration=IMAGES[:1])
    return str(caught.value), path


BROKEN = {
    "def net(:": ("must be importable, got SyntaxError: invalid syntax", 1),
    "import no_such_thing": ("got ModuleNotFoundError: No module named 'no_such_thing'", 1),
    "\n1 / 0": ("must be importable, got ZeroDivisionError: division by zero", 2),
    "def net():\n    return {}['x']": ("must make a network, got KeyError: 'x'", 2),
    "def net():\n    import sys\n    sys.exit(0)": ("got a call of sys.exit: SystemExit: 0", 3),
    "raise SystemExit": ("must be importable, got a call of sys.exit: SystemExit", 1),
}


@pytest.mark.parametrize("text", BROKEN)
def test_the_users_own_error_has_their_file_and_line(
    text, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said, path = load_own(tmp_path, monkeypatch, text)
    words, line = BROKEN[text]
    assert words in said
    assert said.endswith(f"({path}, line {line})") and "\n" not in said


def test_weights_that_are_no_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (
        "from torch import nn\n"
        "def net():\n"
        "    layer = nn.Conv2d(3, 4, 1)\n"
        "    nn.init.constant_(layer.bias, float('nan'))\n"
        "    return layer\n"
    )
    said, _ = load_own(tmp_path, monkeypatch, text)
    assert said == "weights must be finite numbers, got others in bias of own_network:net"


def test_a_file_whose_name_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said, _ = load_own(tmp_path, monkeypatch, "net = 5", name="json")
    assert said.startswith("json.py must have a name that no other module has, got that of ")


def test_a_file_comes_before_the_librarys_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "this", raising=False)
    said, _ = load_own(tmp_path, monkeypatch, "net = 5", name="this")
    monkeypatch.delitem(sys.modules, "this", raising=False)
    assert said == "net must be callable, got int in this:net"
