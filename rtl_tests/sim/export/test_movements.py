"""What moves codes, computed from a folder of `maccord compile` without maccord."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from operator_networks import NETWORKS
from result_schemas import validate

from maccord import api
from maccord.spec.parameters import Parameters


def _moved(movement: dict[str, Any], x: np.ndarray) -> np.ndarray:
    """The result, by the manifest's documentation alone."""
    index = tuple(slice(a, a + (n - 1) * step + 1, step) for a, n, step in movement["spans"])
    down, across = movement["factors"]
    x = x[(slice(None), *index)].repeat(down, 1).repeat(across, 2)
    groups = x.reshape(*x.shape[:-1], movement["groups"], -1)
    return groups.swapaxes(-1, -2).reshape(x.shape)


@pytest.mark.parametrize("name", ["upsampled", "sliced", "shuffled"])
def test_movements_are_whole_in_the_manifest(name: str, tmp_path: Path) -> None:
    case = NETWORKS[name]
    network = api.quantize(case.make(), case.images(), "net")
    api.export(network, case.images(), tmp_path / "net", Parameters(4, 4, axi_bytes=8))
    manifest = json.loads((tmp_path / "net" / "manifest.json").read_text())
    validate("compile", manifest)
    files = {tensor["name"]: tensor["expected"] for tensor in manifest["tensors"]}
    codes = {tensor: np.load(tmp_path / "net" / path) for tensor, path in files.items()}
    moves = [entry for entry in manifest["operations"] if entry["movement"]]
    assert len(moves) >= 3
    for entry in moves:
        found = _moved(entry["movement"], codes[entry["inputs"][0]])
        np.testing.assert_array_equal(found, codes[entry["name"]], entry["name"])


def test_transposed_convolutions_say_their_output_padding(tmp_path: Path) -> None:
    case = NETWORKS["transposed"]
    network = api.quantize(case.make(), case.images(), "net")
    api.export(network, case.images(), tmp_path / "net", Parameters(4, 4, axi_bytes=8))
    manifest = json.loads((tmp_path / "net" / "manifest.json").read_text())
    found = {
        entry["name"]: entry["geometry"]["output_padding"]
        for entry in manifest["operations"]
        if entry["op"] == "conv_transpose2d"
    }
    assert found["net.body.three"] == [1, 1]
    assert found["net.body.depthwise"] == [0, 1]
