"""`maccord compile`: what it says and writes, and its exit codes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from maccord.cli import main as cli
from maccord.golden.network import execute
from maccord.sim.export import write

NETWORK = """
from torch import nn


def small():
    return nn.Sequential(nn.Conv2d(3, 4, 3, 8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                         nn.Linear(4, 3))


class Squared(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 4, 8, 8), nn.Linear(4, 3)

    def forward(self, x):
        x = self.conv(x)
        return self.fc((x * x).mean((2, 3)))


def swish():
    return nn.Sequential(nn.Conv2d(3, 4, 8, 8), nn.SiLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                         nn.Linear(4, 3))

"""
SIZE = ("--rows", "4", "--cols", "4", "--axi-bytes", "8")


def run(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *arguments: str,
) -> tuple[int, str, str]:
    """Exit code, and what the command says."""
    monkeypatch.setattr(sys, "argv", ["maccord", "compile", *arguments, *SIZE])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert isinstance(ended.value.code, int)
    said = capsys.readouterr()
    return ended.value.code, said.out, said.err


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    (tmp_path / "compiled_networks.py").write_text(NETWORK)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(cli.signal, "signal", lambda *_: None)
    yield "compiled_networks"
    sys.modules.pop("compiled_networks", None)


def test_a_module(
    module: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    small = ("--module", f"{module}:small", "-o", "out", "--batch", "2", "--hex")
    code, out, err = run(monkeypatch, capsys, *small)
    assert (code, err) == (0, "")
    assert "out: small for r4c4-b8, " in out and "NumPy = PyTorch (qnnpack)" in out
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert (manifest["batch"], manifest["layer"]) == (2, "")
    assert manifest["provenance"]["command"].startswith("maccord compile --module ")
    assert set(manifest["provenance"]["digests"]) == {"weights", "input"}
    assert len((tmp_path / "out" / "memory.hex").read_text().splitlines()[0]) == 16
    layer = ("small.0", "--module", f"{module}:small", "-o", "out")
    assert run(monkeypatch, capsys, *layer)[0] == 0
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert (manifest["layer"], len(manifest["steps"])) == ("small.0", 1)


def test_a_network_with_a_product(
    module: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The hardware that it needs; or the host, or a refusal, where the user declines that."""
    squared = ("--module", f"{module}:Squared", "-o", "out")
    code, out, err = run(monkeypatch, capsys, *squared)
    assert (code, err) == (0, "")
    assert "out: Squared for r4c4-b8-product, " in out and out.count("PRODUCT") == 1
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["accelerator"]["parameters"]["product"] is True
    assert [step["op"] for step in manifest["steps"]][1] == "mul"
    code, out, err = run(monkeypatch, capsys, *squared, "--no-product")
    assert code == 0
    assert err == "r4c4-b8 lacks hardware, so the host computes Squared.mul (mul)\n"
    assert "the host has to compute Squared.mul (mul)" in out
    code, out, err = run(monkeypatch, capsys, *squared, "--no-product", "--strict")
    assert (code, out) == (2, "")
    assert "Squared.mul: product must be True to multiply two tensors" in err


def test_a_network_with_a_table(
    module: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    swish = ("--module", f"{module}:swish", "-o", "out")
    code, out, err = run(monkeypatch, capsys, *swish)
    assert (code, err) == (0, "")
    assert "out: swish for r4c4-b8-lookup, " in out and out.count("LOOKUP") == 1
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["accelerator"]["parameters"]["lookup"] is True
    step, *others = manifest["steps"]
    assert (step["name"], step["layer"], step["op"]) == ("swish.1", "swish.0", "conv2d")
    operation = manifest["operations"][0]
    table = np.load(tmp_path / "out" / operation["table"])
    memory = np.fromfile(tmp_path / "out" / "memory.bin", np.uint8)
    there = memory[step["table_offset"] : step["table_offset"] + 256]
    codes = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(there[codes ^ 0x80], table ^ 0x80)
    assert len(set(table.tolist())) > 20
    assert all(other["table_offset"] is None for other in others)
    code, out, err = run(monkeypatch, capsys, *swish, "--no-lookup")
    assert (code, err) == (0, "r4c4-b8 lacks hardware, so the host computes swish.1 (lookup)\n")
    code, out, err = run(monkeypatch, capsys, *swish, "--no-lookup", "--strict")
    assert (code, out) == (2, "")
    assert "swish.1: a table needs hardware with lookup (--lookup), got r4c4-b8" in err


def test_a_mismatch_is_exit_code_1(
    module: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def wrong(*arguments: object) -> dict[str, np.ndarray]:
        tensors = execute(*arguments)  # type: ignore[arg-type]
        return tensors | {"small.4": tensors["small.4"] ^ np.uint8(1)}

    monkeypatch.setattr(write, "execute", wrong)
    small = ("--module", f"{module}:small", "-o", "out")
    code, out, err = run(monkeypatch, capsys, *small)
    assert (code, out) == (1, "")
    assert err.startswith("maccord: small.4: 3 of 3 codes of the golden model differ from PyTorch")
    assert not (tmp_path / "out").exists()


def test_several_layers_of_a_module_are_refused(
    module: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, err = run(monkeypatch, capsys, "small.*", "--module", f"{module}:small", "-o", "out")
    assert (code, out) == (2, "")
    assert (
        "target must be one network or layer, got 'small.*', which means 2: small.0, small.4" in err
    )
    assert not (tmp_path / "out").exists()
